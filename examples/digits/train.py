# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Train the digits network, quantize it, write model.onnx and heldout.npz.

Needs `pip install torch scikit-learn`; nothing else in bitnn does. Takes ten seconds on one
core. The files are in the repository, so this need not be run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from network import Digits, build_onnx
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from bitnn import Reference
from bitnn.npz import write_npz, write_whole

HERE = Path(__file__).parent
EPOCHS = 60
HELD_OUT = 360


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    labels = digits.target.astype(np.uint8)
    parts = train_test_split(images, labels, test_size=HELD_OUT, stratify=labels, random_state=0)
    x, heldout, y, heldout_labels = parts
    network = Digits()
    train(network, torch.from_numpy(x), torch.from_numpy(y).long())
    model = build_onnx(network, activation_ranges(network, torch.from_numpy(x))).model()
    write_whole(HERE / "model.onnx", model.SerializeToString())
    write_npz(HERE / "heldout.npz", {"image": heldout, "label": heldout_labels})
    with torch.no_grad():
        report("float32", network(torch.from_numpy(heldout)).numpy(), heldout_labels)
    reference = Reference(model)
    scores = [reference({"image": image[None]})["scores"][0] for image in heldout]
    report("int8", np.stack(scores), heldout_labels)


def train(network: nn.Module, x: Tensor, y: Tensor) -> None:
    """Adam with a falling rate."""
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(32):
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()


def activation_ranges(network: Digits, x: Tensor) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of every activation over the training images."""
    with torch.no_grad():
        at = network.activations(x)
    return {name: (float(value.min()), float(value.max())) for name, value in at.items()}


def report(kind: str, scores: np.ndarray, labels: np.ndarray) -> None:
    right = int((scores.argmax(axis=1) == labels).sum())
    print(f"{kind}: {right} of {len(labels)} held-out images right ({right / len(labels):.2%})")


if __name__ == "__main__":
    main()

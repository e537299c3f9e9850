# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every network of `bitnn train --model`: pruned to a budget, exported, the same integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bitnn

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: no cross-check")

from bitnn.peers import Session  # noqa: E402
from bitnn.training import models  # noqa: E402
from bitnn.training.layers import iter_quantized_layers  # noqa: E402
from bitnn.training.methods.base import adds_per_mac  # noqa: E402

# Channels and size, as small as the network takes.
INPUTS = {
    "mlp": (1, 16),
    "lenet": (1, 16),
    "resnet8": (3, 8),
    "resnet20": (3, 8),
    "ds-cnn": (1, 12),
    "mobilenet": (3, 32),
    "autoencoder": (1, 8),
    "convnext": (3, 16),
}
# Images, classes and parameters in millions: He et al. 2016 with the CIFAR stem, Liu et al. 2022.
LARGE = {"resnet18": (32, 10, 11.17), "convnext-base": (224, 1000, 88.6)}


def test_every_model_is_tested() -> None:
    assert INPUTS.keys() | LARGE.keys() == models.MODELS.keys()


@pytest.mark.parametrize("name", INPUTS)
def test_models_are_pruned_and_exported(name: str, seed: int, tmp_path: Path) -> None:
    """Two steps towards a budget on random data, then a file with the same outputs."""
    print(f"seed {seed}")
    torch.manual_seed(seed)
    channels, size = INPUTS[name]
    sample = torch.rand(4, channels, size, size)
    model = bitnn.prepare(models.build(name, channels, 10, size), sample)
    pruner = bitnn.BitPruning(model, budget=0.4)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    for _ in range(2):
        loss = model(sample).square().mean() + pruner.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pruner.step()
    pruner.finish()
    layers = [layer for _, layer in iter_quantized_layers(model)]
    assert 0.97 * 0.4 <= adds_per_mac(layers) <= 0.4
    exported = bitnn.export(model, sample, tmp_path / "model.onnx")
    assert sum(n.op_type in ("Conv", "Gemm") for n in exported.graph.node) == len(layers)
    other = torch.rand(2, channels, size, size)
    outputs = Session(exported, optimize=True)({exported.graph.input[0].name: other.numpy()})
    assert np.array_equal(outputs["output"], model.eval()(other).numpy())


@pytest.mark.parametrize("name", LARGE)
def test_large_models_have_the_published_size(name: str) -> None:
    """Without memory for them; their blocks are those of models above."""
    size, classes, millions = LARGE[name]
    with torch.device("meta"):
        model = models.build(name, 3, classes, size)
        scores = model(torch.empty(2, 3, size, size))
    assert scores.shape == (2, classes)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(millions * 1e6, rel=2e-3)

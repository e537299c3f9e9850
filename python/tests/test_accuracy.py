# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`bitnn accuracy` counts what the reference says about small data sets in the official formats."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from bitnn import Reference
from bitnn.command import main
from bitnn.values import Array

pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

MNIST = ROOT / "examples" / "mnist" / "model.onnx"
IMAGES = 12


def write_idx(path: Path, array: Array) -> None:
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())


def half_right(classes: list[int]) -> Array:
    """Labels of which every second one is what the network says."""
    return np.asarray([c if i % 2 else (c + 1) % 10 for i, c in enumerate(classes)], np.uint8)


def write_mnist(folder: Path, images: Array, labels: Array) -> None:
    for split in ("train", "t10k"):
        write_idx(folder / f"{split}-images-idx3-ubyte", images)
        write_idx(folder / f"{split}-labels-idx1-ubyte", labels)


def write_cifar(folder: Path, images: Array, labels: Array) -> None:
    records = np.concatenate([labels[:, None], images.reshape(len(images), -1)], axis=1)
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        (folder / f"{name}.bin").write_bytes(records.tobytes())


def test_mnist(
    compiler: str, tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pixels as `bitnn train` has them, images already as large as the network wants them."""
    reference = Reference(MNIST)
    images = np.random.default_rng(seed).integers(0, 256, (IMAGES, 16, 16)).astype(np.uint8)
    inputs = (images.astype(np.float32) / np.float32(255)).reshape(IMAGES, 1, 1, 16, 16)
    name = reference.graph.inputs[0].name
    classes = [int(next(iter(reference({name: x}).values())).argmax()) for x in inputs]
    write_mnist(tmp_path, images, half_right(classes))
    arguments = ["accuracy", str(MNIST), "--data=mnist", f"--data-root={tmp_path}"]
    assert main([*arguments, "--schedule=table"]) == 0
    text = capsys.readouterr().out
    assert f"data:         mnist, {IMAGES} test images; pixels: trained" in text
    assert f"accuracy:     {IMAGES // 2} of {IMAGES} images (50.00 %)" in text
    if "not installed" not in text:
        assert f"; the same class on {IMAGES} of {IMAGES}" in text
    assert main([*arguments, "--schedule=table", "--limit=5"]) == 0
    assert "accuracy:     2 of 5 images (40.00 %)" in capsys.readouterr().out


def test_cifar10_channels_last(
    compiler: str,
    mlperf_tiny: Path,
    tmp_path: Path,
    seed: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """MLPerf Tiny's ResNet-8 takes bytes, channels last."""
    model = mlperf_tiny / "image_classification.onnx"
    reference = Reference(model)
    images = np.random.default_rng(seed).integers(0, 256, (4, 3, 32, 32)).astype(np.uint8)
    inputs = images.transpose(0, 2, 3, 1).astype(np.float32)[:, None]
    name = reference.graph.inputs[0].name
    classes = [int(next(iter(reference({name: x}).values())).argmax()) for x in inputs]
    write_cifar(tmp_path, images, half_right(classes))
    arguments = ["accuracy", str(model), "--data=cifar10", f"--data-root={tmp_path}"]
    assert main([*arguments, "--schedule=table"]) == 0
    text = capsys.readouterr().out
    assert "4 test images; pixels: bytes" in text and "2 of 4 images (50.00 %)" in text


def test_images_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cifar(tmp_path, np.zeros((4, 3, 32, 32), np.uint8), np.zeros(4, np.uint8))
    assert main(["accuracy", str(MNIST), "--data=cifar10", f"--data-root={tmp_path}"]) == 1
    assert "takes no images of 3x16x16, as 'cifar10' has" in capsys.readouterr().err

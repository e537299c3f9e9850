# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The networks that `bitnn train` made: their files say what their metrics say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import ROOT

import bitnn
from bitnn.compare import compare_outputs
from bitnn.samples import random_samples

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/metrics.json"))


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name)
def example(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_digits_in_the_file(example: Path) -> None:
    """Counted from the int8 weights: as many as stated, and no more than were budgeted."""
    metrics = json.loads((example / "metrics.json").read_text())
    settings = json.loads((example / "config.json").read_text())
    graph = onnx.load(example / "model.onnx").graph
    counted = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.int8 and values.ndim > 1:
            w = np.abs(values.astype(np.int64))
            counted.append(int(np.bitwise_count(w ^ 3 * w).sum()))
    assert sorted(counted) == sorted(layer["digits"] for layer in metrics["layers"])
    assert 0.97 * settings["budget"] <= metrics["adds_per_mac"] <= settings["budget"]
    for layer in metrics["layers"]:  # None starves.
        assert layer["digits"] >= 0.3 * settings["budget"] * layer["weights"], layer["path"]


def test_accuracy_of_the_file(example: Path) -> None:
    """onnxruntime is right on exactly as many test images as the run measured."""
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: no cross-check")
    from bitnn import BitnnError
    from bitnn.peers import Session
    from bitnn.training.data import load, resized

    settings = json.loads((example / "config.json").read_text())
    root = os.environ.get("BITNN_DATA", ROOT.parent / "shared" / "data")
    try:
        test = load(settings["data"], root).test
    except BitnnError as error:
        pytest.skip(f"{error}; set BITNN_DATA to the data's folder")
    test = resized(test, settings["size"])
    session = Session(onnx.load(example / "model.onnx"), optimize=True)
    name = onnx.load(example / "model.onnx").graph.input[0].name
    right = 0
    for images, labels in zip(test.images.split(500), test.labels.split(500), strict=True):
        (scores,) = session({name: test.values(images).numpy()}).values()
        right += int((scores.argmax(1) == labels.numpy()).sum())
    metrics = json.loads((example / "metrics.json").read_text())
    assert metrics["evaluated_on"] == "test"
    assert 100 * right / len(test) == pytest.approx(metrics["accuracy"], abs=1e-9)


def test_compiled_network_equals_the_reference(compiler: str, example: Path, seed: int) -> None:
    # Index lists compile in a moment; tests of the schedules are elsewhere.
    network = bitnn.compile(str(example / "model.onnx"), schedule="table")
    samples = random_samples(network.reference, 1, seed)
    assert compare_outputs(network, samples) == []

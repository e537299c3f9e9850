# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers that multiply, where the user allows it: the same integers, on every kind of vector."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest
from conftest import ROOT
from onnx import TensorProto, helper, numpy_helper

import bitnn
from bitnn import Reference
from bitnn.compiler import missing_features

sys.path.insert(0, str(ROOT / "benchmarks"))
from compile import make_network


def draw_dense(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """int8 weights of three and four signed digits."""
    dense = [w for w in range(-127, 128) if (abs(w) ^ 3 * abs(w)).bit_count() >= 3]
    return rng.choice(dense, shape).astype(np.int8)


def make_layer(seed: int, inputs: int, outputs: int, size: tuple[int, int]) -> onnx.ModelProto:
    """A 3x3 convolution with weights of three and four signed digits, a zero and a -128."""
    rng = np.random.default_rng(seed)
    weights = draw_dense(rng, (outputs, inputs, 3, 3))
    weights[0, 0, 0, :2] = (-128, 0)
    bias = rng.integers(-5000, 5001, outputs).astype(np.int32)
    constants = {
        "x_scale": np.float32(0.03),
        "x_zero": np.uint8(7),
        "w": weights,
        "w_scale": rng.uniform(1e-3, 3e-3, outputs).astype(np.float32),
        "w_zero": np.zeros(outputs, np.int8),
        "y_scale": np.float32(0.11),
        "y_zero": np.uint8(120),
        "b": bias,
    }
    node = helper.make_node("QLinearConv", ["x", *constants], ["y"], pads=[1, 1, 1, 1], name="conv")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, [1, channels, *size])
        for name, channels in (("x", inputs), ("y", outputs))
    ]
    graph = helper.make_graph(
        [node],
        "layer",
        ends[:1],
        ends[1:],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("target", ["x86-64-v3", "x86-64-v4", "aarch64"])
def test_one_layer(compiler: str, emulator_tools: None, seed: int, target: str) -> None:
    if missing := missing_features(target):
        pytest.skip(f"this machine lacks {', '.join(missing)}")
    rng = np.random.default_rng(seed)
    for inputs, outputs, size in ((1, 1, (8, 8)), (5, 7, (9, 11)), (4, 13, (20, 33))):
        model = make_layer(seed, inputs, outputs, size)
        network = bitnn.compile(model, target=target, multiply="layers")
        reference = Reference(model)
        schedules = [layer["schedule"] for layer in network.report["layers"]]
        # A single input may be faster without.
        assert schedules == ["multiply"] or inputs == 1
        extremes = [np.full((1, inputs, *size), value, np.uint8) for value in (0, 255)]
        drawn = rng.integers(0, 256, (1, inputs, *size)).astype(np.uint8)
        for x in (*extremes, drawn):
            assert np.array_equal(network(x), reference({"x": x})["y"]), f"--seed={seed}"


@pytest.mark.parametrize("parallel", [False, True])
def test_a_chain(compiler: str, seed: int, parallel: bool) -> None:
    if missing := missing_features("x86-64-v3"):
        pytest.skip(f"this machine lacks {', '.join(missing)}")
    model = make_network(layers=3, channels=20, size=12, seed=seed)
    rng = np.random.default_rng(seed)
    for tensor in model.graph.initializer:
        if tensor.name in ("w0", "w1", "w2"):
            weights = draw_dense(rng, tuple(tensor.dims))
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    options = {"parallel": True} if parallel else {}
    network = bitnn.compile(model, target="x86-64-v3", multiply="layers", **options)
    assert {layer["schedule"] for layer in network.report["layers"]} == {"multiply"}
    x = rng.integers(0, 256, (1, 20, 12, 12)).astype(np.uint8)
    assert np.array_equal(network(x), Reference(model)({"x0": x})["x3"]), f"--seed={seed}"


def test_who_would_gain_is_told(compiler: str, seed: int) -> None:
    model = make_layer(seed, 4, 4, (8, 8))
    network = bitnn.compile(model, target="x86-64-v3")
    assert network.report["layers"][0]["schedule"] == "straight-line"
    told = [entry for entry in network.report["shortfalls"] if entry["layer"] == "conv"]
    assert any("--multiply=layers" in entry["suggestion"] for entry in told)

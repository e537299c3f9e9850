# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference of record equals onnxruntime, in every value.

Dot products are compared with the fused integer operators; that those ran is read from the
optimized model. Elementwise operators and pools are compared with ONNX's operators one by one,
because optimized onnxruntime reorders float additions.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnxruntimes import FLOAT, FUSED, Session

from bitnn import Reference, Trace
from bitnn.graph import Graph, Node
from bitnn.randomlayers import Layer, Options, combine, random_layers
from bitnn.values import Array

DOT_PRODUCTS = ("conv", "depthwise", "grouped", "gemm", "matmul")
OTHERS = ("max_pool", "add", "unary", "move")
FLOAT32_STEP = Fraction(1, 2**23)


def inputs_of(layers: list[Layer], rng: np.random.Generator) -> dict[str, Array]:
    return {name: x for layer in layers for name, x in layer.random_inputs(rng).items()}


def check(layers: list[Layer], session: Session, seed: int) -> None:
    reference = Reference(combine(layers))
    rng = np.random.default_rng(seed)
    for _ in range(3):
        inputs = inputs_of(layers, rng)
        ours, theirs = reference(inputs), session(inputs)
        for layer in layers:
            (edge,) = layer.outputs
            different = int((ours[edge.name] != theirs[edge.name]).sum())
            assert different == 0, f"seed {seed}: {different} differences in {layer}"


@pytest.mark.parametrize("weights", ["int8", "uint8"])
def test_dot_products(tmp_path: Path, seed: int, weights: str) -> None:
    # onnxruntime leaves a Relu or Clip after a product, and the product with it, in float.
    options = Options(
        kinds=DOT_PRODUCTS, activations=("uint8",), weights=(weights,), epilogues=("none",)
    )
    layers = random_layers(seed, 150, options)
    session = Session(combine(layers), tmp_path / "optimized.onnx")
    assert sum(session.operators[op] for op in FUSED) == len(layers)
    assert not any(session.operators[op] for op in FLOAT)
    check(layers, session, seed)


@pytest.mark.parametrize("kind", OTHERS)
def test_other_operators(seed: int, kind: str) -> None:
    layers = random_layers(seed, 60, Options(kinds=(kind,), forms=("qdq",), large=0))
    check(layers, Session(combine(layers), None), seed)


def test_global_average_pool(seed: int) -> None:
    """onnxruntime's integer operator computes the rule of record, ties included."""
    options = Options(kinds=("global_average_pool",), forms=("qlinear",), large=0)
    layers = random_layers(seed, 200, options)
    check(layers, Session(combine(layers), None), seed)


@pytest.mark.parametrize("kind", ["average_pool", "global_average_pool"])
def test_average_of_floats(seed: int, kind: str) -> None:
    """ONNX's float average rounds elsewhere: it may differ where the exact quotient is a tie."""
    options = Options(kinds=(kind,), forms=("qdq",), float_edges=False, large=0)
    layers = random_layers(seed, 100, options)
    reference, session = Reference(combine(layers)), Session(combine(layers), None)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        inputs = inputs_of(layers, rng)
        theirs = session(inputs)
        values = reference.values(inputs, theirs)
        for node in reference.graph.nodes:
            if node.op != "QuantizeLinear":
                continue
            (name,), (pool, scale) = node.outputs, node.inputs[:2]
            y_scale = Fraction(float(reference.graph.constants[scale]))
            for where in np.argwhere(values[name] != theirs[name]):
                position = tuple(where)
                exact = int(values[pool].acc[position]) * Fraction(
                    float(values[pool].scale[position])
                )
                quotient = exact / (y_scale * int(values[pool].count[position]))
                distance = abs(quotient % 1 - Fraction(1, 2))
                assert distance <= 4 * FLOAT32_STEP * abs(quotient), f"seed {seed}: {node}"


def test_mlperf_tiny(tmp_path: Path, mlperf_tiny: Path, seed: int) -> None:
    """Whole networks, one operator at a time, each fed with the reference's integers."""
    rng = np.random.default_rng(seed)
    paths = sorted(mlperf_tiny.glob("*.onnx"))
    assert paths, f"{mlperf_tiny} has no ONNX networks"
    for path in paths:
        model = unsigned(onnx.load(path))
        reference = Reference(model)
        samples = [
            {
                edge.name: rng.normal(0, 60, [extent or 1 for extent in edge.shape]).astype("f4")
                for edge in reference.graph.inputs
            }
            for _ in range(5)
        ]
        traces = []
        for sample in samples:
            traces.append(Trace())
            reference(sample, traces[-1])
        for node in reference.graph.nodes:
            if node.op != "QuantizeLinear":
                continue
            part, inputs = operator_before(model, reference.graph, node, samples[0], traces[0])
            added = any(entry.op_type == "Add" for entry in part.graph.node)
            session = Session(part, None if added else tmp_path / "optimized.onnx")
            assert added or not any(session.operators[op] for op in FLOAT)
            for sample, trace in zip(samples, traces, strict=True):
                known = {**sample, **trace.integers}
                theirs = session({name: known[name] for name in inputs})[node.outputs[0]]
                assert (theirs == trace.integers[node.outputs[0]]).all(), f"{path.name}: {node}"


def unsigned(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with uint8 activations, the only ones onnxruntime fuses everywhere."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    quantized = {node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" or node.input[0] in quantized:
            zero_point = constants[node.input[2]]
            value = numpy_helper.to_array(zero_point)
            if value.dtype == np.int8:
                moved = (value.astype(np.int16) + 128).astype(np.uint8)
                zero_point.CopyFrom(numpy_helper.from_array(moved, zero_point.name))
    del model.graph.value_info[:]
    return model


def operator_before(
    model: onnx.ModelProto, graph: Graph, node: Node, sample: dict[str, Array], trace: Trace
) -> tuple[onnx.ModelProto, list[str]]:
    """The nodes between the 8-bit tensors before `node`, a QuantizeLinear, and its output."""
    known = {**sample, **trace.integers}
    (target,) = node.outputs
    needed = list(graph.ancestors([target], known.keys() - {target}))
    read = {name for entry in needed for name in entry.inputs}
    inputs = sorted(read & known.keys())
    outputs = {entry.outputs[0] for entry in needed}
    part = helper.make_model(
        helper.make_graph(
            [entry for entry in model.graph.node if entry.output[0] in outputs],
            "part",
            [edge_of(name, known[name]) for name in inputs],
            [edge_of(target, known[target])],
            [tensor for tensor in model.graph.initializer if tensor.name in read],
        ),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    return part, inputs


def edge_of(name: str, array: Array) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape)

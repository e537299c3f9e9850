# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""onnxruntime as a second opinion on the reference, operator by operator.

Each operator between two 8-bit tensors becomes a model of its own and is fed with the reference's
integers, so that a difference cannot travel. Dot products run optimized, with uint8 activations
(onnxruntime fuses no others everywhere); whether the integer operator ran is read from the
optimized model. The rest runs as ONNX defines it, unoptimized.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bitnn.errors import BitnnError
from bitnn.graph import Graph, Node
from bitnn.reference import Reference, Trace
from bitnn.values import Array

FUSED = {"QLinearConv", "QLinearMatMul", "QGemm"}
FLOAT = {"Conv", "ConvTranspose", "Gemm", "MatMul", "FusedConv", "FusedGemm", "FusedMatMul"}
# These round elsewhere than the rule of record, at exact ties.
ROUNDS_ELSEWHERE = {
    *("AveragePool", "GlobalAveragePool", "QLinearAveragePool", "ReduceMean", "ReduceSum"),
    *("Mul", "QLinearAdd", "QLinearMul"),
}
# Which operand is the zero point of the first operand, and of the output.
INPUT_ZERO_POINTS = {
    "DequantizeLinear": 2,
    "QLinearConv": 2,
    "QLinearMatMul": 2,
    "QGemm": 2,
}
OUTPUT_ZERO_POINTS = {"QuantizeLinear": 2, "QLinearConv": 7, "QLinearMatMul": 7, "QGemm": 8}


class Session:
    """One model in onnxruntime, optimized or not; `operators` counts what it really runs."""

    def __init__(self, model: onnx.ModelProto, optimize: bool) -> None:
        try:
            import onnxruntime as ort
        except ImportError:
            raise BitnnError("onnxruntime is not installed: pip install bitnn[compare]") from None
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        # Without this, machines without VNNI saturate in 16 bits.
        options.add_session_config_entry("session.x64quantprecision", "1")
        levels = ort.GraphOptimizationLevel
        options.graph_optimization_level = (
            levels.ORT_ENABLE_EXTENDED if optimize else levels.ORT_DISABLE_ALL
        )
        with tempfile.TemporaryDirectory(prefix="bitnn-") as folder:
            final = Path(folder) / "final.onnx"
            options.optimized_model_filepath = str(final)
            content = model.SerializeToString()
            self._session = ort.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            self.operators = Counter(node.op_type for node in onnx.load(final).graph.node)

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name."""
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))


@dataclass
class Opinion:
    """Differing values per operator; `in_float` were not compared, `ties` are no fault."""

    compared: list[str] = field(default_factory=list)
    in_float: list[str] = field(default_factory=list)
    different: dict[str, int] = field(default_factory=dict)
    ties: dict[str, int] = field(default_factory=dict)


def compare_operators(
    model: onnx.ModelProto, reference: Reference, samples: Sequence[Mapping[str, Array]]
) -> Opinion:
    """Run every quantized operator of a model in onnxruntime on the reference's integers."""
    opinion = Opinion()
    values = constant_values(reference)
    known = []
    for sample in samples:
        trace = Trace()
        reference(sample, trace)
        known.append({**sample, **trace.integers})
    for node in reference.graph.nodes:
        if node.outputs[0] not in known[0]:
            continue
        nodes = operator_nodes(reference.graph, node.outputs[0])
        name = str(principal(nodes))
        operators = {entry.op for entry in nodes}
        dot = bool(operators & (FUSED | FLOAT))
        part = extract(model, nodes, known[0], unsigned=dot, values=values)
        # Softmax has an integer operator, which only the optimizer puts there.
        session = Session(part.model, optimize=dot or "Softmax" in operators)
        if dot and any(session.operators[op] for op in FLOAT):
            opinion.in_float.append(name)
            continue
        opinion.compared.append(name)
        different = sum(
            int((part.outputs(session(part.inputs(arrays))) != arrays[part.target]).sum())
            for arrays in known
        )
        if different:
            where = opinion.ties if operators & ROUNDS_ELSEWHERE else opinion.different
            where[name] = different
    return opinion


def constant_values(reference: Reference) -> dict[str, Array]:
    """The constants of a graph, and what its nodes compute from nothing but constants."""
    nodes = [
        node for node in reference.graph.nodes if len(node.constants) == sum(map(bool, node.inputs))
    ]
    names = [name for node in nodes for name in node.outputs if name]
    values = {**reference.graph.constants, **reference.values({}, names)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def operator_nodes(graph: Graph, target: str) -> list[Node]:
    """The nodes that compute an 8-bit tensor from other 8-bit tensors, constants and inputs."""
    stops = {
        name
        for node in graph.nodes
        for name in node.outputs
        if name and name != target and graph.is_integer(name)
    }
    return list(graph.ancestors([target], stops))


def principal(nodes: Sequence[Node]) -> Node:
    """The node that gives a group of nodes its name: the first that is not a Q or DQ."""
    quantization = ("QuantizeLinear", "DequantizeLinear")
    return next((node for node in nodes if node.op not in quantization), nodes[-1])


@dataclass(frozen=True)
class Part:
    """A piece of a model; `signed` inputs (and its output) are moved by 128 to be uint8."""

    model: onnx.ModelProto
    target: str
    names: tuple[str, ...]
    signed: frozenset[str]

    def inputs(self, known: Mapping[str, Array]) -> dict[str, Array]:
        """Its inputs, from the whole model's tensors."""
        return {
            name: moved(known[name]) if name in self.signed else known[name] for name in self.names
        }

    def outputs(self, results: Mapping[str, Array]) -> Array:
        """Its output as the whole model has it."""
        y = results[self.target]
        return (y.astype(np.int16) - 128).astype(np.int8) if self.target in self.signed else y


def extract(
    model: onnx.ModelProto,
    nodes: Sequence[Node],
    known: Mapping[str, Array],
    unsigned: bool,
    values: Mapping[str, Array],
) -> Part:
    """A model of these nodes alone.

    `known` tells the tensors' shapes and types, `values` are the graph's constants.
    """
    target = nodes[-1].outputs[0]
    results = {node.outputs[0] for node in nodes}
    read = {name for node in nodes for name in node.inputs}
    names = tuple(sorted((read & known.keys()) - results))
    signed = frozenset(
        name for name in (*names, target) if unsigned and known[name].dtype == np.int8
    )
    constants = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name in read}
    for name in sorted((read & values.keys()) - constants.keys() - results - known.keys()):
        constants[name] = numpy_helper.from_array(np.asarray(values[name]), name)
    entries = []
    for entry in model.graph.node:
        if not entry.output or entry.output[0] not in results:
            continue
        copy = onnx.NodeProto()
        copy.CopyFrom(entry)
        if entry.op_type in INPUT_ZERO_POINTS and entry.input[0] in signed:
            _move_zero_point(copy, INPUT_ZERO_POINTS[entry.op_type], constants)
        if entry.op_type in OUTPUT_ZERO_POINTS and entry.output[0] in signed:
            _move_zero_point(copy, OUTPUT_ZERO_POINTS[entry.op_type], constants)
        entries.append(copy)
    edges = {name: moved(known[name]) if name in signed else known[name] for name in names}
    y = moved(known[target]) if target in signed else known[target]
    graph = helper.make_graph(
        entries,
        "part",
        [_edge(name, array) for name, array in edges.items()],
        [_edge(target, y)],
        list(constants.values()),
    )
    part = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return Part(part, target, names, signed)


def _move_zero_point(
    node: onnx.NodeProto, place: int, constants: dict[str, onnx.TensorProto]
) -> None:
    old = node.input[place] if place < len(node.input) else ""
    value = numpy_helper.to_array(constants[old]) if old in constants else np.int8(0)
    # A constant of its own: weights may share the old one.
    name = f"{node.output[0]}.zero_point.{place}"
    constants[name] = numpy_helper.from_array(np.asarray(moved(value)), name)
    while len(node.input) <= place:
        node.input.append("")
    node.input[place] = name


def moved(array: Array) -> Array:
    """int8 values, moved by 128 into uint8."""
    return (np.asarray(array).astype(np.int16) + 128).astype(np.uint8)


def _edge(name: str, array: Array) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape)

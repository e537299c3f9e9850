# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The part of an ONNX graph that a compiled network computes, so that a peer does the same work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from bitnn.compiler import Cut, Network
from bitnn.graph import Graph
from bitnn.values import Array


@dataclass(frozen=True)
class Part:
    """A part of a graph; `outputs` names its output for each cut of the compiled network."""

    model: onnx.ModelProto
    inputs: dict[str, Array]
    outputs: tuple[str, ...]
    notes: tuple[str, ...]


def same_work(model: onnx.ModelProto, network: Network, sample: Mapping[str, Array]) -> Part:
    """The graph between the compiled network's own inputs and outputs, with a sample's arrays.

    Only uint8 tensors become edges: onnxruntime runs in float what touches an int8 edge, which
    would slow it. Another input stays where the graph has it, another output ends behind its
    DequantizeLinear; the notes name these.
    """
    graph = network.reference.graph
    edges = {edge.name: edge for edge in model.graph.input}
    inputs, notes = dict(sample), []
    for cut, array in zip(network.inputs, network.cut_inputs(sample), strict=True):
        if not _is_unsigned(cut, graph):
            notes.append(f"quantizes {cut.name}")
            continue
        inputs.pop(cut.name, None)
        inputs[cut.tensor] = array.reshape(cut.shape)
        edges[cut.tensor] = _edge(cut.tensor, cut.dtype, cut.shape)
    outputs = []
    for cut in network.outputs:
        if _is_unsigned(cut, graph):
            outputs.append(_edge(cut.tensor, cut.dtype, cut.shape))
            continue
        readers = [node.outputs[0] for node in graph.nodes if node.inputs[:1] == (cut.tensor,)]
        name = readers[0] if graph.is_integer(cut.tensor) else cut.tensor
        notes.append(f"dequantizes {cut.name}")
        outputs.append(_edge(name, np.dtype(np.float32), cut.shape))
    result = onnx.ModelProto()
    result.CopyFrom(model)
    names = tuple(edge.name for edge in outputs)
    nodes = _between(model, inputs, names)
    del result.graph.node[:], result.graph.input[:], result.graph.output[:]
    del result.graph.value_info[:]
    result.graph.node.extend(nodes)
    result.graph.input.extend(edges[name] for name in inputs)
    result.graph.output.extend(outputs)
    return Part(result, inputs, names, tuple(notes))


def integers(cut: Cut, array: Array) -> Array:
    """What a peer gave for a cut, as the integers that the compiled network gives."""
    if array.dtype == cut.dtype:
        return array.ravel()
    return np.rint(array.ravel() / cut.scale).astype(np.int64) + cut.zero_point


def _is_unsigned(cut: Cut, graph: Graph) -> bool:
    return cut.dtype == np.uint8 and graph.is_integer(cut.tensor)


def _between(
    model: onnx.ModelProto, inputs: Iterable[str], outputs: Iterable[str]
) -> Sequence[onnx.NodeProto]:
    """The nodes that compute the outputs, in the graph's order."""
    given, needed = set(inputs), set(outputs)
    kept = []
    for node in reversed(model.graph.node):
        if needed.isdisjoint(node.output) or given.issuperset(node.output):
            continue
        kept.append(node)
        needed.update(set(node.input) - given)
    return kept[::-1]


def _edge(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QDQ networks in the forms that onnxruntime runs in integers, with the same numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bitnn.errors import BitnnError
from bitnn.graph import load_graph
from bitnn.peers import moved
from bitnn.reference import Reference

# Operators that do not look at what they move: between int8 tensors they may stay as they are.
MOVEMENT = {
    *("Concat", "DepthToSpace", "Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Slice"),
    *("SpaceToDepth", "Split", "Squeeze", "Transpose", "Unsqueeze"),
}


def as_unsigned(model: onnx.ModelProto, shown: Sequence[str] = ()) -> onnx.ModelProto:
    """The same network with uint8 activations and the same numbers, zero points moved by 128.

    The tensors `shown` are outputs, too. An operator that is neither a quantization nor movement
    and has int8 operands is an error.
    """
    reference = Reference(load_graph(model))
    graph = reference.graph
    signed = signed_tensors(reference)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    constants: dict[str, onnx.TensorProto] = {}
    for node in copy.graph.node:
        tensors = {name for name in (*node.input, *node.output) if name in signed}
        if not tensors or node.op_type in MOVEMENT:
            continue
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            raise BitnnError(f"{node.op_type} '{node.name or node.output[0]}' has int8 operands")
        old = node.input[2] if len(node.input) > 2 else ""
        zero = graph.constants.get(old, np.zeros((), np.int8))
        name = f"{node.output[0]}.zero_point"
        constants[name] = numpy_helper.from_array(np.asarray(moved(zero)), name)
        node.input[:] = [*node.input[:2], name]
    copy.graph.initializer.extend(constants.values())
    for edge in (*copy.graph.input, *copy.graph.output):
        if edge.name in signed:
            edge.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    # Shapes that were inferred say int8.
    del copy.graph.value_info[:]
    present = {edge.name for edge in copy.graph.output}
    for name in shown:
        if name not in present:
            copy.graph.output.append(
                helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, None)
            )
    return copy


def separate_readers(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with a DequantizeLinear for every reader of a dequantized activation.

    onnxruntime fuses a convolution into integers only where its activations have one of their own.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    sources = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    readers: Counter[str] = Counter(edge.name for edge in graph.output)
    nodes = []
    for node in graph.node:
        for place, name in enumerate(node.input):
            source = sources.get(name)
            if source is None:
                continue
            readers[name] += 1
            if readers[name] == 1:
                continue
            copy = onnx.NodeProto()
            copy.CopyFrom(source)
            copy.output[0] = f"{name}.{readers[name]}"
            copy.name = f"{copy.name}.{readers[name]}"
            node.input[place] = copy.output[0]
            nodes.append(copy)
        nodes.append(node)
    entries = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(entries)
    return result


def reached_tensors(reference: Reference) -> set[str]:
    """The tensors that depend on the graph's inputs."""
    reached = {edge.name for edge in reference.graph.inputs}
    for node in reference.graph.nodes:
        if not reached.isdisjoint(node.inputs):
            reached.update(node.outputs)
    return reached


def signed_tensors(reference: Reference) -> set[str]:
    """The int8 tensors that depend on the graph's inputs."""
    graph, reached = reference.graph, reached_tensors(reference)
    signed = {edge.name for edge in graph.inputs if edge.dtype == np.int8}
    for node in graph.nodes:
        if reached.isdisjoint(node.outputs):
            continue
        if node.op == "QuantizeLinear":
            zero = graph.constants.get("".join(node.inputs[2:3]), np.zeros((), np.uint8))
            if zero.dtype == np.int8:
                signed.add(node.outputs[0])
        elif node.op != "DequantizeLinear" and not signed.isdisjoint(node.inputs[:1]):
            signed.update(node.outputs)
    return signed

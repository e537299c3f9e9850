# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A QDQ network in the form that onnxruntime runs fastest, with the same numbers.

onnxruntime fuses a convolution into integers only where its activations have a DequantizeLinear of
their own, and at the edges only where they are uint8.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

from bitnn.errors import BitnnError


def as_unsigned(model: onnx.ModelProto) -> onnx.ModelProto:
    """int8 activations become uint8, their zero points grow by 128, every reader gets a
    DequantizeLinear. Float edges stay as they are."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    int8 = onnx.TensorProto.INT8
    for edge in (*graph.input, *graph.output):
        if edge.type.tensor_type.elem_type == int8 and edge.name not in constants:
            raise BitnnError(f"'{edge.name}' is an int8 edge of the graph; only inner ones change")
    for node in graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or node.input[0] in constants:
            continue
        zero = constants.get("".join(node.input[2:3]))
        if zero is None or zero.data_type != int8:
            continue
        name = f"{zero.name}.unsigned"
        if name not in constants:
            moved = numpy_helper.to_array(zero).astype(np.int16) + 128
            constants[name] = numpy_helper.from_array(moved.astype(np.uint8), name)
            graph.initializer.append(constants[name])
        node.input[2] = name
    # What was inferred for the tensors between is no longer so.
    del graph.value_info[:]
    _separate(graph)
    return result


def _separate(graph: onnx.GraphProto) -> None:
    """One DequantizeLinear for every reader of a dequantized activation."""
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

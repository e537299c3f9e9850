# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every way to make one element of a model wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

Change = Callable[[onnx.ModelProto], Any]
INTS = onnx.AttributeProto.INTS
EXTENTS = (0, -1, 7, 2**31 - 1, 2**31, 2**62, -(2**63))
SCALES = (0.0, -0.5, np.nan, np.inf, -np.inf, 1e-45, 3e38)


def changes(model: onnx.ModelProto) -> Iterator[tuple[str, Change]]:
    """Every way in which one element of a model is made wrong, with a description."""
    graph = model.graph
    for index in range(len(graph.initializer)):
        for what, change in tensor_changes(graph.initializer[index]):
            yield (
                f"{graph.initializer[index].name}: {what}",
                lambda m, i=index, c=change: c(m.graph.initializer[i]),
            )
        yield f"initializer {index} removed", lambda m, i=index: m.graph.initializer.pop(i)
        yield (
            f"initializer {index} twice",
            lambda m, i=index: m.graph.initializer.append(m.graph.initializer[i]),
        )
    for edges in ("input", "output"):
        for index in range(len(getattr(graph, edges))):
            for what, change in edge_changes(getattr(graph, edges)[index]):
                yield (
                    f"{edges} {index}: {what}",
                    lambda m, e=edges, i=index, c=change: c(getattr(m.graph, e)[i]),
                )
    for index in range(len(graph.node)):
        for what, change in node_changes(graph, index):
            yield f"node {index}: {what}", lambda m, i=index, c=change: c(m.graph.node[i])
        yield f"node {index} removed", lambda m, i=index: m.graph.node.pop(i)
        yield f"node {index} twice", lambda m, i=index: m.graph.node.append(m.graph.node[i])
        yield f"node {index} last", lambda m, i=index: m.graph.node.append(m.graph.node.pop(i))


def tensor_changes(tensor: TensorProto) -> Iterator[tuple[str, Callable[[TensorProto], Any]]]:
    for data_type in (0, *TensorProto.DataType.values(), 1000, -5):
        yield f"type {data_type}", lambda t, v=data_type: setattr(t, "data_type", v)
    for extent in EXTENTS:
        yield f"one more extent {extent}", lambda t, v=extent: t.dims.append(v)
        for axis in range(len(tensor.dims)):
            yield f"extent {axis} {extent}", lambda t, a=axis, v=extent: t.dims.__setitem__(a, v)
    yield "two huge extents", lambda t: t.dims.extend([2**33, 2**31])
    yield "a scalar", lambda t: t.ClearField("dims")
    yield "a byte short", lambda t: setattr(t, "raw_data", t.raw_data[:-1])
    yield "a byte more", lambda t: setattr(t, "raw_data", t.raw_data + b"\0")
    yield "empty", lambda t: t.dims.append(0) or setattr(t, "raw_data", b"")
    yield "no data", lambda t: t.ClearField("raw_data")
    yield "in segments", lambda t: t.segment.SetInParent()
    yield "external", lambda t: setattr(t, "data_location", TensorProto.EXTERNAL)
    if tensor.data_type == TensorProto.FLOAT:
        for scale in SCALES:
            yield (
                f"value {scale}",
                lambda t, v=scale: setattr(
                    t, "raw_data", np.float32(v).tobytes() * (len(t.raw_data) // 4)
                ),
            )


def edge_changes(
    edge: onnx.ValueInfoProto,
) -> Iterator[tuple[str, Callable[[onnx.ValueInfoProto], Any]]]:
    for data_type in (0, *TensorProto.DataType.values(), 1000):
        yield (
            f"type {data_type}",
            lambda e, v=data_type: setattr(e.type.tensor_type, "elem_type", v),
        )
    for extent in EXTENTS:
        for axis in range(len(edge.type.tensor_type.shape.dim)):
            yield (
                f"extent {axis} {extent}",
                lambda e, a=axis, v=extent: setattr(
                    e.type.tensor_type.shape.dim[a], "dim_value", v
                ),
            )
    yield "one more extent", lambda e: e.type.tensor_type.shape.dim.add(dim_value=2)
    yield "no extents", lambda e: e.type.tensor_type.shape.ClearField("dim")
    yield "no shape", lambda e: e.type.tensor_type.ClearField("shape")
    yield "a sequence", lambda e: e.type.sequence_type.SetInParent()
    yield "another name", lambda e: setattr(e, "name", "nothing")
    yield "no name", lambda e: setattr(e, "name", "")


def node_changes(
    graph: onnx.GraphProto, index: int
) -> Iterator[tuple[str, Callable[[onnx.NodeProto], Any]]]:
    node = graph.node[index]
    names = [graph.input[0].name, graph.initializer[0].name, graph.node[-1].output[0]]
    for operand in range(len(node.input)):
        for name in ("nothing", "", "\x1b[2J", node.output[0], *names):
            yield (
                f"operand {operand} is {name!r}",
                lambda n, i=operand, v=name: n.input.__setitem__(i, v),
            )
    yield "an operand less", lambda n: n.input.pop()
    yield "an operand more", lambda n: n.input.append(n.input[0])
    yield "no operands", lambda n: n.ClearField("input")
    yield "no outputs", lambda n: n.ClearField("output")
    yield "an unnamed output", lambda n: n.output.__setitem__(0, "")
    yield "another operator", lambda n: setattr(n, "op_type", "Nothing\n'\"")
    yield "another domain", lambda n: setattr(n, "domain", "nowhere")
    for other in ("axis", "group", "pads", "perm", "kernel_shape"):
        value = helper.make_attribute(other, 2**62)
        yield f"attribute {other} 2^62", lambda n, v=value: n.attribute.append(v)
    for attribute in range(len(node.attribute)):
        for value in (*EXTENTS, 0.5, "text", [], [-1] * 4, [2**62] * 4, [1] * 9):
            name, kind = node.attribute[attribute].name, INTS if value == [] else None
            made = helper.make_attribute(name, value, attr_type=kind)
            yield (
                f"{name} = {value}",
                lambda n, i=attribute, v=made: n.attribute[i].CopyFrom(v),
            )

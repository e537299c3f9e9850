# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An ONNX graph as plain Python values: what the evaluator and the command line read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from bitnn.errors import BitnnError
from bitnn.values import CARRIERS


@dataclass(frozen=True)
class Edge:
    """An input or output of the graph; an extent of None is not fixed by the model."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        extents = "x".join("?" if extent is None else str(extent) for extent in self.shape)
        return f"'{self.name}' ({extents} {self.dtype})"

    def matches(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape can be the edge."""
        return len(shape) == len(self.shape) and all(
            mine is None or mine == extent for mine, extent in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True)
class Node:
    """One operator; `opset` is the version of its domain that the model imports."""

    op: str
    name: str
    domain: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    # The operands that depend on constants alone.
    constants: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return f"{self.op} '{self.name or self.outputs[0]}'"

    def error(self, reason: str) -> BitnnError:
        """The refusal of this node, to be raised."""
        return BitnnError(f"{self}: {reason}")

    def get(self, attribute: str, default: Any) -> Any:  # noqa: ANN401 - ONNX attributes are untyped
        """The attribute's value, or the default that ONNX gives it."""
        return self.attributes.get(attribute, default)

    def refuse_unless(self, attribute: str, only: object) -> None:
        """Refuse every value of an attribute but one."""
        value = self.get(attribute, only)
        if value != only:
            raise self.error(f"{attribute} = {value} is not supported, only {only}")


@dataclass(frozen=True)
class Graph:
    """Inputs, outputs, constants and nodes (in topological order, as ONNX demands)."""

    inputs: tuple[Edge, ...]
    outputs: tuple[Edge, ...]
    constants: dict[str, NDArray[Any]]
    nodes: tuple[Node, ...]

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The node that computes each tensor."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    def is_integer(self, name: str) -> bool:
        """Whether ONNX types a tensor as integer; data movement keeps the type of its operand."""
        for edge in self.inputs:
            if edge.name == name:
                return edge.dtype.kind in "iu" or edge.dtype.name in CARRIERS
        if name in self.constants:
            return self.constants[name].dtype.kind in "iu"
        node = self.producers.get(name)
        if node is None or node.op == "DequantizeLinear":
            return False
        if node.op == "Cast":
            kind = onnx.helper.tensor_dtype_to_np_dtype(node.get("to", 1))
            return np.dtype(kind).kind in "iu"
        quantizes = node.op == "QuantizeLinear" or node.op.startswith("QLinear")
        return quantizes or node.op == "QGemm" or self.is_integer(node.inputs[0])

    def ancestors(self, targets: Iterable[str], given: Iterable[str]) -> Iterator[Node]:
        """The nodes that compute `targets` from `given` and constants, in graph order."""
        producers = self.producers
        needed: set[int] = set()
        pending = list(targets)
        stop = set(given)
        while pending:
            name = pending.pop()
            node = producers.get(name)
            if name in stop or node is None or id(node) in needed:
                continue
            needed.add(id(node))
            pending.extend(node.inputs)
        return (node for node in self.nodes if id(node) in needed)


def load_model(model: onnx.ModelProto | str | Path) -> onnx.ModelProto:
    """Read a model file; a file that is missing or not ONNX is one clear error."""
    if isinstance(model, onnx.ModelProto):
        return model
    try:
        proto = onnx.load(str(model))
    except OSError as error:
        raise BitnnError(f"cannot read '{model}': {error.strerror}") from None
    except Exception:
        raise BitnnError(f"'{model}' is not an ONNX model") from None
    if not proto.graph.output:
        raise BitnnError(f"'{model}' is not an ONNX model: its graph has no outputs")
    return proto


def load_graph(model: onnx.ModelProto | str | Path) -> Graph:
    """The graph of an ONNX model; its subgraphs and functions are not expanded."""
    proto = load_model(model)
    opsets = {entry.domain or "ai.onnx": entry.version for entry in proto.opset_import}
    constants = {tensor.name: _array(tensor, tensor.name) for tensor in proto.graph.initializer}
    known = set(constants)
    nodes = []
    for entry in proto.graph.node:
        domain = entry.domain or "ai.onnx"
        if not entry.output:
            raise BitnnError(f"{entry.op_type} '{entry.name}': it has no output")
        node = Node(
            op=entry.op_type,
            name=entry.name,
            domain=domain,
            opset=opsets.get(domain, 1),
            inputs=tuple(entry.input),
            outputs=tuple(entry.output),
            attributes={item.name: _attribute(item, entry.output[0]) for item in entry.attribute},
            constants=frozenset(i for i, name in enumerate(entry.input) if name in known),
        )
        if len(node.constants) == sum(map(bool, node.inputs)):
            known.update(node.outputs)
        value = _constant(node)
        if value is not None:
            constants[node.outputs[0]] = value
            known.add(node.outputs[0])
        else:
            nodes.append(node)
    return Graph(
        inputs=tuple(_edge(item) for item in proto.graph.input if item.name not in constants),
        outputs=tuple(_edge(item) for item in proto.graph.output),
        constants=constants,
        nodes=tuple(nodes),
    )


def _constant(node: Node) -> NDArray[Any] | None:
    """The value of a Constant node."""
    if node.op != "Constant":
        return None
    for name, value in node.attributes.items():
        if name == "value" and isinstance(value, np.ndarray):
            return value
        if name in ("value_int", "value_ints"):
            return np.asarray(value, np.int64)
        if name in ("value_float", "value_floats"):
            return np.asarray(value, np.float32)
    return None


def _array(tensor: onnx.TensorProto, name: str) -> NDArray[Any]:
    """The elements of a constant."""
    try:
        return numpy_helper.to_array(tensor)
    except Exception as error:  # onnx does not say which ones there are.
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise BitnnError(f"the tensor '{name}' cannot be read: {reason}") from None


def _attribute(attribute: onnx.AttributeProto, node: str) -> Any:  # noqa: ANN401 - untyped in ONNX
    """The value of an attribute of the node that computes the tensor `node`."""
    name = f"{node}.{attribute.name}"
    if attribute.type == onnx.AttributeProto.TENSOR:
        return _array(attribute.t, name)
    try:
        value = onnx.helper.get_attribute_value(attribute)
        return value.decode() if isinstance(value, bytes) else value
    except ValueError as error:
        raise BitnnError(f"the attribute '{name}' cannot be read: {error}") from None


def _edge(value: onnx.ValueInfoProto) -> Edge:
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.elem_type:
        raise BitnnError(f"'{value.name}' at the graph's edge is not a tensor with an element type")
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    except KeyError:
        raise BitnnError(f"'{value.name}' has the unknown type {tensor.elem_type}") from None
    return Edge(
        name=value.name,
        dtype=dtype,
        shape=tuple(
            dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
            for dim in tensor.shape.dim
        ),
    )

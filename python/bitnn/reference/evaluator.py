# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluates an ONNX graph, whole or between named tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from bitnn.errors import BitnnError
from bitnn.graph import Graph, Node, load_graph
from bitnn.reference.registry import EIGHT_BITS, OPERATORS, Operands
from bitnn.values import CARRIERS, Accumulator, Array, Value, real, widen


@dataclass
class Trace:
    """What one evaluation saw: 8-bit tensors and int32 accumulators by the tensor's ONNX name."""

    integers: dict[str, Array] = field(default_factory=dict)
    accumulators: dict[str, Array] = field(default_factory=dict)


class Reference:
    """An ONNX graph that can be evaluated, whole or between named tensors."""

    def __init__(self, model: onnx.ModelProto | str | Path | Graph) -> None:
        self.graph = model if isinstance(model, Graph) else load_graph(model)

    def __call__(self, inputs: Mapping[str, Array], trace: Trace | None = None) -> dict[str, Array]:
        """The graph's outputs for one set of inputs, both by their ONNX names."""
        self.check_inputs(inputs)
        return self.evaluate(inputs, [edge.name for edge in self.graph.outputs], trace)

    def check_inputs(self, inputs: Mapping[str, Array]) -> None:
        """Refuse inputs whose names, element types or shapes are not the graph's."""
        names = [edge.name for edge in self.graph.inputs]
        for name in inputs:
            if name not in names:
                raise BitnnError(f"the graph has no input '{name}'; its inputs are {_list(names)}")
        for edge in self.graph.inputs:
            if edge.name not in inputs:
                raise BitnnError(f"input {edge} is missing")
            array = inputs[edge.name]
            if array.dtype != edge.dtype or not edge.matches(array.shape):
                shape = "x".join(map(str, array.shape))
                raise BitnnError(f"input {edge} was given as {shape} {array.dtype}")

    def evaluate(
        self,
        given: Mapping[str, Value],
        targets: Iterable[str],
        trace: Trace | None = None,
    ) -> dict[str, Array]:
        """Compute the tensors `targets` from `given`, any tensors that suffice for it.

        A target that ONNX types as float is returned in float32, an integer one as it is.
        """
        targets = list(targets)
        values = self.values(given, targets, trace)
        narrow = {edge.name: edge.dtype for edge in self.graph.outputs if _is_narrow(edge.dtype)}
        return {
            name: real(values[name]).astype(narrow[name]) if name in narrow else real(values[name])
            for name in targets
        }

    def values(
        self,
        given: Mapping[str, Value],
        targets: Iterable[str],
        trace: Trace | None = None,
    ) -> dict[str, Value]:
        """Like `evaluate`, but every value on the way, still with its scale and zero point."""
        targets = list(targets)
        values: dict[str, Value] = {**self.graph.constants}
        for name, value in given.items():
            values[name] = widen(value) if isinstance(value, np.ndarray) else value
        for node in self.graph.ancestors(targets, given):
            for name in node.inputs:
                if name and name not in values:
                    raise BitnnError(f"{node} needs the tensor '{name}', which is not given")
            results = apply(node, [values.get(name) if name else None for name in node.inputs])
            for name, value in zip(node.outputs, results, strict=False):
                values[name] = value
                if trace is not None:
                    _record(trace, name, value)
        for name in targets:
            if name not in values:
                raise BitnnError(f"the graph has no tensor '{name}'")
        return values


def apply(node: Node, operands: Operands) -> tuple[Value, ...]:
    """Evaluate one node: its outputs, or the first of them."""
    operator = OPERATORS.get((node.domain, node.op))
    if operator is None:
        raise node.error("the reference does not know this operator")
    try:
        results = operator(node, operands)
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise node.error(str(error)) from error
    results = results if isinstance(results, tuple) else (results,)
    # numpy makes scalars of arrays without dimensions.
    return tuple(np.asarray(x) if isinstance(x, np.generic) else x for x in results)


def _is_narrow(dtype: np.dtype[Any]) -> bool:
    return dtype.name in CARRIERS and dtype not in EIGHT_BITS


def _record(trace: Trace, name: str, value: Value) -> None:
    if isinstance(value, Accumulator):
        trace.accumulators[name] = value.acc.astype(np.int32)
    elif isinstance(value, np.ndarray) and value.dtype in EIGHT_BITS:
        trace.integers[name] = value


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"

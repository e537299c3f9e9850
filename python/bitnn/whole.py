# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A whole network in optimized onnxruntime, every difference traced to the operator that makes it.

onnxruntime fuses uint8 activations only, so int8 ones are moved by 128 first. Then each operator of
the reference is fed with onnxruntime's own integers: where the results agree, onnxruntime computes
the rule of record there, and what differs behind it was inherited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx

from bitnn.errors import BitnnError
from bitnn.peers import (
    FLOAT,
    ROUNDS_ELSEWHERE,
    Part,
    Session,
    constant_values,
    extract,
    moved,
    operator_nodes,
    principal,
)
from bitnn.reference import Reference, Trace
from bitnn.unsigned import as_unsigned, reached_tensors, signed_tensors
from bitnn.values import Array

# Optimized, an Add of floats becomes the integer operator, which adds in another order.
REORDERED = ROUNDS_ELSEWHERE | {"Add"}


@dataclass
class Whole:
    """What onnxruntime computes otherwise. Values per operator: `different` should not be;
    `reordered` are sums that it rounds in another order; `in_float` it does not fuse."""

    tensors: int = 0
    values: int = 0
    outputs: int = 0
    # The graph's outputs that differ from the reference's integers behind onnxruntime's own float
    # operators, and the largest distance of those operators from the reference's, in units of the
    # last place: float functions such as Softmax round as each library likes.
    different_outputs: int = 0
    last_places: int = 0
    different: Counter[str] = field(default_factory=Counter)
    reordered: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)

    @property
    def in_float(self) -> list[str]:
        """The dot products that onnxruntime computes in float."""
        return sorted(op for op in self.operators if op in FLOAT)


def compare_whole(
    model: onnx.ModelProto, reference: Reference, samples: Sequence[Mapping[str, Array]]
) -> Whole:
    """Run a network in optimized onnxruntime and trace every integer that differs."""
    names = [node.outputs[0] for node in reference.graph.nodes if node.op == "QuantizeLinear"]
    names = [name for name in names if name in reached_tensors(reference)]
    if not names:
        raise BitnnError("it has no QuantizeLinear")
    session = Session(as_unsigned(model, names), optimize=True)
    whole = Whole(tensors=len(names), operators=session.operators)
    signed = {name for name in signed_tensors(reference) if name in names}
    nodes = {name: str(principal(operator_nodes(reference.graph, name))) for name in names}
    rounding = {name: _reorders(reference, name) for name in names}
    outputs = [edge.name for edge in reference.graph.outputs]
    edges = _Edges(model, reference, names)
    for sample in samples:
        results = session(_moved_inputs(reference, sample))
        integers = {
            name: _back(results[name]) if name in signed else results[name] for name in names
        }
        for name in names:
            given = {other: array for other, array in integers.items() if other != name}
            (local,) = reference.evaluate({**sample, **given}, [name]).values()
            wrong = int((local != integers[name]).sum())
            whole.values += local.size
            if wrong:
                (whole.reordered if rounding[name] else whole.different)[nodes[name]] += wrong
        own, expected = reference.evaluate({**sample, **integers}, outputs), edges(sample)
        for name in outputs:
            theirs = _back(results[name]) if own[name].dtype == np.int8 else results[name]
            whole.outputs += theirs.size
            whole.different_outputs += int((theirs != expected[name]).sum())
            whole.last_places = max(whole.last_places, last_places(theirs, own[name]))
    return whole


class _Edges:
    """The graph's outputs: the reference's integers, then float operators by onnxruntime."""

    def __init__(self, model: onnx.ModelProto, reference: Reference, names: Sequence[str]) -> None:
        self.model, self.reference, self.names = model, reference, names
        self.values = constant_values(reference)
        self.parts: dict[str, tuple[Part, Session]] = {}

    def __call__(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        trace = Trace()
        results = self.reference(sample, trace)
        known = {**sample, **trace.integers, **results}
        for edge in self.reference.graph.outputs:
            nodes = list(self.reference.graph.ancestors([edge.name], self.names))
            if not nodes:
                continue
            if edge.name not in self.parts:
                part = extract(self.model, nodes, known, unsigned=False, values=self.values)
                self.parts[edge.name] = part, Session(part.model, optimize=False)
            part, session = self.parts[edge.name]
            results[edge.name] = part.outputs(session(part.inputs(known)))
        return results


def last_places(got: Array, right: Array) -> int:
    """The largest distance of two float32 arrays, counted in representable values."""
    if got.dtype.kind != "f":
        return int((got != right).any())
    # The order of float32 is that of these integers.
    bits = [x.astype(np.float32).view(np.int32).astype(np.int64) for x in (got, right)]
    ordered = [np.where(b < 0, -(2**31) - b, b) for b in bits]
    return int(np.abs(ordered[0] - ordered[1]).max(initial=0))


def _reorders(reference: Reference, name: str) -> bool:
    return any(node.op in REORDERED for node in operator_nodes(reference.graph, name))


def _moved_inputs(reference: Reference, sample: Mapping[str, Array]) -> dict[str, Array]:
    return {name: moved(x) if x.dtype == np.int8 else x for name, x in sample.items()}


def _back(array: Array) -> Array:
    return (array.astype(np.int16) - 128).astype(np.int8)

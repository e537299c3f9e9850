# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of operators, and what they ask of their operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from bitnn.graph import Node
from bitnn.values import INT32, Accumulator, Array, Quantized, Value

Operands: TypeAlias = list[Value | None]
Results: TypeAlias = Value | tuple[Value, ...]
Operator: TypeAlias = Callable[[Node, Operands], Results]

OPERATORS: dict[tuple[str, str], Operator] = {}
EIGHT_BITS = (np.dtype(np.int8), np.dtype(np.uint8))
MICROSOFT = "com.microsoft"


def operator(*names: str, domain: str = "ai.onnx") -> Callable[[Operator], Operator]:
    """Register the function as the meaning of these operators."""

    def register(function: Operator) -> Operator:
        OPERATORS.update({(domain, name): function for name in names})
        return function

    return register


def pad(operands: Operands, length: int) -> Operands:
    return operands + [None] * (length - len(operands))


def present(node: Node, value: Value | None) -> Value:
    if value is None:
        raise node.error("an operand is missing")
    return value


def quantized(node: Node, value: Value | None) -> Quantized:
    if not isinstance(value, Quantized) or value.q.dtype not in EIGHT_BITS:
        raise node.error("the operands must be 8-bit integers behind a DequantizeLinear")
    return value


def constant(node: Node, what: str, value: Value | None) -> Array:
    if not isinstance(value, np.ndarray):
        raise node.error(f"the {what} must be a tensor")
    return value


def scale_of(node: Node, value: Value | None) -> Array:
    scale = constant(node, "scale", value)
    if scale.dtype != np.float32 or not (np.isfinite(scale) & (scale > 0)).all():
        raise node.error("the scale must be positive, finite float32")
    return scale


def uniform(node: Node, scale: Array, axis: int) -> Array:
    """The scale without its variation along `axis`, the one that is summed over."""
    first = np.take(scale, [0], axis=axis)
    if not (scale == first).all():
        raise node.error("a scale that varies along the summed axis has no integer form")
    return first


def scalar(node: Node, parameter: Array) -> Array:
    if parameter.size == 0 or not (parameter == parameter.flat[0]).all():
        raise node.error("activations must be quantized per tensor")
    return np.asarray(parameter.flat[0])


def in_int32(node: Node, value: Accumulator) -> Accumulator:
    """The accumulator, which must not leave int32."""
    acc = value.acc
    if acc.size and (acc.min() < INT32.min or acc.max() > INT32.max):
        raise node.error(f"the accumulator leaves int32: [{acc.min()}, {acc.max()}]")
    return value


def layer(node: Node, acc: Array, scale: Array, channel: int) -> Accumulator:
    """A dot product to which nothing was applied yet."""
    count = np.ones(acc.shape, np.int64)
    return in_int32(node, Accumulator(acc, scale, count, channel=channel, addable=True))

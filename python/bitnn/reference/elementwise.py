# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators on two operands, and those that are a product and a sum per channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bitnn.graph import Node
from bitnn.reference.products import bias_of
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import (
    EIGHT_BITS,
    MICROSOFT,
    Operands,
    in_int32,
    operator,
    pad,
    present,
)
from bitnn.values import Accumulator, Array, Parts, Quantized, Value, real

Binary = Callable[[Array, Array], Array]
FUNCTIONS: dict[str, Binary] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Max": np.maximum,
    "Min": np.minimum,
    "Pow": lambda a, b: np.power(a.astype(np.float64), b).astype(a.dtype),
    "PRelu": lambda a, b: np.where(a < 0, a * b, a),
}


def _divide(a: Array, b: Array) -> Array:
    # Integers are divided towards zero.
    if a.dtype.kind != "f":
        return np.trunc(a.astype(np.float64) / b).astype(a.dtype)
    return a / b


FUNCTIONS["Div"] = _divide


@operator("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu")
def binary(node: Node, operands: Operands) -> Value:
    if len(operands) == 1:
        return present(node, operands[0])
    a, b = (present(node, operand) for operand in pad(operands, 2))
    folded = _fold(node, a, b)
    if folded is not None:
        return folded
    added = _add_residual(node, a, b)
    if added is not None:
        return added
    return combine(node, node.op, a, b)


def combine(node: Node, op: str, a: Value, b: Value) -> Value:
    """Two operands, as float32 or integers of one type, unless both are quantized."""
    if op == "Mul" and _is_tensor(a) and _is_tensor(b):
        return multiply(node, a, b)
    if op in ("Max", "Min") and not node.constants and not _is_plain(a) and not _is_plain(b):
        function = FUNCTIONS[op]
        return Parts((a, b), lambda arrays: function(*arrays))
    with np.errstate(all="ignore"):
        return FUNCTIONS[op](real(a), real(b))


def multiply(node: Node, a: Quantized, b: Quantized) -> Accumulator:
    """The exact product of the integers."""
    acc = a.centred * b.centred
    scale = np.broadcast_to(a.scale.flat[0] * b.scale.flat[0], acc.shape)
    return in_int32(node, Accumulator(acc, scale, np.ones(acc.shape, np.int64)))


def _is_plain(value: Value) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iu"


def _is_tensor(value: Value) -> bool:
    """8-bit integers with one scale, which are multiplied as integers."""
    if not isinstance(value, Quantized) or value.q.dtype not in EIGHT_BITS or not value.q.size:
        return False
    return all((entry == entry.flat[0]).all() for entry in (value.scale, value.zero_point))


def _fold(node: Node, a: Value, b: Value) -> Value | None:
    """A layer and a constant are one layer: the constant goes into its scale or its bias."""
    first = isinstance(a, Accumulator)
    layer, other = (a, b) if first else (b, a)
    if not isinstance(layer, Accumulator) or layer.channel is None:
        return None
    if int(first) not in node.constants:
        return None
    is_bias = isinstance(other, Quantized) or real(other).dtype == np.int32
    if node.op == "Add" and is_bias:
        steps = bias_of(node, other, layer.scale, layer.acc.ndim - 1)
        return in_int32(node, replace(layer, acc=layer.acc + steps))
    constant = np.asarray(real(other), np.float32)
    if not _is_per_channel(constant, layer):
        return None
    one = np.ones((), np.float32)
    if node.op == "Add":
        gain, offset = one, constant
    elif node.op == "Sub":
        gain, offset = (one, -constant) if first else (-one, constant)
    elif node.op == "Mul":
        gain, offset = constant, 0 * one
    elif node.op == "Div" and first:
        gain, offset = one / constant, 0 * one
    else:
        return None
    return in_int32(node, layer.affine(gain, offset))


def _add_residual(node: Node, a: Value, b: Value) -> Value | None:
    """A tensor that is added to a layer is rounded to the layer's unit, ties to even."""
    first = isinstance(a, Accumulator)
    layer, other = (a, b) if first else (b, a)
    if not isinstance(layer, Accumulator) or layer.channel is None or layer.integer:
        return None
    if isinstance(other, Accumulator | Parts) or node.constants:
        return None
    if node.op != "Add" and (node.op != "Sub" or not first):
        return None
    if real(other).shape != layer.acc.shape or real(other).dtype != np.float32:
        return None
    steps = np.rint(real(other).astype(np.float64) / layer.scale.astype(np.float64))
    acc = layer.acc + (1 if node.op == "Add" else -1) * steps.astype(np.int64)
    return in_int32(node, replace(layer, acc=acc, channel=None))


def _is_per_channel(constant: Array, layer: Accumulator) -> bool:
    """Whether a constant depends on nothing but the channel."""
    rank = layer.acc.ndim
    if constant.ndim > rank:
        return False
    extents = [1] * (rank - constant.ndim) + list(constant.shape)
    return all(extent == 1 or axis == layer.channel for axis, extent in enumerate(extents))


@operator("QLinearAdd", "QLinearMul", domain=MICROSOFT)
def qlinear_binary(node: Node, operands: Operands) -> Value:
    a, a_scale, az, b, bs, bz, ys, yz = pad(operands, 8)
    x, y = dequantize(node, a, a_scale, az), dequantize(node, b, bs, bz)
    return requantize(node, combine(node, node.op.removeprefix("QLinear"), x, y), ys, yz)


@operator("BatchNormalization")
def batch_normalization(node: Node, operands: Operands) -> Value:
    node.refuse_unless("training_mode", 0)
    x, *parameters = (present(node, operand) for operand in pad(operands, 5))
    arrays = [np.asarray(real(entry), np.float64) for entry in parameters]
    weight, bias, mean, variance = arrays
    deviation = np.sqrt(variance + float(np.float32(node.get("epsilon", 1e-5))))
    gain = (weight / deviation).astype(np.float32)
    offset = bias - mean * gain.astype(np.float64)
    rank = (x.acc if isinstance(x, Accumulator) else real(x)).ndim
    gain, offset = (entry.reshape(-1, *[1] * (rank - 2)) for entry in (gain, offset))
    if isinstance(x, Accumulator) and x.channel == 1:
        return in_int32(node, x.affine(gain, offset))
    return real(x) * gain + offset.astype(np.float32)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators on two operands, and those that are a product and a sum per channel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitnn.graph import Node
from bitnn.reference.products import add_bias, is_per_channel
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import (
    EIGHT_BITS,
    MICROSOFT,
    Operands,
    constant,
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
    # Integers are divided towards zero; ONNX leaves a division by zero open.
    if a.dtype.kind != "f":
        quotient = np.trunc(a.astype(np.float64) / b)
        return np.where(np.isfinite(quotient), quotient, 0).astype(np.int64).astype(a.dtype)
    return a / b


FUNCTIONS["Div"] = _divide


@operator("Add", "Sub", "Mul", "Div", "Pow", "PRelu")
def binary(node: Node, operands: Operands) -> Value:
    a, b = (present(node, operand) for operand in pad(operands, 2))
    folded = _fold(node, a, b)
    if folded is not None:
        return folded
    added = _add_residual(node, a, b)
    if added is not None:
        return added
    return combine(node, node.op, a, b)


@operator("Max", "Min")
def choose(node: Node, operands: Operands) -> Value:
    """The largest or smallest of any number of operands, one after the other."""
    value = present(node, operands[0])
    for index, operand in enumerate(operands[1:], 1):
        plain = index in node.constants or (index == 1 and 0 in node.constants)
        value = combine(node, node.op, value, present(node, operand), plain=plain)
    return value


@operator("Mod", "BitShift")
def integer_binary(node: Node, operands: Operands) -> Value:
    a, b = (constant(node, "operand", operand) for operand in pad(operands, 2))
    if a.dtype.kind not in "iu" or a.dtype != b.dtype:
        raise node.error("its operands must be integers of one type")
    if node.op == "Mod":
        function = np.fmod if node.get("fmod", 0) else np.mod
        with np.errstate(divide="ignore"):
            return function(a, b)
    shift = np.left_shift if node.get("direction", "") == "LEFT" else np.right_shift
    return np.where(b < 8 * b.itemsize, shift(a, b), 0).astype(a.dtype)


def combine(node: Node, op: str, a: Value, b: Value, *, plain: bool = False) -> Value:
    """Two operands, as float32 or integers of one type, unless both are quantized.

    `plain`: one of them is constant.
    """
    if op == "Mul" and _is_tensor(a) and _is_tensor(b):
        return multiply(node, a, b)
    if op in ("Max", "Min") and not plain and not _is_plain(a) and not _is_plain(b):
        function = FUNCTIONS[op]
        return Parts((a, b), lambda arrays: function(*arrays))
    with np.errstate(all="ignore"):
        return FUNCTIONS[op](real(a), real(b))


def multiply(node: Node, a: Quantized, b: Quantized) -> Accumulator:
    """The exact product of the integers."""
    acc = a.centred * b.centred
    scale = np.broadcast_to(a.scale.flat[0] * b.scale.flat[0], acc.shape)
    return in_int32(node, Accumulator(acc, scale, np.ones(acc.shape, np.int64), addable=True))


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
        return add_bias(node, layer, other, layer.acc.ndim - 1)
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
    """A tensor that is added to a sum is rounded to the sum's unit, ties to even.

    A constant only if it is more than one number: that is part of a function of the sum.
    """
    first = isinstance(a, Accumulator)
    total, other = (a, b) if first else (b, a)
    if not isinstance(total, Accumulator) or not total.addable or total.integer:
        return None
    if isinstance(other, Accumulator | Parts) or (
        node.op != "Add" and not (node.op == "Sub" and first)
    ):
        return None
    tensor = real(other)
    if tensor.dtype != np.float32 or not _broadcasts(tensor.shape, total.acc.shape):
        return None
    if node.constants and tensor.size == 1:
        return None
    return in_int32(node, total.add(tensor, 1 if node.op == "Add" else -1))


def _broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a tensor can be broadcast to a target."""
    missing = len(target) - len(shape)
    pairs = zip(shape, target[missing:], strict=True) if missing >= 0 else ()
    return missing >= 0 and all(extent in (1, wanted) for extent, wanted in pairs)


def _is_per_channel(constant: Array, layer: Accumulator) -> bool:
    """Whether a constant depends on nothing but the channel."""
    return is_per_channel(constant.shape, layer.acc.ndim - 1, layer)


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

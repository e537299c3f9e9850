# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import numpy as np
import onnx

from bitnn.graph import Node
from bitnn.reference.registry import (
    EIGHT_BITS,
    MICROSOFT,
    Operands,
    constant,
    operator,
    pad,
    present,
    scalar,
    scale_of,
)
from bitnn.values import CARRIERS, Accumulator, Array, Parts, Quantized, Value, along, real, widen
from bitnn.values import requantize as requantize_value


@operator("QuantizeLinear")
@operator("QuantizeLinear", domain=MICROSOFT)
def quantize_linear(node: Node, operands: Operands) -> Value:
    node.refuse_unless("block_size", 0)
    value, scale, zero_point = pad(operands, 3)
    if zero_point is None:
        kind = node.get("output_dtype", 0)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind) if kind else np.uint8
        zero_point = np.zeros((), dtype)
    return requantize(node, value, scale, zero_point, node.get("axis", 1))


@operator("DequantizeLinear")
@operator("DequantizeLinear", domain=MICROSOFT)
def dequantize_linear(node: Node, operands: Operands) -> Value:
    node.refuse_unless("block_size", 0)
    q, scale, zero_point = pad(operands, 3)
    return dequantize(node, q, scale, zero_point, node.get("axis", 1))


def requantize(
    node: Node, value: Value | None, scale: Value | None, zero_point: Value | None, axis: int = 1
) -> Array:
    """Any value as 8-bit integers."""
    value, scale = present(node, value), scale_of(node, scale)
    zero_point = constant(node, "zero point", zero_point)
    if zero_point.dtype.name not in CARRIERS:
        raise node.error(f"quantizes to {zero_point.dtype}, only int8 and uint8 are supported")
    dtype, zero_point = zero_point.dtype, zero_point.astype(np.int64)
    if isinstance(value, Parts):
        scale, zero_point = scalar(node, scale), scalar(node, zero_point)
        return value.requantize(scale, zero_point, dtype)
    shape = value.acc.shape if isinstance(value, Accumulator) else real(value).shape
    scales, zero_points = along(scale, axis, shape), along(zero_point, axis, shape)
    return requantize_value(value, scales, zero_points, dtype)


def dequantize(
    node: Node, q: Value | None, scale: Value | None, zero_point: Value | None, axis: int = 1
) -> Quantized:
    """8-bit activations or weights, or an int32 bias, with their scale."""
    q = widen(q) if isinstance(q, np.ndarray) else q
    if not isinstance(q, np.ndarray) or q.dtype not in (*EIGHT_BITS, np.int32):
        raise node.error("only int8, uint8 and int32 tensors can be dequantized")
    zeros = None if zero_point is None else constant(node, "zero point", zero_point)
    return Quantized.of(q, scale_of(node, scale), zeros, axis)

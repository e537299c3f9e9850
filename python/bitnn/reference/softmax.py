# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Softmax: of integers by onnxruntime's integer rule, of anything else as ONNX has it."""

from __future__ import annotations

import numpy as np

from bitnn.graph import Node
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import (
    EIGHT_BITS,
    MICROSOFT,
    Operands,
    operator,
    pad,
    present,
    scalar,
)
from bitnn.values import Array, Parts, Quantized, Softmax, Value, real


@operator("Softmax")
def softmax(node: Node, operands: Operands) -> Value:
    return normalize(node, present(node, operands[0]), node.opset)


@operator("QLinearSoftmax", domain=MICROSOFT)
def qlinear_softmax(node: Node, operands: Operands) -> Value:
    x, xs, xz, ys, yz = pad(operands, 5)
    value = normalize(node, dequantize(node, x, xs, xz), node.get("opset", 13))
    return requantize(node, value, ys, yz)


def normalize(node: Node, value: Value, opset: int) -> Value:
    """Along one axis; before opset 13 along all from the axis on."""
    axis = node.get("axis", -1 if opset >= 13 else 1)
    shape = real(value).shape

    def to_rows(array: Array) -> Array:
        if opset < 13:
            return array.reshape(int(np.prod(shape[:axis])), -1)
        return np.moveaxis(array, axis, -1)

    def restore(array: Array) -> Array:
        return array.reshape(shape) if opset < 13 else np.moveaxis(array, -1, axis)

    if isinstance(value, Quantized) and value.q.dtype in EIGHT_BITS:
        scalar(node, value.zero_point)
        rows = Softmax(to_rows(value.q), scalar(node, value.scale), restore)
        return Parts((rows,), lambda arrays: arrays[0])
    rows = to_rows(real(value))
    powers = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return restore(powers / powers.sum(axis=-1, keepdims=True))

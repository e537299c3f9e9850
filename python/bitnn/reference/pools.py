# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pools: the maximum keeps its integers, the average is an exact integer sum."""

from __future__ import annotations

import numpy as np

from bitnn.graph import Node
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import (
    Operands,
    in_int32,
    operator,
    pad,
    present,
    quantized,
    scalar,
)
from bitnn.values import Accumulator, Array, Quantized, Value, real
from bitnn.windows import Windows


@operator("MaxPool")
def max_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("ceil_mode", 0)
    (x,) = operands
    if isinstance(x, Quantized):
        pooled = max_pool(node, [x.q])
        scale, zero_point = scalar(node, x.scale), scalar(node, x.zero_point)
        return Quantized.of(real(pooled), scale, zero_point, 1)
    image = real(present(node, x))
    lowest = -np.inf if image.dtype.kind == "f" else np.iinfo(image.dtype).min
    windows = _pool_windows(node, image.shape).gather(image, lowest)
    return windows.max(axis=tuple(range(image.ndim, windows.ndim)))


@operator("AveragePool")
def average_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("ceil_mode", 0)
    x = quantized(node, operands[0])
    windows = _pool_windows(node, x.q.shape)
    inside = np.ones((1, 1, *x.q.shape[2:]), np.int64)
    fill = 1 if node.get("count_include_pad", 0) else 0
    return average(node, x, windows.gather(x.centred, 0), windows.gather(inside, fill))


@operator("GlobalAveragePool")
def global_average_pool(node: Node, operands: Operands) -> Value:
    x = quantized(node, operands[0])
    windows = Windows.of(node, x.q.shape[2:], x.q.shape[2:])
    inside = np.ones((1, 1, *x.q.shape[2:]), np.int64)
    return average(node, x, windows.gather(x.centred, 0), windows.gather(inside, 0))


@operator("QLinearAveragePool", domain="com.microsoft")
def qlinear_average_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("channels_last", 0)
    x, xs, xz, ys, yz = pad(operands, 5)
    return requantize(node, average_pool(node, [dequantize(node, x, xs, xz)]), ys, yz)


@operator("QLinearGlobalAveragePool", domain="com.microsoft")
def qlinear_global_average_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("channels_last", 0)
    x, xs, xz, ys, yz = pad(operands, 5)
    return requantize(node, global_average_pool(node, [dequantize(node, x, xs, xz)]), ys, yz)


def average(node: Node, x: Quantized, windows: Array, inside: Array) -> Accumulator:
    """The sum of (x - zx) over each window, with the number of elements that it averages."""
    kernel = tuple(range(x.q.ndim, windows.ndim))
    acc = windows.sum(axis=kernel)
    scale = np.broadcast_to(scalar(node, x.scale), acc.shape)
    counts = np.broadcast_to(inside.sum(axis=kernel), acc.shape)
    return in_int32(node, Accumulator(acc, scale, counts))


def _pool_windows(node: Node, shape: tuple[int, ...]) -> Windows:
    kernel = node.get("kernel_shape", None)
    if kernel is None:
        raise node.error("kernel_shape is missing")
    return Windows.of(node, tuple(kernel), shape[2:])

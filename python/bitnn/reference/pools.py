# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pools: the maximum keeps its integers, the average is an exact integer sum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitnn.graph import Node
from bitnn.reference.movement import integers
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import (
    MICROSOFT,
    Operands,
    in_int32,
    operator,
    pad,
    present,
    quantized,
    scalar,
)
from bitnn.values import Accumulator, Array, Parts, Quantized, Value, real
from bitnn.windows import Windows


@operator("MaxPool", "GlobalMaxPool")
def max_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("storage_order", 0)

    def pool(array: Array) -> Array:
        lowest = -np.inf if array.dtype.kind == "f" else np.iinfo(array.dtype).min
        windows = _windows(node, array.shape).gather(array, lowest)
        return windows.max(axis=tuple(range(array.ndim, windows.ndim)))

    return choose(node, present(node, operands[0]), pool)


def choose(node: Node, x: Value, function: Callable[[Array], Array]) -> Value:
    """Apply a function that chooses elements by their order, as quantization keeps it."""
    if isinstance(x, np.ndarray):
        return function(x)
    if isinstance(x, Quantized):
        scale, zero_point = scalar(node, x.scale), scalar(node, x.zero_point)
        return Quantized.of(function(x.q), scale, zero_point, 0)
    parts = x if isinstance(x, Parts) else Parts((x,), lambda arrays: arrays[0])
    return parts.move(function)


@operator("AveragePool", "GlobalAveragePool")
def average_pool(node: Node, operands: Operands) -> Value:
    x = quantized(node, operands[0])
    windows = _windows(node, x.q.shape)
    inside = np.ones((1, 1, *x.q.shape[2:]), np.int64)
    fill = 1 if node.get("count_include_pad", 0) else 0
    return average(node, x, windows.gather(x.centred, 0), windows.gather(inside, fill, 0))


@operator("QLinearAveragePool", "QLinearGlobalAveragePool", domain=MICROSOFT)
def qlinear_average_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("channels_last", 0)
    x, xs, xz, ys, yz = pad(operands, 5)
    return requantize(node, average_pool(node, [dequantize(node, x, xs, xz)]), ys, yz)


def average(node: Node, x: Quantized, windows: Array, inside: Array) -> Accumulator:
    """The sum of (x - zx) over each window, with the number of elements that it averages."""
    kernel = tuple(range(x.q.ndim, windows.ndim))
    acc = windows.sum(axis=kernel)
    scale = np.broadcast_to(scalar(node, x.scale), acc.shape)
    counts = np.broadcast_to(inside.sum(axis=kernel), acc.shape)
    return in_int32(node, Accumulator(acc, scale, counts))


def _windows(node: Node, shape: tuple[int, ...]) -> Windows:
    if "Global" in node.op:
        return Windows.of(node, shape[2:], shape[2:])
    kernel = node.get("kernel_shape", None)
    if kernel is None:
        raise node.error("kernel_shape is missing")
    return Windows.of(node, tuple(kernel), shape[2:])


@operator("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")
def reduce(node: Node, operands: Operands) -> Value:
    given = integers(node, operands, 1, "axes", 13 if node.op == "ReduceSum" else 18)
    axes = tuple(given) if given else None
    if axes is None and node.get("noop_with_empty_axes", 0):
        axes = ()
    keep = bool(node.get("keepdims", 1))
    x = present(node, operands[0])
    if node.op in ("ReduceMax", "ReduceMin"):
        function = np.max if node.op == "ReduceMax" else np.min
        return choose(node, x, lambda array: function(array, axis=axes, keepdims=keep))
    if not isinstance(x, Quantized):
        function = np.mean if node.op == "ReduceMean" else np.sum
        return function(real(x), axis=axes, keepdims=keep)
    acc = x.centred.sum(axis=axes, keepdims=keep)
    count = x.q.size // acc.size if node.op == "ReduceMean" else 1
    scale = np.broadcast_to(scalar(node, x.scale), acc.shape)
    return in_int32(node, Accumulator(acc, scale, np.full(acc.shape, count, np.int64)))

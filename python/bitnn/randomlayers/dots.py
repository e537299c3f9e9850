# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random dot products and pools of the rarer forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bitnn.randomlayers.builder import Activation, Builder
from bitnn.randomlayers.others import image, move
from bitnn.randomlayers.products import conv, finish, weights, weights_qdq, window
from bitnn.windows import output_extents


def line(b: Builder, channels: int = 0) -> Activation:
    """An image of one dimension."""
    return b.input((b.between(1, 2), channels or b.between(1, 6), b.between(1, 12)))


def fitting(b: Builder, x: Activation, w: np.ndarray, ws: np.float32) -> float:
    """A scale for sums of products with an axis of outputs in front."""
    rows = w.reshape(w.shape[0], -1).astype(np.float64)
    spread = float(np.sqrt((rows**2).sum(axis=1)).max()) * 74 + 1
    # Not far below the unit of the sums, to which biases are rounded.
    return max(spread / b.rng.uniform(20, 100), 4) * float(ws * x.scale)


def _conv1d(b: Builder) -> Activation:
    groups = b.pick((1, 1, 2))
    x = line(b, groups * b.between(1, 3))
    kernel, attributes = window(b, x.shape)
    return conv(b, x, groups * b.between(1, 3), kernel, groups, **attributes)


def _conv_transpose(b: Builder) -> Activation:
    groups = b.pick((1, 1, 2))
    rank = b.pick((1, 2, 2))
    channels = groups * b.between(1, 3)
    x = b.input((1, channels, *(b.between(1, 4) for _ in range(rank))))
    kernel = [b.between(1, 3) for _ in range(rank)]
    strides = [b.between(1, 3) for _ in range(rank)]
    attributes: dict[str, Any] = {"strides": strides, "group": groups}
    added = [b.between(0, stride - 1) for stride in strides]
    pads = [0] * 2 * rank
    if b.chance(0.5):
        pads = [b.between(0, k - 1) for k in (*kernel, *kernel)]
    extents = [
        (size - 1) * stride + k + more - pads[i] - pads[rank + i]
        for i, (size, stride, k, more) in enumerate(
            zip(x.shape[2:], strides, kernel, added, strict=True)
        )
    ]
    if min(extents) < 1:
        pads, added = [0] * 2 * rank, [0] * rank
        extents = [
            (size - 1) * stride + k
            for size, stride, k in zip(x.shape[2:], strides, kernel, strict=True)
        ]
    attributes |= {"pads": pads, "output_padding": added}
    outputs = b.between(1, 3)
    w, zero = weights(b, (outputs, channels, *kernel), False)
    stored = np.ascontiguousarray(np.moveaxis(w, 0, 1))
    scales = [b.scale(0.02) for _ in range(outputs)]
    per_output = b.chance(0.5) and not int(zero) - int(np.zeros((), w.dtype))
    ws = np.asarray(scales if per_output else scales[0], np.float32)
    y = b.like(
        (1, groups * outputs, *extents),
        b.scale(fitting(b, x, w.astype(np.int64) - int(zero), np.max(ws))),
    )
    b.notes.append(f"x {x.shape} {attributes} y {y.shape}")
    inputs = [b.dequantize(x), weights_qdq(b, stored, ws, zero, 1)]
    if b.chance(0.5):
        bias = b.rng.uniform(-20, 20, groups * outputs) * float(y.scale)
        inputs.append(b.constant(bias.astype(np.float32)))
    return finish(b, b.node("ConvTranspose", inputs, **attributes), y)


def _matmul_sides(b: Builder) -> Activation:
    """Constant rows, batches of constants, vectors."""
    k, n, m = b.between(1, 8), b.between(1, 5), b.between(1, 4)
    form = b.pick(("left", "batch", "vector", "constant vector", "left vector"))
    batch = (b.between(1, 3),)
    x_shape, w_shape, y_shape = {
        "left": ((*batch, k, n), (m, k), (*batch, m, n)),
        "batch": ((*batch, m, k), (*batch, k, n), (*batch, m, n)),
        "vector": ((k,), (k, n), (n,)),
        "constant vector": ((*batch, m, k), (k,), (*batch, m)),
        "left vector": ((*batch, k, n), (k,), (*batch, n)),
    }[form]
    is_left = "left" in form
    x = b.input(x_shape)
    w, zero = weights(b, w_shape if len(w_shape) > 1 else (1, *w_shape), False)
    w = w.reshape(w_shape)
    ws = np.asarray(b.scale(0.02), np.float32)
    near = fitting(b, x, w.reshape(1, -1).astype(np.int64) - int(zero), ws)
    y = b.like(y_shape, b.scale(near))
    b.notes.append(f"{form} {x_shape} {w_shape}")
    if b.form == "qlinear":
        left = [x.name, *b.quantization(x)]
        right = [b.constant(w), b.constant(ws), b.constant(zero)]
        operands = right + left if is_left else left + right
        return b.renamed(y, b.node("QLinearMatMul", operands + b.quantization(y)))
    operands = [b.dequantize(x), weights_qdq(b, w, ws, zero, 0)]
    acc = b.node("MatMul", operands[::-1] if is_left else operands)
    if form == "left" and b.chance(0.6):
        bias = np.float32(float(y.scale) * b.rng.uniform(-20, 20, b.pick(((m, 1), (n,), ()))))
        acc = b.node("Add", [acc, b.constant(bias)])
    return finish(b, acc, y)


def _gemm_attributes(b: Builder) -> Activation:
    rows, k, n = b.between(1, 3), b.between(1, 10), b.between(1, 5)
    transposed = [b.between(0, 1), b.between(0, 1)]
    x = b.input((k, rows) if transposed[0] else (rows, k))
    w, zero = weights(b, (n, k), False)
    ws = np.asarray(b.scale(0.02), np.float32)
    alpha, beta = b.pick((1.0, 0.5, -1.5, 0.3)), b.pick((1.0, 2.0, -0.25))
    near = fitting(b, x, w.astype(np.int64) - int(zero), ws) * abs(alpha)
    y = b.like((rows, n), b.scale(near))
    stored = w if transposed[1] else np.ascontiguousarray(w.T)
    bias = np.float32(near * b.rng.uniform(-20, 20, b.pick(((n,), (1, n), (1,), ()))))
    inputs = [b.dequantize(x), weights_qdq(b, stored, ws, zero, 0), b.constant(bias)]
    attributes = {"transA": transposed[0], "transB": transposed[1], "alpha": alpha, "beta": beta}
    b.notes.append(f"{x.shape} {attributes}")
    return finish(b, b.node("Gemm", inputs, **attributes), y)


def _integer_products(b: Builder) -> Activation:
    """ConvInteger or MatMulInteger, a Cast, and factors."""
    is_conv = b.chance(0.5)
    x = image(b, most=5) if is_conv else b.input((b.between(1, 3), b.between(1, 12)))
    outputs = b.between(1, 4)
    kernel, attributes = window(b, x.shape) if is_conv else ((), {})
    w, zero = weights(b, (outputs, x.shape[1], *kernel), False)
    stored = w if is_conv else np.ascontiguousarray(w.T)
    x_zero = b.quantization(x)[1]
    inputs = [x.name, b.constant(stored), x_zero, b.constant(zero)]
    acc = b.node("ConvInteger" if is_conv else "MatMulInteger", inputs, **attributes)
    real = b.node("Cast", [acc], to=1)
    real = b.node("Mul", [real, b.constant(np.float32(x.scale * np.float32(0.02)))])
    extents = output_extents(x.shape[2:], kernel, attributes) if is_conv else ()
    near = fitting(b, x, w.astype(np.int64) - int(zero), np.float32(0.02))
    y = b.like((x.shape[0], outputs, *extents), b.scale(near))
    return finish(b, real, y)


def _pool_forms(b: Builder) -> Activation:
    """One dimension, incomplete windows, and the maximum of what is quantized later."""
    x = line(b) if b.chance(0.5) else image(b)
    kernel, attributes = window(b, x.shape, 4, dilate=False)
    attributes |= {"kernel_shape": kernel, "ceil_mode": b.between(0, 1)}
    if "auto_pad" in attributes:
        attributes["ceil_mode"] = 0
    # Windows of nothing but padding have no average.
    shape = (*x.shape[:2], *output_extents(x.shape[2:], kernel, attributes))
    b.notes.append(f"{x.shape} {attributes}")
    if b.chance(0.4):
        return move(b, x, "MaxPool", shape, **attributes)
    if b.chance(0.5):
        attributes["count_include_pad"] = b.between(0, 1)
        y = b.like(shape, b.scale(float(x.scale)))
        return b.qdq(x, y, "AveragePool", **attributes)
    real = b.node(b.pick(("Sigmoid", "Abs", "Relu")), [b.dequantize(x)])
    real = b.node("MaxPool", [real], **attributes)
    return b.quantize(real, b.like(shape, b.scale(0.01)))


def _pool_of_sum(b: Builder) -> Activation:
    """A maximum of sums, without quantization between them."""
    b.form = "qdq"
    x = image(b, most=6)
    y = conv(b, x, b.between(1, 3), (1, 1), 1)
    acc = b.nodes.pop().input[0]
    kernel, attributes = window(b, y.shape, 3, dilate=False)
    shape = (*y.shape[:2], *output_extents(y.shape[2:], kernel, attributes))
    return b.quantize(
        b.node("MaxPool", [acc], kernel_shape=kernel, **attributes), b.renamed(y, "", shape)
    )


def _reduce(b: Builder) -> Activation:
    x = image(b, most=5)
    axes = sorted(int(axis) for axis in b.rng.permutation(4)[: b.between(1, 3)])
    keep = b.between(0, 1)
    op = b.pick(("ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"))
    shape = tuple(
        1 if axis in axes else extent
        for axis, extent in enumerate(x.shape)
        if keep or axis not in axes
    )
    b.notes.append(f"{op} {x.shape} {axes} {keep}")
    given = b.constant(np.asarray(axes, np.int64))
    y = b.like(shape, b.scale(float(x.scale) * (4 if op == "ReduceSum" else 1)))
    return b.quantize(b.node(op, [b.dequantize(x), given], keepdims=keep), y)


DOTS: dict[str, Callable[[Builder], Activation]] = {
    "conv1d": _conv1d,
    "conv_transpose": _conv_transpose,
    "matmul_sides": _matmul_sides,
    "gemm_attributes": _gemm_attributes,
    "integer_products": _integer_products,
    "pool_forms": _pool_forms,
    "pool_of_sum": _pool_of_sum,
    "reduce": _reduce,
}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random layers that combine several tensors without quantization in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bitnn.randomlayers.builder import Activation, Builder
from bitnn.randomlayers.dots import fitting
from bitnn.randomlayers.operators import broadcast, pick_function, result
from bitnn.randomlayers.others import image
from bitnn.randomlayers.products import bounds, conv, finish, weights, weights_qdq


def _operand(b: Builder, x: Activation, bounded: bool = False) -> str:
    """A dequantized tensor, now and then with a function."""
    real = b.dequantize(x)
    if b.chance(0.2):
        return b.node("Relu", [real])
    if bounded and b.chance(0.2):
        return b.node(b.pick(("HardSwish", "Sigmoid", "Abs")), [real])
    if not bounded and b.chance(0.2):
        op, attributes = pick_function(b)
        return b.node(op, [real], **attributes)
    return real


def _pair(b: Builder) -> Activation:
    """Any operator on two tensors, and functions before and behind it."""
    b.form = "qdq"
    x = image(b, most=4)
    op = b.pick(("Add", "Sub", "Mul", "Div", "Div", "Max", "Min", "PRelu", "Pow"))
    z = b.input(broadcast(b, x.shape))
    operands = [_operand(b, x), _operand(b, z)]
    behinds = ("nothing", "function", "function", "clip", "constant")
    if op in ("Max", "Min") and b.chance(0.3):
        operands.append(_operand(b, b.input(x.shape)))
        behinds = ("nothing", "clip")
    elif op != "PRelu" and b.chance(0.3):
        operands.reverse()
    b.notes.append(f"{op} {x.shape} {z.shape}")
    real = b.node(op, operands)
    behind = b.pick(behinds)
    if behind == "function":
        function, attributes = pick_function(b)
        real = b.node(function, [real], **attributes)
    elif behind == "clip":
        real = b.node("Clip", [real, *bounds(b, x)])
    elif behind == "constant":
        number = b.constant(np.asarray(b.rng.uniform(-2, 2), np.float32))
        real = b.node(b.pick(("Add", "Mul", "Max")), [real, number])
    b.notes.append(behind)
    return b.quantize(real, result(b, x.shape, float(x.scale)))


def _more(b: Builder, shape: tuple[int, ...], near: float) -> str:
    """What is added to a sum: a quantized tensor, or a constant of its shape."""
    # One number would make a function of the sum.
    constant = near * b.rng.uniform(-50, 50, broadcast(b, shape))
    if constant.size > 1 and b.chance(0.3):
        return b.constant(constant.astype(np.float32))
    x = b.input(broadcast(b, shape) if b.chance(0.3) else shape)
    return _operand(b, x, bounded=True)


def _clipped_sum(b: Builder) -> Activation:
    """A dot product, clamped or not, plus one or two tensors, clamped or not."""
    b.form, b.options = "qdq", replace(b.options, epilogues=("none",))
    x = image(b, most=5)
    y = conv(b, x, b.between(1, 4), (1, 1), 1)
    if any("2^31" in note for note in b.notes):
        # Nothing can be added to sums that reach the ends of int32.
        return y
    real, near = b.nodes.pop().input[0], float(y.scale)
    for _ in range(b.between(1, 2)):
        clamp = b.pick(("none", "Relu", "Clip"))
        if clamp != "none":
            real = b.node(clamp, [real, *(bounds(b, y) if clamp == "Clip" else [])])
        op, swapped = b.pick((("Add", False), ("Add", True), ("Sub", False)))
        b.notes.append(f"{clamp} {op}")
        pair = [real, _more(b, y.shape, near)]
        real = b.node(op, pair[::-1] if swapped else pair)
    b.options = replace(b.options, epilogues=("none", "relu", "clip"))
    return finish(b, real, result(b, y.shape, 2 * near))


def _product_plus(b: Builder) -> Activation:
    """A product of two tensors plus a third."""
    b.form = "qdq"
    x = image(b, most=4)
    z, more = b.input(broadcast(b, x.shape)), b.input(broadcast(b, x.shape))
    product = b.node("Mul", [b.dequantize(x), b.dequantize(z)])
    op = b.pick(("Add", "Sub"))
    b.notes.append(f"Mul {op} {x.shape} {z.shape} {more.shape}")
    real = b.node(op, [product, b.dequantize(more)])
    near = float(x.scale * z.scale) * 100 + float(more.scale)
    return finish(b, real, result(b, x.shape, near))


def _batches(b: Builder) -> Activation:
    """Batches of products, broadcast, the constant on either side."""
    k, n, m = b.between(1, 6), b.between(1, 4), b.between(1, 4)
    batch = tuple(b.between(1, 3) for _ in range(b.between(1, 2)))
    is_left = b.chance(0.4)
    x_batch, w_batch = broadcast(b, batch), broadcast(b, batch)
    if b.chance(0.3):
        w_batch = (1,) * b.between(1, 3)
    x = b.input((*x_batch, k, n) if is_left else (*x_batch, m, k))
    shape = (*w_batch, m, k) if is_left else (*w_batch, k, n)
    w, zero = weights(b, (1, *shape), False)
    w = w[0]
    outputs = m if is_left else n
    per_output = b.chance(0.4) and not int(zero) - int(np.zeros((), w.dtype))
    scales = [b.scale(0.02) for _ in range(outputs)]
    ws = np.asarray(scales if per_output else scales[0], np.float32)
    columns = np.moveaxis(w, -1 if is_left else -2, -1).reshape(-1, k)
    near = fitting(b, x, columns.astype(np.int64) - int(zero), np.max(ws))
    y = b.like((*np.broadcast_shapes(x_batch, w_batch), m, n), b.scale(near))
    b.notes.append(f"{'left' if is_left else 'right'} {x.shape} {shape}")
    axis = len(shape) - (2 if is_left else 1)
    if b.form == "qlinear" and not per_output:
        tensors = [x.name, *b.quantization(x)]
        constants = [b.constant(w), b.constant(ws), b.constant(zero)]
        operands = constants + tensors if is_left else tensors + constants
        return b.renamed(y, b.node("QLinearMatMul", operands + b.quantization(y)))
    operands = [b.dequantize(x), weights_qdq(b, w, ws, zero, axis)]
    acc = b.node("MatMul", operands[::-1] if is_left else operands)
    if b.chance(0.5):
        bias = near * b.rng.uniform(-20, 20, b.pick(((m, 1), (n,), (), (m, n))))
        acc = b.node("Add", [acc, b.constant(bias.astype(np.float32))])
    return finish(b, acc, y)


def _gemm_sides(b: Builder) -> Activation:
    """Gemm with either operand constant, every attribute, and a C of every shape."""
    m, k, n = b.between(1, 4), b.between(1, 8), b.between(1, 4)
    is_left = b.chance(0.6)
    exchanged = [b.between(0, 1), b.between(0, 1)]
    shapes = [(k, m) if exchanged[0] else (m, k), (n, k) if exchanged[1] else (k, n)]
    x = b.input(shapes[1 if is_left else 0])
    shape = shapes[0 if is_left else 1]
    axis = shape.index(k) if shape[0] != shape[1] else exchanged[0 if is_left else 1] ^ is_left
    w, zero = weights(b, (1, *shape), False)
    w, ws = w[0], np.asarray(b.scale(0.02), np.float32)
    alpha, beta = b.pick((1.0, 1.0, 0.5, -1.5)), b.pick((1.0, 2.0, -0.25))
    rows = np.moveaxis(w, axis, -1).astype(np.int64) - int(zero)
    near = fitting(b, x, rows, ws) * abs(alpha)
    y = b.like((m, n), b.scale(near))
    c = near * b.rng.uniform(-20, 20, b.pick(((n,), (m, 1), (m, n), (1, n), (1,), ())))
    constant = weights_qdq(b, w, ws, zero, 0)
    operands = [constant, b.dequantize(x)] if is_left else [b.dequantize(x), constant]
    attributes = {"transA": exchanged[0], "transB": exchanged[1], "alpha": alpha, "beta": beta}
    b.notes.append(f"{'left' if is_left else 'right'} {shapes} C {c.shape} {attributes}")
    operands.append(b.constant(np.asarray(c, np.float32)))
    return finish(b, b.node("Gemm", operands, **attributes), y)


def _scales_of_axis(b: Builder) -> Activation:
    """Activations with a scale per entry of an axis, and a function behind them."""
    b.float_edges = False
    x = image(b, most=5)
    axis = b.between(0, 3)
    extent = x.shape[axis]
    scales = np.asarray([b.scale() for _ in range(extent)], np.float32)
    zeros = np.asarray([b.zero_point(x.dtype) for _ in range(extent)], x.dtype)
    inputs = [x.name, b.constant(scales), b.constant(zeros)]
    real = b.node("DequantizeLinear", inputs, axis=axis - b.pick((0, 4)))
    op, attributes = pick_function(b)
    b.notes.append(f"{x.shape} axis {axis}")
    real = b.node(op, [real], **attributes)
    return b.quantize(real, result(b, x.shape))


SUMS: dict[str, Callable[[Builder], Activation]] = {
    "pair": _pair,
    "clipped_sum": _clipped_sum,
    "product_plus": _product_plus,
    "batches": _batches,
    "gemm_sides": _gemm_sides,
    "scales_of_axis": _scales_of_axis,
}

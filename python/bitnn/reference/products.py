# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and matrix products: exact integer sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bitnn.graph import Node
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import (
    Operands,
    in_int32,
    layer,
    operator,
    pad,
    quantized,
    scalar,
    uniform,
)
from bitnn.values import Accumulator, Array, Quantized, Value, along, real
from bitnn.windows import Windows

# Exporters compute a bias's scale in float32 or float64; more than this is another scale.
BIAS_SCALE_TOLERANCE = 1e-6


@operator("Conv")
def conv(node: Node, operands: Operands) -> Value:
    x, w, bias = pad(operands, 3)
    return convolve(node, quantized(node, x), quantized(node, w), bias)


@operator("QLinearConv")
def qlinear_conv(node: Node, operands: Operands) -> Value:
    x, xs, xz, w, ws, wz, ys, yz, bias = pad(operands, 9)
    weights = dequantize(node, w, ws, wz, axis=0)
    return requantize(node, convolve(node, dequantize(node, x, xs, xz), weights, bias), ys, yz)


@operator("Gemm")
def gemm(node: Node, operands: Operands) -> Value:
    a, b, bias = pad(operands, 3)
    return general_product(node, *_transposed(node, a, b), bias)


@operator("QGemm", domain="com.microsoft")
def qgemm(node: Node, operands: Operands) -> Value:
    a, a_scale, az, b, bs, bz, bias, ys, yz = pad(operands, 9)
    columns = 0 if node.get("transB", 0) else 1
    x, w = dequantize(node, a, a_scale, az), dequantize(node, b, bs, bz, columns)
    return requantize(node, general_product(node, *_transposed(node, x, w), bias), ys, yz)


@operator("MatMul")
def matmul(node: Node, operands: Operands) -> Value:
    a, b = pad(operands, 2)
    return multiply_matrices(node, quantized(node, a), quantized(node, b), None)


@operator("QLinearMatMul")
def qlinear_matmul(node: Node, operands: Operands) -> Value:
    a, a_scale, az, b, bs, bz, ys, yz = pad(operands, 8)
    x, w = dequantize(node, a, a_scale, az, axis=-2), dequantize(node, b, bs, bz, axis=-1)
    return requantize(node, multiply_matrices(node, x, w, None), ys, yz)


def convolve(node: Node, x: Quantized, w: Quantized, bias: Value | None) -> Accumulator:
    """sum((x - zx) * (w - zw)) + bias over windows; padding contributes nothing."""
    groups = node.get("group", 1)
    images, channels, *extents = x.q.shape
    outputs, window_channels, *kernel = w.q.shape
    if list(node.get("kernel_shape", kernel)) != kernel:
        raise node.error(f"kernel_shape and the weights' shape {w.q.shape} disagree")
    if channels != groups * window_channels or outputs % groups:
        raise node.error(f"{channels} channels, {groups} groups and weights {w.q.shape} disagree")
    windows = Windows.of(node, tuple(kernel), tuple(extents)).gather(x.centred, 0)
    spatial = len(kernel)
    pixels = windows.shape[2 : 2 + spatial]
    # groups x (images * pixels) x (channels of a window * kernel)
    columns = np.moveaxis(windows, 1, 1 + spatial).reshape(images, -1, groups, w.q[0].size)
    columns = columns.reshape(-1, groups, w.q[0].size).transpose(1, 0, 2)
    rows = w.centred.reshape(groups, outputs // groups, -1).transpose(0, 2, 1)
    acc = (columns @ rows).transpose(1, 0, 2).reshape(images, *pixels, outputs)
    acc = np.moveaxis(acc, -1, 1)
    weight_scale = uniform(node, w.scale.reshape(outputs, -1), axis=1)
    scale = along(scalar(node, x.scale) * weight_scale.reshape(-1), 1, acc.shape)
    return layer(node, acc + bias_of(node, bias, scale, 1), scale)


def multiply_matrices(node: Node, x: Quantized, w: Quantized, bias: Value | None) -> Accumulator:
    """sum((x - zx) * (w - zw)) + bias; one scale per row of x and per column of w."""
    if x.q.ndim < 2 or w.q.ndim < 2:
        raise node.error("vectors are not supported, only matrices")
    acc = x.centred @ w.centred
    scale = uniform(node, x.scale, axis=-1) * uniform(node, w.scale, axis=-2)
    scale = np.broadcast_to(scale, acc.shape)
    return layer(node, acc + bias_of(node, bias, scale, acc.ndim - 1), scale)


def general_product(node: Node, x: Quantized, w: Quantized, bias: Value | None) -> Accumulator:
    """alpha x w + beta bias."""
    alpha, beta = np.float32(node.get("alpha", 1.0)), np.float32(node.get("beta", 1.0))
    if alpha == 1 and (beta == 1 or bias is None):
        return multiply_matrices(node, x, w, bias)
    product = multiply_matrices(node, x, w, None).affine(alpha, np.zeros(()))
    if bias is not None and beta != 1:
        bias = beta * real(bias).astype(np.float32)
    steps = bias_of(node, bias, product.scale, product.acc.ndim - 1)
    return in_int32(node, replace(product, acc=product.acc + steps))


def _transposed(node: Node, a: Value | None, b: Value | None) -> tuple[Quantized, Quantized]:
    x, w = quantized(node, a), quantized(node, b)
    x = x.move(np.transpose) if node.get("transA", 0) else x
    return x, w.move(np.transpose) if node.get("transB", 0) else w


def bias_of(node: Node, bias: Value | None, scale: Array, axis: int) -> Array:
    """The bias in steps of the accumulator's scale, broadcast to it.

    int32 is in these steps already, unless a DequantizeLinear says otherwise; anything else is
    rounded to them, ties to even.
    """
    if bias is None:
        return np.zeros((), np.int64)

    def expand(array: Array) -> Array:
        # Of a convolution, one entry per channel (axis 1).
        if array.ndim == 1:
            return along(array, axis, scale.shape)
        return np.broadcast_to(array, scale.shape)

    if isinstance(bias, np.ndarray) and bias.dtype == np.int32:
        return expand(bias.astype(np.int64))
    if (
        isinstance(bias, Quantized)
        and bias.q.dtype == np.int32
        and not bias.zero_point.any()
        and np.allclose(expand(bias.scale), scale, rtol=BIAS_SCALE_TOLERANCE, atol=0)
    ):
        return expand(bias.q.astype(np.int64))
    steps = expand(real(bias).astype(np.float64)) / scale.astype(np.float64)
    return np.rint(steps).astype(np.int64)


@operator("ConvInteger")
def conv_integer(node: Node, operands: Operands) -> Value:
    x, w, xz, wz = pad(operands, 4)
    one = np.ones((), np.float32)
    sums = convolve(node, dequantize(node, x, one, xz), dequantize(node, w, one, wz, 0), None)
    return replace(sums, integer=True)


@operator("MatMulInteger")
def matmul_integer(node: Node, operands: Operands) -> Value:
    a, b, az, bz = pad(operands, 4)
    one = np.ones((), np.float32)
    x, w = dequantize(node, a, one, az, axis=-2), dequantize(node, b, one, bz, axis=-1)
    return replace(multiply_matrices(node, x, w, None), integer=True)

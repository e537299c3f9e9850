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
    return multiply_tensors(node, quantized(node, a), quantized(node, b))


@operator("QLinearMatMul")
def qlinear_matmul(node: Node, operands: Operands) -> Value:
    a, a_scale, az, b, bs, bz, ys, yz = pad(operands, 8)
    x, w = dequantize(node, a, a_scale, az, axis=-2), dequantize(node, b, bs, bz, axis=-1)
    return requantize(node, multiply_tensors(node, x, w), ys, yz)


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
    return layer(node, acc + bias_of(node, bias, scale, 1), scale, 1)


def multiply_matrices(node: Node, x: Quantized, w: Quantized, channel: int) -> Accumulator:
    """sum((x - zx) * (w - zw)); one scale per row of x and per column of w."""
    acc = x.centred @ w.centred
    scale = uniform(node, x.scale, axis=-1) * uniform(node, w.scale, axis=-2)
    return layer(node, acc, np.broadcast_to(scale, acc.shape), acc.ndim + channel)


def multiply_tensors(node: Node, x: Quantized, w: Quantized) -> Accumulator:
    """A product of vectors, matrices, or batches of them, of which one operand is constant."""
    is_left = 0 in node.constants
    if x.q.ndim == 1:
        product = multiply_tensors(node, x.move(lambda array: array[None]), w)
        return product.move(lambda array: array[..., 0, :])
    if w.q.ndim == 1:
        product = multiply_tensors(node, x, w.move(lambda array: array[:, None]))
        return product.move(lambda array: array[..., 0])
    product = multiply_matrices(node, x, w, -2 if is_left else -1)
    batch = (x if is_left else w).q.shape[:-2]
    return product if all(extent == 1 for extent in batch) else replace(product, channel=None)


def general_product(node: Node, x: Quantized, w: Quantized, bias: Value | None) -> Accumulator:
    """alpha x w + beta bias."""
    alpha, beta = np.float32(node.get("alpha", 1.0)), np.float32(node.get("beta", 1.0))
    product = multiply_matrices(node, x, w, -2 if 0 in node.constants else -1)
    if alpha != 1:
        product = in_int32(node, product.affine(alpha, np.zeros(())))
    if bias is not None and beta != 1:
        bias = np.asarray(beta * real(bias).astype(np.float32))
    return product if bias is None else add_bias(node, product, bias, product.acc.ndim - 1)


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


def is_per_channel(shape: tuple[int, ...], axis: int, total: Accumulator) -> bool:
    """Whether a constant of this shape depends on nothing but the channel.

    A vector has the entries of `axis`; any other shape is aligned with the last dimensions.
    """
    missing = total.acc.ndim - len(shape)
    if missing < 0:
        return False
    axes = [axis] if len(shape) == 1 else range(missing, total.acc.ndim)
    return all(
        extent == 1 or place == total.channel for extent, place in zip(shape, axes, strict=True)
    )


def add_bias(node: Node, total: Accumulator, bias: Value, axis: int) -> Accumulator:
    """The sum with a bias; one that is not per channel ends what is a layer."""
    acc = total.acc + bias_of(node, bias, total.scale, axis)
    shape = (bias.q if isinstance(bias, Quantized) else real(bias)).shape
    channel = total.channel if is_per_channel(shape, axis, total) else None
    return in_int32(node, replace(total, acc=acc, channel=channel))


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
    return replace(multiply_tensors(node, x, w), integer=True)


# --- Transposed convolutions --------------------------------------------------------------------


@operator("ConvTranspose")
def conv_transpose(node: Node, operands: Operands) -> Value:
    """Every pixel adds the kernel times itself; what the pads cover is cut off."""
    first, second, bias = pad(operands, 3)
    x, w = quantized(node, first), quantized(node, second)
    groups = node.get("group", 1)
    images, channels, *extents = x.q.shape
    _, outputs, *kernel = w.q.shape
    rank = len(kernel)
    strides = node.get("strides", [1] * rank)
    dilations = node.get("dilations", [1] * rank)
    added = node.get("output_padding", [0] * rank)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    full = [
        (size - 1) * stride + covered + more
        for size, stride, covered, more in zip(extents, strides, reach, added, strict=True)
    ]
    acc = np.zeros((images, groups * outputs, *full), np.int64)
    pixels = x.centred.reshape(images, groups, channels // groups, *extents)
    weights = w.centred.reshape(groups, channels // groups, outputs, *kernel)
    for place in np.ndindex(*kernel):
        products = np.einsum("ngc...,gcm->ngm...", pixels, weights[(..., *place)])
        window = tuple(
            slice(k * d, k * d + (size - 1) * stride + 1, stride)
            for k, d, size, stride in zip(place, dilations, extents, strides, strict=True)
        )
        acc[(..., *window)] += products.reshape(images, groups * outputs, *extents)
    acc = acc[(..., *_cut(node, full, extents, strides))]
    scales = uniform(node, np.moveaxis(w.scale, 1, 0).reshape(outputs, -1), axis=1).reshape(-1)
    scale = along(scalar(node, x.scale) * np.tile(scales, groups), 1, acc.shape)
    return layer(node, acc + bias_of(node, bias, scale, 1), scale, 1)


def _cut(node: Node, full: list[int], extents: list[int], strides: list[int]) -> list[slice]:
    """What the pads of a transposed convolution leave of each dimension."""
    rank, mode = len(full), node.get("auto_pad", "NOTSET")
    pads = node.get("pads", [0] * 2 * rank)
    wanted = node.get("output_shape", None)
    if wanted is None and mode.startswith("SAME"):
        wanted = [size * stride for size, stride in zip(extents, strides, strict=True)]
    kept = []
    for axis, size in enumerate(full):
        before, after = pads[axis], pads[rank + axis]
        if wanted is not None:
            total = max(size - wanted[axis], 0)
            small, large = total // 2, total - total // 2
            before, after = (small, large) if mode == "SAME_UPPER" else (large, small)
        elif mode == "VALID":
            before = after = 0
        kept.append(slice(before, size - after))
    return kept

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kinds of random layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitnn.randomlayers.builder import Activation, Builder
from bitnn.randomlayers.others import add, average, image, move
from bitnn.randomlayers.products import bounds, conv, product, window
from bitnn.windows import output_extents


def _conv(b: Builder) -> Activation:
    if b.large:
        # 64 x 4 x 4 is 1,024 inputs per output.
        x = b.input((1, 64 + b.between(0, 3), b.between(4, 5), b.between(4, 5)))
        return conv(b, x, b.between(1, 2), (4, 4), 1)
    x = image(b)
    kernel, attributes = window(b, x.shape)
    return conv(b, x, b.between(1, 8), kernel, 1, **attributes)


def _depthwise(b: Builder) -> Activation:
    x = image(b)
    kernel, attributes = window(b, x.shape)
    return conv(b, x, x.shape[1], kernel, x.shape[1], **attributes)


def _grouped(b: Builder) -> Activation:
    groups = b.between(2, 3)
    x = image(b, groups * b.between(1, 3), 6)
    kernel, attributes = window(b, x.shape)
    return conv(b, x, groups * b.between(1, 3), kernel, groups, **attributes)


def _few_bits(b: Builder) -> Activation:
    """A convolution of activations that a Clip leaves few bits, with rows of 8 or 16 pixels."""
    x = b.input((1, b.between(1, 24), b.between(4, 10), b.pick((8, 8, 16, b.between(4, 20)))))
    few = b.like(x.shape, x.scale)
    span = 2 ** b.between(1, 5) - 1
    lower = b.between(few.limits[0], few.limits[1] - span)
    limits = [np.asarray(step * x.scale, np.float32) for step in (lower, lower + span)]
    few = b.qdq(x, few, "Clip", *(b.constant(limit, "limit") for limit in limits))
    b.notes.append(f"{span + 1} values from {lower} on")
    kernel, attributes = b.pick(
        (((1, 1), {}), ((3, 3), {"pads": [1, 1, 1, 1]}), window(b, x.shape))
    )
    return conv(b, few, b.between(1, 32), kernel, 1, **attributes)


def _gemm(b: Builder) -> Activation:
    inputs = b.between(1001, 1200) if b.large else b.between(1, 40)
    x = b.input((b.pick((1, 1, 1, 3)), inputs))
    return product(b, x, b.between(1, 2 if b.large else 12), gemm=True)


def _matmul(b: Builder) -> Activation:
    inputs = b.between(1001, 1200) if b.large else b.between(1, 40)
    x = b.input((b.pick((1, 1, 2, 4)), inputs))
    return product(b, x, b.between(1, 2 if b.large else 12), gemm=False)


def _residual(b: Builder) -> Activation:
    x = image(b, most=6)
    y = conv(b, x, x.shape[1], (3, 3), 1, pads=[1, 1, 1, 1])
    return add(b, y, x) if b.chance(0.5) else add(b, x, y)


def _add(b: Builder) -> Activation:
    x = image(b)
    return add(b, x, b.input(x.shape))


def _unary(b: Builder) -> Activation:
    x = image(b)
    y = b.like(x.shape, b.scale(float(x.scale)))
    op = b.pick(("Relu", "Clip", "Identity"))
    b.notes.append(f"{op} {x.shape} zero {x.zero_point} -> {y.zero_point}")
    return b.qdq(x, y, op, *(bounds(b, x) if op == "Clip" else []))


def _max_pool(b: Builder) -> Activation:
    x = image(b)
    kernel, attributes = window(b, x.shape, 4)
    shape = (*x.shape[:2], *output_extents(x.shape[2:], kernel, attributes))
    b.notes.append(f"x {x.shape} zero {x.zero_point}, {kernel} {attributes}")
    return move(b, x, "MaxPool", shape, kernel_shape=kernel, **attributes)


def _average_pool(b: Builder) -> Activation:
    return average(b, image(b), whole=False)


def _global_average_pool(b: Builder) -> Activation:
    return average(b, image(b), whole=True)


def _move(b: Builder) -> Activation:
    x = image(b, most=5)
    permutation = b.rng.permutation(4).tolist()
    shape = tuple(x.shape[axis] for axis in permutation)
    y = move(b, x, "Transpose", shape, perm=permutation)
    flat = (y.shape[0], int(np.prod(y.shape[1:])))
    target = b.constant(np.asarray([0, -1], np.int64), "shape")
    return move(b, y, "Reshape", flat, target)


def _flatten_gemm(b: Builder) -> Activation:
    x = image(b, most=4)
    y = conv(b, x, b.between(1, 4), (1, 1), 1)
    flat = move(b, y, "Flatten", (1, int(np.prod(y.shape[1:]))), axis=1)
    return product(b, flat, b.between(1, 6), gemm=True)


def _network(b: Builder) -> Activation:
    x = image(b, b.between(1, 3), 8)
    y = conv(b, x, b.between(2, 4), (min(3, x.shape[2]), min(3, x.shape[3])), 1)
    kernel = [min(2, extent) for extent in y.shape[2:]]
    pooled = (*y.shape[:2], *(extent // k for extent, k in zip(y.shape[2:], kernel, strict=True)))
    y = move(b, y, "MaxPool", pooled, kernel_shape=kernel, strides=kernel)
    z = conv(b, y, y.shape[1], (1, 1), y.shape[1])
    y = average(b, add(b, z, y), whole=True)
    flat = move(b, y, "Flatten", y.shape[:2], axis=1)
    return product(b, flat, b.between(2, 5), gemm=True)


KINDS: dict[str, Callable[[Builder], Activation]] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "gemm": _gemm,
    "residual": _residual,
    "max_pool": _max_pool,
    "grouped": _grouped,
    "few_bits": _few_bits,
    "matmul": _matmul,
    "average_pool": _average_pool,
    "add": _add,
    "unary": _unary,
    "flatten_gemm": _flatten_gemm,
    "global_average_pool": _global_average_pool,
    "move": _move,
    "network": _network,
}
LARGE = ("conv", "gemm", "matmul")
QDQ_ONLY = ("unary", "few_bits")

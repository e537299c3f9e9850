# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random pools, sums and movements."""

from __future__ import annotations

from typing import Any

from bitnn.randomlayers.builder import Activation, Builder
from bitnn.randomlayers.layer import MICROSOFT
from bitnn.randomlayers.products import finish, window
from bitnn.windows import output_extents


def move(
    b: Builder, x: Activation, op: str, shape: tuple[int, ...], *more: str, **attributes: object
) -> Activation:
    """An operator that moves data: on the integers, or between DQ and Q of one scale."""
    if b.form == "qlinear" or b.chance(0.3):
        return b.renamed(x, b.node(op, [x.name, *more], **attributes), shape)
    return b.qdq(x, b.renamed(x, "", shape), op, *more, **attributes)


def add(b: Builder, x: Activation, z: Activation) -> Activation:
    y = b.like(x.shape, b.scale(float(max(x.scale, z.scale)) * b.rng.uniform(0.7, 3)))
    b.notes.append(f"{x.shape} {x.zero_point} + {z.zero_point} -> {y.zero_point}")
    if b.form == "qlinear":
        inputs = [x.name, *b.quantization(x), z.name, *b.quantization(z)]
        inputs += b.quantization(y)
        return b.renamed(y, b.node("QLinearAdd", inputs, domain=MICROSOFT))
    total = b.node("Add", [b.dequantize(x), b.dequantize(z)])
    return finish(b, total, y)


def average(b: Builder, x: Activation, whole: bool) -> Activation:
    y_scale = b.scale(float(x.scale) * b.rng.uniform(0.5, 1.5))
    attributes: dict[str, Any] = {}
    extents: tuple[int, ...] = (1, 1)
    if not whole:
        kernel, attributes = window(b, x.shape, 4, dilate=False)
        extents = output_extents(x.shape[2:], kernel, attributes)
        attributes |= {"kernel_shape": kernel, "count_include_pad": b.between(0, 1)}
    op = "GlobalAveragePool" if whole else "AveragePool"
    y = b.like((*x.shape[:2], *extents), y_scale)
    b.notes.append(f"x {x.shape} zero {x.zero_point}, {attributes}, y zero {y.zero_point}")
    if b.form == "qlinear":
        inputs = [x.name, *b.quantization(x), *b.quantization(y)]
        return b.renamed(y, b.node(f"QLinear{op}", inputs, domain=MICROSOFT, **attributes))
    return b.qdq(x, y, op, **attributes)


def image(b: Builder, channels: int = 0, most: int = 9) -> Activation:
    extents = (b.between(1, most), b.between(1, most))
    return b.input((1, channels or b.between(1, 6), *extents))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that select elements, repeat them, or add some around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from bitnn.graph import Node
from bitnn.reference.movement import integers
from bitnn.reference.registry import Operands, constant, operator, pad, present
from bitnn.values import Accumulator, Array, Parts, Quantized, Value, move, real


@operator("Slice")
def slice_(node: Node, operands: Operands) -> Value:
    starts, ends, axes, steps = (
        integers(node, operands, place, name, 10)
        for place, name in enumerate(("starts", "ends", "axes", "steps"), 1)
    )
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps

    def sliced(array: Array) -> Array:
        selection = [slice(None)] * array.ndim
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
            # An end before the first element has no negative number of its own.
            extent = array.shape[axis]
            before = step < 0 and end < -extent
            selection[axis] = slice(start, None if before else end, step)
        return array[tuple(selection)]

    return move(present(node, operands[0]), sliced)


@operator("Split")
def split(node: Node, operands: Operands) -> tuple[Value, ...]:
    axis, count = node.get("axis", 0), len(node.outputs)
    value = present(node, operands[0])
    parts = integers(node, operands, 1, "split", 13)
    if parts is None:
        extent = shape_of(value)[axis]
        each = -(-extent // count)
        parts = [each] * (count - 1) + [extent - each * (count - 1)]
    if len(parts) != count or sum(parts) != shape_of(value)[axis]:
        raise node.error(f"{parts} are not the parts of {shape_of(value)}")
    ends = np.cumsum(parts).tolist()

    def part(start: int, end: int) -> Callable[[Array], Array]:
        return lambda array: np.take(array, range(start, end), axis)

    return tuple(
        move(value, part(start, end)) for start, end in zip([0, *ends], ends, strict=False)
    )


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape of what a value stands for."""
    return value.acc.shape if isinstance(value, Accumulator) else real(value).shape


@operator("Gather")
def gather(node: Node, operands: Operands) -> Value:
    x, indices = pad(operands, 2)
    places, axis = constant(node, "indices", indices), node.get("axis", 0)
    return move(present(node, x), lambda array: np.take(array, places, axis))


@operator("Expand")
def expand(node: Node, operands: Operands) -> Value:
    shape = tuple(integers(node, operands, 1, "shape", 8) or ())
    return move(
        present(node, operands[0]),
        lambda array: np.broadcast_to(array, np.broadcast_shapes(array.shape, shape)),
    )


@operator("Tile")
def tile(node: Node, operands: Operands) -> Value:
    repeats = integers(node, operands, 1, "repeats", 6)
    return move(present(node, operands[0]), lambda array: np.tile(array, repeats))


@operator("DepthToSpace")
def depth_to_space(node: Node, operands: Operands) -> Value:
    b, order = node.get("blocksize", 0), node.get("mode", "DCR")

    def moved(array: Array) -> Array:
        n, c, h, w = array.shape
        c //= b * b
        if order == "DCR":
            blocks = array.reshape(n, b, b, c, h, w).transpose(0, 3, 4, 1, 5, 2)
        else:
            blocks = array.reshape(n, c, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, c, h * b, w * b)

    return move(present(node, operands[0]), moved)


@operator("SpaceToDepth")
def space_to_depth(node: Node, operands: Operands) -> Value:
    b = node.get("blocksize", 0)

    def moved(array: Array) -> Array:
        n, c, h, w = array.shape
        blocks = array.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
        return blocks.reshape(n, c * b * b, h // b, w // b)

    return move(present(node, operands[0]), moved)


# --- Padding ------------------------------------------------------------------------------------


@operator("Pad")
def pad_(node: Node, operands: Operands) -> Value:
    value = present(node, operands[0])
    rank = len(shape_of(value))
    pads = integers(node, operands, 1, "pads", 11)
    axes = range(rank) if len(operands) < 4 else integers(node, operands, 3, "axes", 11)
    widths = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        widths[axis] = (pads[i], pads[i + len(axes)])
    kept = tuple(
        slice(max(-low, 0), extent + min(high, 0))
        for (low, high), extent in zip(widths, shape_of(value), strict=True)
    )
    added = [(max(low, 0), max(high, 0)) for low, high in widths]
    mode = node.get("mode", "constant")
    if mode != "constant":
        removed = tuple(slice(max(-low, 0), min(high, 0) or None) for low, high in widths)
        return move(value, lambda array: np.pad(array, added, mode)[removed])
    if node.opset < 11:
        fill = node.get("value", 0.0)
    else:
        given = operands[2] if len(operands) > 2 else None
        fill = 0 if given is None else np.asarray(real(given)).reshape(()).item()
    return _surround(move(value, lambda array: array[kept]), added, fill)


def _surround(value: Value, widths: list[tuple[int, int]], fill: float) -> Value:
    def padded(array: Array, constant: Any) -> Array:  # noqa: ANN401
        return np.pad(array, widths, constant_values=constant)

    if isinstance(value, np.ndarray):
        return padded(value, fill)
    if isinstance(value, Quantized):
        integer = _integer(value, fill)
        if integer is not None:
            edges = np.pad(value.scale, widths, "edge"), np.pad(value.zero_point, widths, "edge")
            return Quantized(padded(value.q, integer), *edges)
        return padded(real(value), np.float32(fill))
    if isinstance(value, Parts):
        return value.pad(padded, fill)
    return Parts((value,), lambda arrays: arrays[0]).pad(padded, fill)


def _integer(value: Quantized, fill: float) -> int | None:
    """The integer that stands for a number, if there is one."""
    limits = np.iinfo(value.q.dtype)
    scale, zero_point = value.scale.flat[0], value.zero_point.flat[0]
    integers = np.arange(limits.min, limits.max + 1, dtype=np.int64)
    found = integers[(integers - zero_point).astype(np.float32) * scale == np.float32(fill)]
    return int(found[0]) if found.size else None


# --- Resize -------------------------------------------------------------------------------------


def _places(mode: str, scale: Array, size: int, extent: int) -> Array:
    """Where the pixels of the result are in the source, in float32 as onnxruntime has it."""
    x, half = np.arange(size, dtype=np.float32), np.float32(0.5)
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and size > 1):
        return (x + half) / scale - half
    if mode == "align_corners" and size > 1:
        return x * np.float32(extent - 1) / np.float32(size - 1)
    if mode in ("pytorch_half_pixel", "align_corners"):
        return np.zeros(1, np.float32)
    if mode == "asymmetric":
        return x / scale
    raise ValueError(f"coordinate_transformation_mode = {mode} is not supported")


ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda x: np.ceil(x - np.float32(0.5)),
    "round_prefer_ceil": lambda x: np.floor(x + np.float32(0.5)),
    "floor": np.floor,
    "ceil": np.ceil,
}


@operator("Resize", "Upsample")
def resize(node: Node, operands: Operands) -> Value:
    node.refuse_unless("mode", "nearest")
    old = node.op == "Upsample" or node.opset < 11
    transformation = node.get(
        "coordinate_transformation_mode", "asymmetric" if old else "half_pixel"
    )
    rounding = ROUNDINGS[node.get("nearest_mode", "floor" if old else "round_prefer_floor")]
    scales = operands[1 if old else 2] if len(operands) > 1 else None
    sizes = None if old else integers(node, operands, 3, "sizes", 11)
    value = present(node, operands[0])
    extents = shape_of(value)
    axes: Iterable[int] = node.get("axes", None) or range(len(extents))

    def resized(array: Array) -> Array:
        for i, axis in enumerate(axes):
            extent = extents[axis]
            if sizes:
                size, scale = sizes[i], np.float32(sizes[i]) / np.float32(extent)
            else:
                scale = constant(node, "scales", scales).astype(np.float32)[i]
                size = int(np.floor(float(extent) * float(scale)))
            places = rounding(_places(transformation, scale, size, extent))
            array = np.take(array, np.clip(places, 0, extent - 1).astype(np.int64), axis)
        return array

    return move(value, resized)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random layers of the operators that are neither dot products nor pools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bitnn.randomlayers.builder import Activation, Builder
from bitnn.randomlayers.layer import MICROSOFT
from bitnn.randomlayers.others import image, move
from bitnn.randomlayers.products import conv, product, window

# Attributes that the functions may have, with some of their values.
FUNCTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "Abs": {},
    "Atan": {},
    "Ceil": {},
    "Celu": {"alpha": (0.5, 1.0, 2.0)},
    "Elu": {"alpha": (0.25, 1.0)},
    "Erf": {},
    "Exp": {},
    "Floor": {},
    "Gelu": {"approximate": ("none", "tanh")},
    "HardSigmoid": {"alpha": (0.2, 0.5), "beta": (0.4, 0.5)},
    "HardSwish": {},
    "LeakyRelu": {"alpha": (0.01, 0.1, -0.2)},
    "Log": {},
    "Mish": {},
    "Neg": {},
    "Reciprocal": {},
    "Round": {},
    "Selu": {},
    "Shrink": {"lambd": (0.5, 1.5), "bias": (0.0, 0.25)},
    "Sigmoid": {},
    "Sign": {},
    "Softplus": {},
    "Softsign": {},
    "Sqrt": {},
    "Swish": {"alpha": (0.5, 1.0, 1.702)},
    "Tanh": {},
    "ThresholdedRelu": {"alpha": (0.5, 2.0)},
}


def pick_function(b: Builder) -> tuple[str, dict[str, Any]]:
    op = b.pick(tuple(FUNCTIONS))
    attributes = {name: b.pick(values) for name, values in FUNCTIONS[op].items() if b.chance(0.7)}
    b.notes.append(f"{op} {attributes}")
    return op, attributes


def result(b: Builder, shape: tuple[int, ...], near: float = 0.05) -> Activation:
    """A fresh activation with a scale of about `near`, up to a factor of four."""
    return b.like(shape, b.scale(near * 2.0 ** b.rng.uniform(-2, 2)))


def _function(b: Builder) -> Activation:
    x = image(b)
    op, attributes = pick_function(b)
    return b.qdq(x, result(b, x.shape), op, **attributes)


def _function_of_sum(b: Builder) -> Activation:
    """Without quantization between a dot product and its activation function."""
    x = image(b, most=5)
    b.form = "qdq"
    w, y = b.between(1, 4), None
    kernel, attributes = window(b, x.shape)
    y = conv(b, x, w, kernel, 1, **attributes)
    last = b.nodes.pop()
    op, attributes = pick_function(b)
    middle = b.node(op, [last.input[0]], **attributes)
    return b.quantize(middle, result(b, y.shape, float(y.scale)))


def channel_constant(
    b: Builder, channels: int, rank: int, near: float, divisor: bool = False
) -> str:
    shape = b.pick(((channels, *[1] * (rank - 2)), (1, channels, *[1] * (rank - 2)), (1,), ()))
    values = near * b.rng.uniform(-2, 2, shape)
    if b.scale_family != "any":
        values = np.rint(values / near * 4) * near / 4
    if divisor:
        # What is divided by zero is refused.
        values = np.where(values == 0, near, values)
    return b.constant(np.asarray(values, np.float32))


def batch_normalization(b: Builder, real: str, channels: int) -> str:
    draw = b.rng.uniform
    parameters = [draw(-1.5, 1.5, channels), draw(-1, 1, channels)]
    parameters += [draw(-1, 1, channels), draw(0.1, 2, channels)]
    if b.chance(0.2):
        parameters[0][0] = 0
    names = [b.constant(array.astype(np.float32)) for array in parameters]
    return b.node("BatchNormalization", [real, *names])


def apply_constants(b: Builder, real: str, channels: int, rank: int, near: float) -> str:
    """One to three operators with constants."""
    for _ in range(b.between(1, 3)):
        op = b.pick(("Add", "Sub", "Mul", "Div", "BatchNormalization", "PRelu", "Max", "Min"))
        b.notes.append(op)
        if op == "BatchNormalization":
            real = batch_normalization(b, real, channels)
            continue
        factor = op in ("Mul", "Div", "PRelu")
        constant = channel_constant(b, channels, rank, 1.0 if factor else near, op == "Div")
        swapped = op in ("Add", "Sub", "Mul", "Max") and b.chance(0.3)
        real = b.node(op, [constant, real] if swapped else [real, constant])
    return real


def _affine(b: Builder) -> Activation:
    """A dot product with constants behind it."""
    b.form = "qdq"
    if b.chance(0.5):
        x = image(b, most=5)
        y = conv(b, x, b.between(1, 4), *window(b, x.shape)[:1], 1)
    else:
        y = product(b, b.input((b.between(1, 3), b.between(1, 20))), b.between(1, 6), b.chance(0.5))
    if any("2^31" in note for note in b.notes):
        # Nothing can be added to sums that reach the ends of int32.
        return y
    last = b.nodes.pop()
    rank = len(y.shape)
    near = float(y.scale) * 50
    real = last.input[0]
    if rank == 4:
        real = apply_constants(b, real, y.shape[1], rank, near)
    else:
        constant = np.asarray(near * b.rng.uniform(-1, 1, y.shape[1:]), np.float32)
        real = b.node(b.pick(("Add", "Sub")), [real, b.constant(constant)])
    return b.quantize(real, result(b, y.shape, float(y.scale)))


def _channels(b: Builder) -> Activation:
    x = image(b)
    real = apply_constants(b, b.dequantize(x), x.shape[1], 4, float(x.scale) * 50)
    return b.quantize(real, result(b, x.shape, float(x.scale)))


def _same_source(b: Builder) -> Activation:
    """Functions that exporters write as several operators."""
    x = image(b)
    real = b.dequantize(x)
    form = b.pick(("silu", "gelu", "hard swish"))
    b.notes.append(form)
    number = lambda value: b.constant(np.asarray(value, np.float32))  # noqa: E731
    if form == "silu":
        real = b.node("Mul", [real, b.node("Sigmoid", [real])])
    elif form == "hard swish":
        gate = b.node("Clip", [b.node("Add", [real, number(3)]), number(0), number(6)])
        real = b.node("Div", [b.node("Mul", [real, gate]), number(6)])
    else:
        erf = b.node("Erf", [b.node("Div", [real, number(2**0.5)])])
        half = b.node("Mul", [real, b.node("Add", [erf, number(1)])])
        real = b.node("Mul", [half, number(0.5)])
    return b.quantize(real, result(b, x.shape, float(x.scale)))


def _residual_of_sum(b: Builder) -> Activation:
    """A tensor added to a sum, or a gate, without quantization between them."""
    b.form, b.options = "qdq", replace(b.options, epilogues=("none",))
    x = image(b, most=6)
    y = conv(b, x, x.shape[1], (1, 1), 1)
    if any("2^31" in note for note in b.notes):
        return y
    acc = b.nodes.pop().input[0]
    if b.chance(0.5):
        gate = b.pick(("Sigmoid", "HardSigmoid"))
        b.notes.append(gate)
        real = b.node("Mul", [acc, b.node(gate, [acc])])
        return b.quantize(real, result(b, y.shape, float(y.scale)))
    other = b.input(y.shape)
    op, operands = b.pick((("Add", 0), ("Add", 1), ("Sub", 0)))
    b.notes.append(op)
    pair = [acc, b.dequantize(other)]
    real = b.node(op, pair[::-1] if operands else pair)
    if b.chance(0.5):
        real = b.node("Relu", [real])
    return b.quantize(real, result(b, y.shape, max(float(y.scale), float(other.scale))))


def broadcast(b: Builder, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that is broadcast to another."""
    smaller = tuple(1 if b.chance(0.3) else extent for extent in shape)
    return smaller[b.between(0, 2) if b.chance(0.3) else 0 :]


def _two_tensors(b: Builder) -> Activation:
    x = image(b, most=5)
    z = b.input(broadcast(b, x.shape))
    if b.chance(0.5):
        x, z = z, x
    shape = np.broadcast_shapes(x.shape, z.shape)
    if b.form == "qlinear":
        y = result(b, shape)
        op = b.pick(("QLinearAdd", "QLinearMul"))
        inputs = [x.name, *b.quantization(x), z.name, *b.quantization(z), *b.quantization(y)]
        return b.renamed(y, b.node(op, inputs, domain=MICROSOFT))
    op = b.pick(("Add", "Sub", "Mul", "Max", "Min"))
    b.notes.append(op)
    real = b.node(op, [b.dequantize(x), b.dequantize(z)])
    if b.chance(0.3):
        real = b.node("Relu", [real])
    near = float(x.scale * z.scale) * 100 if op == "Mul" else float(x.scale) * 1.5
    return b.quantize(real, result(b, shape, near))


def _integers(b: Builder) -> Activation:
    b.float_edges = False
    x = image(b, most=5)
    z = b.input(broadcast(b, x.shape))
    op = b.pick(("Add", "Sub", "Mul", "Max", "Min"))
    b.notes.append(op)
    return b.renamed(x, b.node(op, [x.name, z.name]), np.broadcast_shapes(x.shape, z.shape))


def _integer_tables(b: Builder) -> Activation:
    """Of integers, also what ONNX leaves open."""
    b.float_edges = False
    x = image(b, most=5)
    z = b.input(broadcast(b, x.shape))
    op = b.pick(("Div", "Mod", "BitShift") if x.dtype == np.uint8 else ("Div", "Mod"))
    attributes: dict[str, Any] = {}
    if op == "BitShift":
        attributes = {"direction": b.pick(("LEFT", "RIGHT"))}
    elif op == "Mod":
        attributes = {"fmod": b.between(0, 1)}
    b.notes.append(f"{op} {attributes}")
    return b.renamed(x, b.node(op, [x.name, z.name], **attributes))


def _select(b: Builder) -> Activation:
    """Slice, Gather, Expand, Tile."""
    x = image(b, most=6)
    op = b.pick(("Slice", "Gather", "Expand", "Tile"))
    b.notes.append(op)
    int64 = lambda values: b.constant(np.asarray(values, np.int64))  # noqa: E731
    axis = b.between(1, 3)
    extent = x.shape[axis]
    shape = list(x.shape)
    if op == "Slice":
        start, step = b.between(0, extent - 1), b.pick((1, 1, 2, -1, -2))
        places = range(start, extent, step) if step > 0 else range(start, -1, step)
        end = extent if step > 0 else -extent - 1
        shape[axis] = len(places)
        arguments = [int64([start]), int64([end]), int64([axis]), int64([step])]
        return move(b, x, op, tuple(shape), *arguments)
    if op == "Gather":
        indices = b.rng.integers(-extent, extent, b.between(1, 5))
        shape[axis] = len(indices)
        return move(b, x, op, tuple(shape), int64(indices), axis=axis)
    if op == "Tile":
        repeats = [1, b.between(1, 2), b.between(1, 2), b.between(1, 3)]
        shape = [extent * count for extent, count in zip(shape, repeats, strict=True)]
        return move(b, x, op, tuple(shape), int64(repeats))
    shape[0] = b.between(1, 3)
    return move(b, x, op, tuple(shape), int64(shape))


def _blocks(b: Builder) -> Activation:
    n = 2
    x = b.input((1, 4 * b.between(1, 2), 2 * b.between(1, 3), 2 * b.between(1, 3)))
    _, c, h, w = x.shape
    if b.chance(0.5):
        return move(b, x, "SpaceToDepth", (1, c * n * n, h // n, w // n), blocksize=n)
    mode = b.pick(("DCR", "CRD"))
    return move(b, x, "DepthToSpace", (1, c // (n * n), h * n, w * n), blocksize=n, mode=mode)


def _resize(b: Builder) -> Activation:
    x = image(b, most=5)
    _, c, h, w = x.shape
    shape = (1, c, b.between(1, 2 * h), b.between(1, 2 * w))
    modes = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    rounding = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    attributes = {
        "mode": "nearest",
        "coordinate_transformation_mode": b.pick(modes),
        "nearest_mode": b.pick(rounding),
    }
    b.notes.append(f"{x.shape} -> {shape} {attributes}")
    if b.chance(0.5):
        shape = (1, c, 2 * h, 3 * w)
        scales = b.constant(np.asarray([1, 1, 2, 3], np.float32))
        return move(b, x, "Resize", shape, "", scales, **attributes)
    return move(
        b, x, "Resize", shape, "", "", b.constant(np.asarray(shape, np.int64)), **attributes
    )


def _pad(b: Builder) -> Activation:
    """Of integers, and of what is quantized later."""
    x = b.input((1, b.between(1, 3), b.between(3, 5), b.between(3, 5)))
    mode = b.pick(("constant", "constant", "edge", "reflect"))
    # onnxruntime takes nothing off in the other modes.
    least = -1 if mode == "constant" else 0
    pads = [0, 0, b.between(0, 2), b.between(least, 2), 0, 0, b.between(0, 2), b.between(0, 2)]
    shape = tuple(
        extent + low + high for extent, low, high in zip(x.shape, pads[:4], pads[4:], strict=True)
    )
    amounts = b.constant(np.asarray(pads, np.int64))
    b.notes.append(f"{mode} {pads}")
    if mode != "constant":
        return move(b, x, "Pad", shape, amounts, mode=mode)
    fill = b.constant(np.asarray(b.pick((0, float(x.scale) * 7, 0.123)), np.float32))
    real = b.node("Pad", [b.dequantize(x), amounts, fill])
    if b.chance(0.5):
        op, attributes = pick_function(b)
        real = b.node(op, [real], **attributes)
    return b.quantize(real, result(b, shape, float(x.scale)))


def _concat(b: Builder) -> Activation:
    axis = b.between(1, 3)
    first = image(b, most=4)
    parts = [first]
    for _ in range(b.between(1, 2)):
        shape = list(first.shape)
        shape[axis] = b.between(1, 3)
        part = b.input(tuple(shape))
        same = b.chance(0.2)
        parts.append(
            Activation(part.name, part.shape, part.dtype, first.scale, first.zero_point)
            if same and not b.float_edges
            else part
        )
    shape = list(first.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    y = result(b, tuple(shape))
    if b.form == "qlinear":
        inputs = b.quantization(y)
        for part in parts:
            inputs += [part.name, *b.quantization(part)]
        return b.renamed(y, b.node("QLinearConcat", inputs, domain=MICROSOFT, axis=axis))
    real = b.node("Concat", [b.dequantize(part) for part in parts], axis=axis)
    if b.chance(0.3):
        real = b.node("Relu", [real])
    return b.quantize(real, y)


def _split(b: Builder) -> Activation:
    """Two branches of one tensor, joined again in the other order."""
    x = b.input((1, b.between(2, 6), b.between(1, 4), b.between(1, 4)))
    first = b.between(1, x.shape[1] - 1)
    extents = b.constant(np.asarray([first, x.shape[1] - first], np.int64))
    real = x.name if b.form == "qlinear" else b.dequantize(x)
    left = b.node("Split", [real, extents], axis=1)
    right = b.fresh("split")
    b.nodes[-1].output.append(right)
    swapped = b.node("Concat", [right, left], axis=1)
    if b.form == "qlinear":
        return b.renamed(x, swapped)
    return b.quantize(swapped, x)


def _softmax(b: Builder) -> Activation:
    x = b.input((b.between(1, 2), b.between(1, 12), b.between(1, 4)))
    y = b.like(x.shape, b.scale(b.pick((1 / 256, 1 / 256, 0.003, 0.02))))
    axis = b.pick((-1, 1, 2, 0))
    if b.form == "qlinear":
        inputs = [x.name, *b.quantization(x), *b.quantization(y)]
        attributes = {"axis": axis, "opset": b.pick((12, 13))}
        b.notes.append(f"{x.shape} {attributes}")
        return b.renamed(y, b.node("QLinearSoftmax", inputs, domain=MICROSOFT, **attributes))
    return b.qdq(x, y, "Softmax", axis=axis)


def _qlinear_function(b: Builder) -> Activation:
    x = image(b)
    y = result(b, x.shape)
    if b.chance(0.5):
        inputs = [x.name, *b.quantization(x), *b.quantization(y)]
        return b.renamed(y, b.node("QLinearSigmoid", inputs, domain=MICROSOFT))
    inputs = [x.name, *b.quantization(x), *b.quantization(y)]
    return b.renamed(y, b.node("QLinearLeakyRelu", inputs, domain=MICROSOFT, alpha=0.1))


OPERATORS: dict[str, Callable[[Builder], Activation]] = {
    "function": _function,
    "function_of_sum": _function_of_sum,
    "affine": _affine,
    "channels": _channels,
    "same_source": _same_source,
    "residual_of_sum": _residual_of_sum,
    "two_tensors": _two_tensors,
    "integers": _integers,
    "integer_tables": _integer_tables,
    "select": _select,
    "blocks": _blocks,
    "resize": _resize,
    "pad": _pad,
    "concat": _concat,
    "split": _split,
    "qlinear_function": _qlinear_function,
    "softmax": _softmax,
}

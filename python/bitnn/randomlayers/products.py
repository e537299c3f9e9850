# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random convolutions and matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitnn.randomlayers.builder import Activation, Builder
from bitnn.randomlayers.layer import MICROSOFT
from bitnn.randomlayers.weights import FLAVOURS
from bitnn.values import INT32, Array
from bitnn.windows import output_extents


def weights(b: Builder, shape: tuple[int, ...], full_range: bool) -> tuple[Array, Array]:
    """Weights (outputs first) and their zero points: one, or one per output."""
    dtype = np.dtype(b.pick(b.options.weights))
    limits = np.iinfo(dtype)
    middle = (limits.min + limits.max + 1) // 2
    flavours = ("full", "full", "ends", "all -128") if full_range else tuple(FLAVOURS)
    flavour = b.pick(flavours)
    centred = FLAVOURS[flavour](b.rng, shape)
    if shape[0] > 1 and b.chance(0.3):
        centred[b.between(0, shape[0] - 1)] = 0
        flavour += ", a zero channel"
    zeros = np.asarray(middle)
    if b.options.weight_zero_points and b.chance(0.25):
        zeros = np.asarray(middle + b.between(-20, 20))
    b.notes.append(f"weights {'x'.join(map(str, shape))} {dtype} {flavour}, zero {zeros}")
    return np.clip(centred + zeros, limits.min, limits.max).astype(dtype), zeros.astype(dtype)


def dot(b: Builder, x: Activation, w: Array, zero: Array) -> tuple[Array, Array, np.float32]:
    """Weight scales (one, or one per output), int32 bias and a fitting output scale."""
    rows = w.astype(np.int64).reshape(w.shape[0], -1) - int(zero)
    per_channel = b.chance(0.5) and not int(zero) - int(np.zeros((), w.dtype))
    scales = [b.scale(0.02) for _ in range(len(rows) if per_channel else 1)]
    ws = np.asarray(scales if per_channel else scales[0], np.float32)
    low, high = x.limits
    lower = np.minimum(rows * low, rows * high).sum(axis=1)
    upper = np.maximum(rows * low, rows * high).sum(axis=1)
    mean, deviation = x.moments
    centre = rows.sum(axis=1) * mean
    spread = np.sqrt((rows**2).sum(axis=1)) * deviation
    place = b.pick((*["centred"] * 5, "small", "2^16", "2^16", "2^31", "-2^31"))
    bias = b.rng.integers(-1000, 1001, len(rows))
    if place == "centred":
        bias -= centre.astype(np.int64)
    elif place == "2^16":
        bias = b.pick((0, 1, 2)) + b.pick((32767 - upper, 65535 - upper, -32768 - lower))
    elif place == "2^31":
        bias = INT32.max - upper
    elif place == "-2^31":
        bias = INT32.min - lower
    b.notes.append(f"bias {place}")
    unit = ws * x.scale
    if place in ("2^31", "-2^31"):
        # The spread is far below one step: put a step in its middle.
        first = abs(float((centre + bias)[0])) * float(unit.flat[0])
        ys = np.float32(first / (b.between(1, 100) + 0.5))
    else:
        real = (np.abs(centre + bias) + 2 * spread + 1) * unit
        ys = b.scale(float(real.max()) / b.rng.uniform(40, 200))
    return ws, bias.astype(np.int32), ys


def finish(b: Builder, acc: str, y: Activation) -> Activation:
    """Optionally a Relu or Clip between a dot product and its QuantizeLinear."""
    activation = b.pick(b.options.epilogues)
    if activation == "relu":
        acc = b.node("Relu", [acc])
    elif activation == "clip":
        acc = b.node("Clip", [acc, *bounds(b, y)])
    b.notes.append(f"then {activation}")
    return b.quantize(acc, y)


def bounds(b: Builder, y: Activation) -> list[str]:
    """Clip's constants, somewhere in the representable interval."""
    low, high = (limit * float(y.scale) for limit in y.limits)
    lower, upper = np.sort(b.rng.uniform(low, high, 2)).astype(np.float32)
    return [b.constant(np.asarray(lower), "min"), b.constant(np.asarray(upper), "max")]


def weights_qdq(b: Builder, w: Array, ws: Array, wz: Array, axis: int) -> str:
    zeros = np.broadcast_to(wz, ws.shape)
    inputs = [b.constant(w, "w"), b.constant(ws, "ws"), b.constant(zeros, "wz")]
    attributes = {"axis": axis} if ws.ndim else {}
    return b.node("DequantizeLinear", inputs, "weights", **attributes)


def bias_qdq(b: Builder, bias: Array, scale: Array) -> str:
    inputs = [b.constant(bias, "b"), b.constant(scale, "bs")]
    # A vector's only axis; the default, 1, is out of range for it.
    return b.node("DequantizeLinear", inputs, "bias", **({"axis": 0} if scale.ndim else {}))


def conv(
    b: Builder,
    x: Activation,
    outputs: int,
    kernel: tuple[int, int],
    groups: int,
    **attributes: object,
) -> Activation:
    """A convolution from x to a fresh activation."""
    w, wz = weights(b, (outputs, x.shape[1] // groups, *kernel), b.large)
    ws, bias, ys = dot(b, x, w, wz)
    biased = b.chance(0.8) or abs(bias.astype(np.int64)).max() > 1000
    extents = output_extents(x.shape[2:], kernel, attributes)
    y = b.like((x.shape[0], outputs, *extents), ys)
    attributes |= {"kernel_shape": kernel, "group": groups}
    b.notes.append(f"x {x.shape} zero {x.zero_point}, {attributes}, y zero {y.zero_point}")
    if b.form == "qlinear":
        inputs = [x.name, *b.quantization(x), b.constant(w, "w")]
        inputs += [b.constant(ws, "ws"), b.constant(np.broadcast_to(wz, ws.shape), "wz")]
        inputs += b.quantization(y) + ([b.constant(bias, "b")] if biased else [])
        return b.renamed(y, b.node("QLinearConv", inputs, **attributes))
    inputs = [b.dequantize(x), weights_qdq(b, w, ws, wz, 0)]
    inputs += [bias_qdq(b, bias, x.scale * ws)] if biased else []
    return finish(b, b.node("Conv", inputs, **attributes), y)


def window(
    b: Builder, shape: tuple[int, ...], most: int = 3, dilate: bool = True
) -> tuple[tuple[int, int], dict[str, Any]]:
    """A kernel and strides, dilations and pads that fit an image."""
    kernel = tuple(b.between(1, min(most, extent)) for extent in shape[2:])
    dilations = [
        2 if dilate and 2 * k - 1 <= extent and b.chance(0.2) else 1
        for k, extent in zip(kernel, shape[2:], strict=True)
    ]
    attributes: dict[str, Any] = {"strides": [b.pick((1, 1, 2, 3)) for _ in kernel]}
    if dilate and b.chance(0.7):
        attributes["dilations"] = dilations
    padding = b.pick(("none", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"))
    if padding == "pads":
        attributes["pads"] = [b.between(0, k - 1) for k in (*kernel, *kernel)]
    elif padding != "none":
        attributes["auto_pad"] = padding
    if padding.startswith("SAME"):
        # onnxruntime has no answer for gaps between windows, nor for dilations.
        attributes["strides"] = [min(2, k) for k in kernel]
        attributes.pop("dilations", None)
    return kernel, attributes  # type: ignore[return-value]


def product(b: Builder, x: Activation, outputs: int, gemm: bool) -> Activation:
    """A Gemm or MatMul from x, rows x inputs, to rows x outputs."""
    w, wz = weights(b, (outputs, x.shape[-1]), b.large)
    ws, bias, ys = dot(b, x, w, wz)
    y = b.like((*x.shape[:-1], outputs), ys)
    transposed = gemm and b.chance(0.7)
    stored = w if transposed else np.ascontiguousarray(w.T)
    axis = 0 if transposed else 1
    b.notes.append(f"x {x.shape} zero {x.zero_point}, y zero {y.zero_point}")
    if b.form == "qlinear":
        inputs = [x.name, *b.quantization(x), b.constant(stored, "w")]
        inputs += [b.constant(ws, "ws"), b.constant(np.broadcast_to(wz, ws.shape), "wz")]
        if not gemm:
            return b.renamed(y, b.node("QLinearMatMul", inputs + b.quantization(y)))
        inputs += [b.constant(bias, "b"), *b.quantization(y)]
        attributes = {"transB": int(transposed)}
        return b.renamed(y, b.node("QGemm", inputs, domain=MICROSOFT, **attributes))
    inputs = [b.dequantize(x), weights_qdq(b, stored, ws, wz, axis)]
    if not gemm:
        return finish(b, b.node("MatMul", inputs), y)
    inputs.append(bias_qdq(b, bias, x.scale * ws))
    return finish(b, b.node("Gemm", inputs, transB=int(transposed)), y)

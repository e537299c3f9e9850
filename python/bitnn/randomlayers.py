# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random small quantized ONNX layers, many independent ones in one model.

A compiler is exercised by many layers, and a compilation has a fixed cost: so `random_layers`
makes layers that share nothing, and `combine` puts any of them side by side in one model, where
each has its own graph inputs and outputs. The same seed gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bitnn.values import INT32, Array
from bitnn.windows import output_extents

T = TypeVar("T")
OPSET = 19
MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Layer:
    """One layer, or a short chain, with everything a model of its own needs."""

    name: str
    kind: str
    form: str
    description: str
    nodes: tuple[onnx.NodeProto, ...]
    constants: tuple[onnx.TensorProto, ...]
    inputs: tuple[onnx.ValueInfoProto, ...]
    outputs: tuple[onnx.ValueInfoProto, ...]
    scales: dict[str, float]

    def __str__(self) -> str:
        return f"{self.name}: {self.description}"

    def random_inputs(self, rng: np.random.Generator) -> dict[str, Array]:
        """Full-range noise, now and then a constant at an end of the range or ties."""
        return {edge.name: _input(rng, edge, self.scales[edge.name]) for edge in self.inputs}


@dataclass(frozen=True)
class Options:
    """What to draw from; a kind is a key of `KINDS`."""

    kinds: tuple[str, ...] = ()
    forms: tuple[str, ...] = ("qdq", "qlinear")
    activations: tuple[str, ...] = ("int8", "uint8")
    weights: tuple[str, ...] = ("int8", "uint8")
    weight_zero_points: bool = True
    epilogues: tuple[str, ...] = ("none", "none", "relu", "clip")
    scale_families: tuple[str, ...] = ("any", "any", "powers of two", "k/2^n")
    float_edges: bool = True
    # The part of the layers with more than 1,000 inputs per output and full-range weights.
    large: float = 0.2


def random_layers(seed: int, count: int, options: Options | None = None) -> list[Layer]:
    """`count` layers, every kind in turn, the rest drawn with `seed`."""
    options = options or Options()
    kinds = options.kinds or tuple(KINDS)
    large_kinds = [kind for kind in kinds if kind in LARGE]
    layers = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        large = bool(large_kinds) and (index + 1) * options.large % 1 < options.large
        kind = large_kinds[index % len(large_kinds)] if large else kinds[index % len(kinds)]
        layers.append(_Builder(f"layer{index}", kind, large, rng, options).build())
    return layers


def combine(layers: Iterable[Layer]) -> onnx.ModelProto:
    """One model with the layers side by side."""
    layers = list(layers)
    graph = helper.make_graph(
        [node for layer in layers for node in layer.nodes],
        "layers",
        [edge for layer in layers for edge in layer.inputs],
        [edge for layer in layers for edge in layer.outputs],
        [constant for layer in layers for constant in layer.constants],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="bitnn")
    onnx.checker.check_model(model)
    return model


@dataclass(frozen=True)
class _Activation:
    """An 8-bit tensor of the layer being built: its name, shape and quantization."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: np.float32
    zero_point: int

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and largest of x - zero_point."""
        limits = np.iinfo(self.dtype)
        return limits.min - self.zero_point, limits.max - self.zero_point

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of x - zero_point for full-range noise."""
        lower, upper = self.limits
        return (lower + upper) / 2, (upper - lower) / 12**0.5


@dataclass
class _Builder:
    name: str
    kind: str
    large: bool
    rng: np.random.Generator
    options: Options
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    scales: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    names: int = 0

    def build(self) -> Layer:
        self.form = self.pick(self.options.forms)
        if self.kind in QDQ_ONLY and "qdq" in self.options.forms:
            self.form = "qdq"
        self.float_edges = self.options.float_edges and self.chance(0.3)
        # Ties appear where every scale is a small multiple of a power of two.
        self.scale_family = self.pick(self.options.scale_families)
        self.dtype = np.dtype(self.pick(self.options.activations))
        self.output(KINDS[self.kind](self))
        return Layer(
            self.name,
            self.kind,
            self.form,
            f"{self.kind} ({self.form}, {self.dtype}, {self.scale_family}) "
            + "; ".join(self.notes),
            tuple(self.nodes),
            tuple(self.constants),
            tuple(self.inputs),
            tuple(self.outputs),
            self.scales,
        )

    # Drawing.

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, choices: Sequence[Any]) -> Any:  # noqa: ANN401 - whatever the choices are
        return choices[int(self.rng.integers(len(choices)))]

    def between(self, lower: int, upper: int) -> int:
        return int(self.rng.integers(lower, upper + 1))

    def scale(self, near: float = 0.05) -> np.float32:
        """A scale of the layer's family within a factor of two of `near`."""
        exponent = np.floor(np.log2(near))
        if self.scale_family == "powers of two":
            return np.float32(2.0**exponent)
        if self.scale_family == "k/2^n":
            return np.float32(self.between(8, 15) * 2.0 ** (exponent - 3))
        return np.float32(near * 2.0 ** self.rng.uniform(-0.5, 0.5))

    def zero_point(self, dtype: np.dtype[Any]) -> int:
        limits = np.iinfo(dtype)
        middle = (limits.min + limits.max + 1) // 2
        low, high = limits.min, limits.max
        return self.pick((middle, low, high, self.between(low, high), self.between(low, high)))

    # The graph.

    def fresh(self, what: str) -> str:
        self.names += 1
        return f"{self.name}_{what}{self.names}"

    def constant(self, array: Array, what: str = "constant") -> str:
        name = self.fresh(what)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(
        self, op: str, inputs: list[str], what: str = "", domain: str = "", **attributes: object
    ) -> str:
        output = self.fresh(what or op.lower())
        name = f"{output}_{op}"
        self.nodes.append(
            helper.make_node(op, inputs, [output], name, domain=domain or None, **attributes)
        )
        return output

    def quantization(self, x: _Activation) -> list[str]:
        return [
            self.constant(np.asarray(x.scale), "scale"),
            self.constant(np.asarray(x.zero_point, x.dtype), "zero"),
        ]

    def dequantize(self, x: _Activation) -> str:
        return self.node("DequantizeLinear", [x.name, *self.quantization(x)])

    def quantize(self, real: str, y: _Activation) -> _Activation:
        return self.renamed(y, self.node("QuantizeLinear", [real, *self.quantization(y)]))

    def renamed(
        self, x: _Activation, name: str, shape: tuple[int, ...] | None = None
    ) -> _Activation:
        return _Activation(name, shape or x.shape, x.dtype, x.scale, x.zero_point)

    def like(self, shape: tuple[int, ...], scale: np.float32) -> _Activation:
        return _Activation("", shape, self.dtype, scale, self.zero_point(self.dtype))

    def input(self, shape: tuple[int, ...]) -> _Activation:
        x = self.like(shape, self.scale())
        name = self.fresh("in")
        self.scales[name] = float(x.scale)
        kind = TensorProto.FLOAT if self.float_edges else helper.np_dtype_to_tensor_dtype(x.dtype)
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return self.quantize(name, x) if self.float_edges else self.renamed(x, name)

    def output(self, y: _Activation) -> None:
        name = self.dequantize(y) if self.float_edges else y.name
        kind = TensorProto.FLOAT if self.float_edges else helper.np_dtype_to_tensor_dtype(y.dtype)
        self.outputs.append(helper.make_tensor_value_info(name, kind, y.shape))

    def qdq(
        self, x: _Activation, y: _Activation, op: str, *more: str, **attributes: object
    ) -> _Activation:
        """DequantizeLinear, a float operator, QuantizeLinear."""
        return self.quantize(self.node(op, [self.dequantize(x), *more], **attributes), y)

    # Dot products.

    def weights(self, shape: tuple[int, ...], full_range: bool) -> tuple[Array, Array]:
        """Weights (outputs first) and their zero points: one, or one per output."""
        dtype = np.dtype(self.pick(self.options.weights))
        limits = np.iinfo(dtype)
        middle = (limits.min + limits.max + 1) // 2
        flavours = ("full", "full", "ends", "all -128") if full_range else tuple(FLAVOURS)
        flavour = self.pick(flavours)
        centred = FLAVOURS[flavour](self.rng, shape)
        if shape[0] > 1 and self.chance(0.3):
            centred[self.between(0, shape[0] - 1)] = 0
            flavour += ", a zero channel"
        zeros = np.asarray(middle)
        if self.options.weight_zero_points and self.chance(0.25):
            zeros = np.asarray(middle + self.between(-20, 20))
        self.notes.append(f"weights {'x'.join(map(str, shape))} {dtype} {flavour}, zero {zeros}")
        return np.clip(centred + zeros, limits.min, limits.max).astype(dtype), zeros.astype(dtype)

    def dot(self, x: _Activation, w: Array, zero: Array) -> tuple[Array, Array, np.float32]:
        """Weight scales (one, or one per output), int32 bias and a fitting output scale."""
        rows = w.astype(np.int64).reshape(w.shape[0], -1) - int(zero)
        per_channel = self.chance(0.5) and not int(zero) - int(np.zeros((), w.dtype))
        scales = [self.scale(0.02) for _ in range(len(rows) if per_channel else 1)]
        ws = np.asarray(scales if per_channel else scales[0], np.float32)
        low, high = x.limits
        lower = np.minimum(rows * low, rows * high).sum(axis=1)
        upper = np.maximum(rows * low, rows * high).sum(axis=1)
        mean, deviation = x.moments
        centre = rows.sum(axis=1) * mean
        spread = np.sqrt((rows**2).sum(axis=1)) * deviation
        place = self.pick((*["centred"] * 5, "small", "2^16", "2^16", "2^31", "-2^31"))
        bias = self.rng.integers(-1000, 1001, len(rows))
        if place == "centred":
            bias -= centre.astype(np.int64)
        elif place == "2^16":
            bias = self.pick((0, 1, 2)) + self.pick((32767 - upper, 65535 - upper, -32768 - lower))
        elif place == "2^31":
            bias = INT32.max - upper
        elif place == "-2^31":
            bias = INT32.min - lower
        self.notes.append(f"bias {place}")
        unit = ws * x.scale
        if place in ("2^31", "-2^31"):
            # The spread is far below one step: put a step in its middle.
            first = abs(float((centre + bias)[0])) * float(unit.flat[0])
            ys = np.float32(first / (self.between(1, 100) + 0.5))
        else:
            real = (np.abs(centre + bias) + 2 * spread + 1) * unit
            ys = self.scale(float(real.max()) / self.rng.uniform(40, 200))
        return ws, bias.astype(np.int32), ys

    def finish(self, acc: str, y: _Activation) -> _Activation:
        """Optionally a Relu or Clip between a dot product and its QuantizeLinear."""
        activation = self.pick(self.options.epilogues)
        if activation == "relu":
            acc = self.node("Relu", [acc])
        elif activation == "clip":
            acc = self.node("Clip", [acc, *self.bounds(y)])
        self.notes.append(f"then {activation}")
        return self.quantize(acc, y)

    def bounds(self, y: _Activation) -> list[str]:
        """Clip's constants, somewhere in the representable interval."""
        low, high = (limit * float(y.scale) for limit in y.limits)
        lower, upper = np.sort(self.rng.uniform(low, high, 2)).astype(np.float32)
        return [self.constant(np.asarray(lower), "min"), self.constant(np.asarray(upper), "max")]

    def weights_qdq(self, w: Array, ws: Array, wz: Array, axis: int) -> str:
        zeros = np.broadcast_to(wz, ws.shape)
        inputs = [self.constant(w, "w"), self.constant(ws, "ws"), self.constant(zeros, "wz")]
        attributes = {"axis": axis} if ws.ndim else {}
        return self.node("DequantizeLinear", inputs, "weights", **attributes)

    def bias_qdq(self, bias: Array, scale: Array) -> str:
        inputs = [self.constant(bias, "b"), self.constant(scale, "bs")]
        # A vector's only axis; the default, 1, is out of range for it.
        return self.node("DequantizeLinear", inputs, "bias", **({"axis": 0} if scale.ndim else {}))

    def conv(
        self,
        x: _Activation,
        outputs: int,
        kernel: tuple[int, int],
        groups: int,
        **attributes: object,
    ) -> _Activation:
        """A convolution from x to a fresh activation."""
        w, wz = self.weights((outputs, x.shape[1] // groups, *kernel), self.large)
        ws, bias, ys = self.dot(x, w, wz)
        biased = self.chance(0.8) or abs(bias.astype(np.int64)).max() > 1000
        extents = output_extents(x.shape[2:], kernel, attributes)
        y = self.like((x.shape[0], outputs, *extents), ys)
        attributes |= {"kernel_shape": kernel, "group": groups}
        self.notes.append(f"x {x.shape} zero {x.zero_point}, {attributes}, y zero {y.zero_point}")
        if self.form == "qlinear":
            inputs = [x.name, *self.quantization(x), self.constant(w, "w")]
            inputs += [self.constant(ws, "ws"), self.constant(np.broadcast_to(wz, ws.shape), "wz")]
            inputs += self.quantization(y) + ([self.constant(bias, "b")] if biased else [])
            return self.renamed(y, self.node("QLinearConv", inputs, **attributes))
        inputs = [self.dequantize(x), self.weights_qdq(w, ws, wz, 0)]
        inputs += [self.bias_qdq(bias, x.scale * ws)] if biased else []
        return self.finish(self.node("Conv", inputs, **attributes), y)

    def window(
        self, shape: tuple[int, ...], most: int = 3, dilate: bool = True
    ) -> tuple[tuple[int, int], dict[str, Any]]:
        """A kernel and strides, dilations and pads that fit an image."""
        kernel = tuple(self.between(1, min(most, extent)) for extent in shape[2:])
        dilations = [
            2 if dilate and 2 * k - 1 <= extent and self.chance(0.2) else 1
            for k, extent in zip(kernel, shape[2:], strict=True)
        ]
        attributes: dict[str, Any] = {"strides": [self.pick((1, 1, 2, 3)) for _ in kernel]}
        if dilate and self.chance(0.7):
            attributes["dilations"] = dilations
        padding = self.pick(("none", "pads", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"))
        if padding == "pads":
            attributes["pads"] = [self.between(0, k - 1) for k in (*kernel, *kernel)]
        elif padding != "none":
            attributes["auto_pad"] = padding
        if padding.startswith("SAME"):
            # onnxruntime has no answer for gaps between windows, nor for dilations.
            attributes["strides"] = [min(2, k) for k in kernel]
            attributes.pop("dilations", None)
        return kernel, attributes  # type: ignore[return-value]

    def product(self, x: _Activation, outputs: int, gemm: bool) -> _Activation:
        """A Gemm or MatMul from x, rows x inputs, to rows x outputs."""
        w, wz = self.weights((outputs, x.shape[-1]), self.large)
        ws, bias, ys = self.dot(x, w, wz)
        y = self.like((*x.shape[:-1], outputs), ys)
        transposed = gemm and self.chance(0.7)
        stored = w if transposed else np.ascontiguousarray(w.T)
        axis = 0 if transposed else 1
        self.notes.append(f"x {x.shape} zero {x.zero_point}, y zero {y.zero_point}")
        if self.form == "qlinear":
            inputs = [x.name, *self.quantization(x), self.constant(stored, "w")]
            inputs += [self.constant(ws, "ws"), self.constant(np.broadcast_to(wz, ws.shape), "wz")]
            if not gemm:
                return self.renamed(y, self.node("QLinearMatMul", inputs + self.quantization(y)))
            inputs += [self.constant(bias, "b"), *self.quantization(y)]
            attributes = {"transB": int(transposed)}
            return self.renamed(y, self.node("QGemm", inputs, domain=MICROSOFT, **attributes))
        inputs = [self.dequantize(x), self.weights_qdq(stored, ws, wz, axis)]
        if not gemm:
            return self.finish(self.node("MatMul", inputs), y)
        inputs.append(self.bias_qdq(bias, x.scale * ws))
        return self.finish(self.node("Gemm", inputs, transB=int(transposed)), y)

    # Other operators.

    def move(
        self, x: _Activation, op: str, shape: tuple[int, ...], *more: str, **attributes: object
    ) -> _Activation:
        """An operator that moves data: on the integers, or between DQ and Q of one scale."""
        if self.form == "qlinear" or self.chance(0.3):
            return self.renamed(x, self.node(op, [x.name, *more], **attributes), shape)
        return self.qdq(x, self.renamed(x, "", shape), op, *more, **attributes)

    def add(self, a: _Activation, b: _Activation) -> _Activation:
        y = self.like(a.shape, self.scale(float(max(a.scale, b.scale)) * self.rng.uniform(0.7, 3)))
        self.notes.append(f"{a.shape} {a.zero_point} + {b.zero_point} -> {y.zero_point}")
        if self.form == "qlinear":
            inputs = [a.name, *self.quantization(a), b.name, *self.quantization(b)]
            inputs += self.quantization(y)
            return self.renamed(y, self.node("QLinearAdd", inputs, domain=MICROSOFT))
        total = self.node("Add", [self.dequantize(a), self.dequantize(b)])
        return self.finish(total, y)

    def average(self, x: _Activation, whole: bool) -> _Activation:
        y_scale = self.scale(float(x.scale) * self.rng.uniform(0.5, 1.5))
        attributes: dict[str, Any] = {}
        extents: tuple[int, ...] = (1, 1)
        if not whole:
            kernel, attributes = self.window(x.shape, 4, dilate=False)
            extents = output_extents(x.shape[2:], kernel, attributes)
            attributes |= {"kernel_shape": kernel, "count_include_pad": self.between(0, 1)}
        op = "GlobalAveragePool" if whole else "AveragePool"
        y = self.like((*x.shape[:2], *extents), y_scale)
        self.notes.append(f"x {x.shape} zero {x.zero_point}, {attributes}, y zero {y.zero_point}")
        if self.form == "qlinear":
            inputs = [x.name, *self.quantization(x), *self.quantization(y)]
            return self.renamed(
                y, self.node(f"QLinear{op}", inputs, domain=MICROSOFT, **attributes)
            )
        return self.qdq(x, y, op, **attributes)

    def image(self, channels: int = 0, most: int = 9) -> _Activation:
        extents = (self.between(1, most), self.between(1, most))
        return self.input((1, channels or self.between(1, 6), *extents))


# --- Kinds of layers ----------------------------------------------------------------------------


def _conv(b: _Builder) -> _Activation:
    if b.large:
        # 64 x 4 x 4 is 1,024 inputs per output.
        x = b.input((1, 64 + b.between(0, 3), b.between(4, 5), b.between(4, 5)))
        return b.conv(x, b.between(1, 2), (4, 4), 1)
    x = b.image()
    kernel, attributes = b.window(x.shape)
    return b.conv(x, b.between(1, 8), kernel, 1, **attributes)


def _depthwise(b: _Builder) -> _Activation:
    x = b.image()
    kernel, attributes = b.window(x.shape)
    return b.conv(x, x.shape[1], kernel, x.shape[1], **attributes)


def _grouped(b: _Builder) -> _Activation:
    groups = b.between(2, 3)
    x = b.image(groups * b.between(1, 3), 6)
    kernel, attributes = b.window(x.shape)
    return b.conv(x, groups * b.between(1, 3), kernel, groups, **attributes)


def _gemm(b: _Builder) -> _Activation:
    inputs = b.between(1001, 1200) if b.large else b.between(1, 40)
    x = b.input((b.pick((1, 1, 1, 3)), inputs))
    return b.product(x, b.between(1, 2 if b.large else 12), gemm=True)


def _matmul(b: _Builder) -> _Activation:
    inputs = b.between(1001, 1200) if b.large else b.between(1, 40)
    x = b.input((b.pick((1, 1, 2, 4)), inputs))
    return b.product(x, b.between(1, 2 if b.large else 12), gemm=False)


def _residual(b: _Builder) -> _Activation:
    x = b.image(most=6)
    y = b.conv(x, x.shape[1], (3, 3), 1, pads=[1, 1, 1, 1])
    return b.add(y, x) if b.chance(0.5) else b.add(x, y)


def _add(b: _Builder) -> _Activation:
    x = b.image()
    return b.add(x, b.input(x.shape))


def _unary(b: _Builder) -> _Activation:
    x = b.image()
    y = b.like(x.shape, b.scale(float(x.scale)))
    op = b.pick(("Relu", "Clip", "Identity"))
    b.notes.append(f"{op} {x.shape} zero {x.zero_point} -> {y.zero_point}")
    return b.qdq(x, y, op, *(b.bounds(x) if op == "Clip" else []))


def _max_pool(b: _Builder) -> _Activation:
    x = b.image()
    kernel, attributes = b.window(x.shape, 4)
    shape = (*x.shape[:2], *output_extents(x.shape[2:], kernel, attributes))
    b.notes.append(f"x {x.shape} zero {x.zero_point}, {kernel} {attributes}")
    return b.move(x, "MaxPool", shape, kernel_shape=kernel, **attributes)


def _average_pool(b: _Builder) -> _Activation:
    return b.average(b.image(), whole=False)


def _global_average_pool(b: _Builder) -> _Activation:
    return b.average(b.image(), whole=True)


def _move(b: _Builder) -> _Activation:
    x = b.image(most=5)
    permutation = b.rng.permutation(4).tolist()
    shape = tuple(x.shape[axis] for axis in permutation)
    y = b.move(x, "Transpose", shape, perm=permutation)
    flat = (y.shape[0], int(np.prod(y.shape[1:])))
    target = b.constant(np.asarray([0, -1], np.int64), "shape")
    return b.move(y, "Reshape", flat, target)


def _flatten_gemm(b: _Builder) -> _Activation:
    x = b.image(most=4)
    y = b.conv(x, b.between(1, 4), (1, 1), 1)
    flat = b.move(y, "Flatten", (1, int(np.prod(y.shape[1:]))), axis=1)
    return b.product(flat, b.between(1, 6), gemm=True)


def _network(b: _Builder) -> _Activation:
    x = b.image(b.between(1, 3), 8)
    y = b.conv(x, b.between(2, 4), (min(3, x.shape[2]), min(3, x.shape[3])), 1)
    kernel = [min(2, extent) for extent in y.shape[2:]]
    pooled = (*y.shape[:2], *(extent // k for extent, k in zip(y.shape[2:], kernel, strict=True)))
    y = b.move(y, "MaxPool", pooled, kernel_shape=kernel, strides=kernel)
    z = b.conv(y, y.shape[1], (1, 1), y.shape[1])
    y = b.average(b.add(z, y), whole=True)
    flat = b.move(y, "Flatten", y.shape[:2], axis=1)
    return b.product(flat, b.between(2, 5), gemm=True)


KINDS: dict[str, Callable[[_Builder], _Activation]] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "gemm": _gemm,
    "residual": _residual,
    "max_pool": _max_pool,
    "grouped": _grouped,
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
QDQ_ONLY = ("unary",)


# --- Weights, with their zero point taken off ---------------------------------------------------


def _near_257(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """The sum of magnitudes decides whether 8-bit inputs fit 16 bits: 257 is the limit."""
    inputs = int(np.prod(shape[1:]))
    total = rng.integers(255, 260, shape[0])
    rows = [rng.multinomial(n, np.full(inputs, 1 / inputs)) for n in total]
    return (np.minimum(rows, 127) * rng.choice([-1, 1], (shape[0], inputs))).reshape(shape)


FLAVOURS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "full": lambda rng, shape: rng.integers(-128, 128, shape),
    "gaussian": lambda rng, shape: np.rint(rng.normal(0, 20, shape)).astype(np.int64),
    "sparse": lambda rng, shape: rng.integers(-128, 128, shape) * (rng.random(shape) < 0.3),
    "powers": lambda rng, shape: rng.choice([-1, 1], shape) << rng.integers(0, 7, shape),
    "ends": lambda rng, shape: rng.choice([-128, 127], shape),
    "all -128": lambda rng, shape: np.full(shape, -128),
    "zero": lambda rng, shape: np.zeros(shape, np.int64),
    "sum near 257": _near_257,
}


def _input(rng: np.random.Generator, edge: onnx.ValueInfoProto, scale: float) -> Array:
    tensor = edge.type.tensor_type
    shape = [dim.dim_value for dim in tensor.shape.dim]
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    if dtype == np.float32:
        # Halves of the scale are ties wherever the quotient is exact.
        return (rng.integers(-600, 601, shape) * (scale / 2)).astype(np.float32)
    limits = np.iinfo(dtype)
    if rng.random() < 0.05:
        return np.full(shape, rng.choice([limits.min, limits.max]), dtype)
    return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference of record: what a quantized ONNX graph computes, integer for integer.

Convolutions, matrix products and average pools are exact integer sums, refused when they leave
int32, and become 8-bit values by one rule (`Accumulator.requantize`). Everything else follows
ONNX's text in float32, in the written order: dequantize, compute, quantize. Moving data commutes
with quantization and keeps the integers. Compiled code must give these integers on every target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx

from bitnn.errors import BitnnError
from bitnn.graph import Graph, Node, load_graph
from bitnn.values import INT32, Accumulator, Array, Quantized, Value, along, move, real
from bitnn.values import quantize as quantize_real
from bitnn.windows import Windows

Operands: TypeAlias = list[Value | None]
Operator: TypeAlias = Callable[[Node, Operands], Value]

OPERATORS: dict[tuple[str, str], Operator] = {}
EIGHT_BITS = (np.dtype(np.int8), np.dtype(np.uint8))
# Exporters compute a bias's scale in float32 or float64; more than this is another scale.
BIAS_SCALE_TOLERANCE = 1e-6


@dataclass
class Trace:
    """What one evaluation saw: 8-bit tensors and int32 accumulators by the tensor's ONNX name."""

    integers: dict[str, Array] = field(default_factory=dict)
    accumulators: dict[str, Array] = field(default_factory=dict)


class Reference:
    """An ONNX graph that can be evaluated, whole or between named tensors."""

    def __init__(self, model: onnx.ModelProto | str | Path | Graph) -> None:
        self.graph = model if isinstance(model, Graph) else load_graph(model)

    def __call__(self, inputs: Mapping[str, Array], trace: Trace | None = None) -> dict[str, Array]:
        """The graph's outputs for one set of inputs, both by their ONNX names."""
        self.check_inputs(inputs)
        return self.evaluate(inputs, [edge.name for edge in self.graph.outputs], trace)

    def check_inputs(self, inputs: Mapping[str, Array]) -> None:
        """Refuse inputs whose names, element types or shapes are not the graph's."""
        names = [edge.name for edge in self.graph.inputs]
        for name in inputs:
            if name not in names:
                raise BitnnError(f"the graph has no input '{name}'; its inputs are {_list(names)}")
        for edge in self.graph.inputs:
            if edge.name not in inputs:
                raise BitnnError(f"input {edge} is missing")
            array = inputs[edge.name]
            if array.dtype != edge.dtype or not edge.matches(array.shape):
                shape = "x".join(map(str, array.shape))
                raise BitnnError(f"input {edge} was given as {shape} {array.dtype}")

    def evaluate(
        self,
        given: Mapping[str, Value],
        targets: Iterable[str],
        trace: Trace | None = None,
    ) -> dict[str, Array]:
        """Compute the tensors `targets` from `given`, any tensors that suffice for it.

        A target that ONNX types as float is returned in float32, an integer one as it is.
        """
        targets = list(targets)
        values = self.values(given, targets, trace)
        return {name: real(values[name]) for name in targets}

    def values(
        self,
        given: Mapping[str, Value],
        targets: Iterable[str],
        trace: Trace | None = None,
    ) -> dict[str, Value]:
        """Like `evaluate`, but every value on the way, still with its scale and zero point."""
        targets = list(targets)
        values: dict[str, Value] = {**self.graph.constants, **given}
        for node in self.graph.ancestors(targets, given):
            for name in node.inputs:
                if name and name not in values:
                    raise BitnnError(f"{node} needs the tensor '{name}', which is not given")
            value = apply(node, [values.get(name) if name else None for name in node.inputs])
            values[node.outputs[0]] = value
            if trace is not None:
                _record(trace, node.outputs[0], value)
        for name in targets:
            if name not in values:
                raise BitnnError(f"the graph has no tensor '{name}'")
        return values


def apply(node: Node, operands: Operands) -> Value:
    """Evaluate one node."""
    operator = OPERATORS.get((node.domain, node.op))
    if operator is None:
        raise node.error("the reference does not know this operator")
    if any(node.outputs[1:]):
        raise node.error("only its first output is supported")
    try:
        return operator(node, operands)
    except (ValueError, TypeError, IndexError) as error:
        raise node.error(str(error)) from error


def operator(*names: str, domain: str = "ai.onnx") -> Callable[[Operator], Operator]:
    """Register the function as the meaning of these operators."""

    def register(function: Operator) -> Operator:
        OPERATORS.update({(domain, name): function for name in names})
        return function

    return register


# --- Quantization -------------------------------------------------------------------------------


@operator("QuantizeLinear")
def quantize_linear(node: Node, operands: Operands) -> Value:
    node.refuse_unless("block_size", 0)
    value, scale, zero_point = _pad(operands, 3)
    if zero_point is None:
        kind = node.get("output_dtype", 0)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind) if kind else np.uint8
        zero_point = np.zeros((), dtype)
    return requantize(node, value, scale, zero_point, node.get("axis", 1))


@operator("DequantizeLinear")
def dequantize_linear(node: Node, operands: Operands) -> Value:
    node.refuse_unless("block_size", 0)
    q, scale, zero_point = _pad(operands, 3)
    return dequantize(node, q, scale, zero_point, node.get("axis", 1))


def requantize(
    node: Node, value: Value | None, scale: Value | None, zero_point: Value | None, axis: int = 1
) -> Array:
    """Any value as 8-bit integers: an accumulator by its own rule, the rest as ONNX says."""
    scale, zero_point = _scale(node, scale), _constant(node, "zero point", zero_point)
    if zero_point.dtype not in EIGHT_BITS:
        raise node.error(f"quantizes to {zero_point.dtype}, only int8 and uint8 are supported")
    shape = value.acc.shape if isinstance(value, Accumulator) else real(_present(node, value)).shape
    scales = along(scale, axis, shape)
    zero_points = along(zero_point.astype(np.int64), axis, shape)
    if isinstance(value, Accumulator):
        return value.requantize(scales, zero_points, zero_point.dtype)
    return quantize_real(real(_present(node, value)), scales, zero_points, zero_point.dtype)


def dequantize(
    node: Node, q: Value | None, scale: Value | None, zero_point: Value | None, axis: int = 1
) -> Quantized:
    """8-bit activations or weights, or an int32 bias, with their scale."""
    if not isinstance(q, np.ndarray) or q.dtype not in (*EIGHT_BITS, np.int32):
        raise node.error("only int8, uint8 and int32 tensors can be dequantized")
    zeros = None if zero_point is None else _constant(node, "zero point", zero_point)
    return Quantized.of(q, _scale(node, scale), zeros, axis)


# --- Dot products -------------------------------------------------------------------------------


@operator("Conv")
def conv(node: Node, operands: Operands) -> Value:
    x, w, bias = _pad(operands, 3)
    return convolve(node, _quantized(node, x), _quantized(node, w), bias)


@operator("QLinearConv")
def qlinear_conv(node: Node, operands: Operands) -> Value:
    x, xs, xz, w, ws, wz, ys, yz, bias = _pad(operands, 9)
    weights = dequantize(node, w, ws, wz, axis=0)
    return requantize(node, convolve(node, dequantize(node, x, xs, xz), weights, bias), ys, yz)


@operator("Gemm")
def gemm(node: Node, operands: Operands) -> Value:
    a, b, bias = _pad(operands, 3)
    return multiply_matrices(node, *_transposed(node, a, b), bias)


@operator("QGemm", domain="com.microsoft")
def qgemm(node: Node, operands: Operands) -> Value:
    a, a_scale, az, b, bs, bz, bias, ys, yz = _pad(operands, 9)
    columns = 0 if node.get("transB", 0) else 1
    x, w = dequantize(node, a, a_scale, az), dequantize(node, b, bs, bz, columns)
    return requantize(node, multiply_matrices(node, *_transposed(node, x, w), bias), ys, yz)


@operator("MatMul")
def matmul(node: Node, operands: Operands) -> Value:
    a, b = _pad(operands, 2)
    return multiply_matrices(node, _quantized(node, a), _quantized(node, b), None)


@operator("QLinearMatMul")
def qlinear_matmul(node: Node, operands: Operands) -> Value:
    a, a_scale, az, b, bs, bz, ys, yz = _pad(operands, 8)
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
    weight_scale = _uniform(node, w.scale.reshape(outputs, -1), axis=1)
    scale = along(_scalar(node, x.scale) * weight_scale.reshape(-1), 1, acc.shape)
    return _accumulator(node, acc + _bias(node, bias, scale, 1), scale)


def multiply_matrices(node: Node, x: Quantized, w: Quantized, bias: Value | None) -> Accumulator:
    """sum((x - zx) * (w - zw)) + bias; one scale per row of x and per column of w."""
    if x.q.ndim < 2 or w.q.ndim < 2:
        raise node.error("vectors are not supported, only matrices")
    acc = x.centred @ w.centred
    scale = _uniform(node, x.scale, axis=-1) * _uniform(node, w.scale, axis=-2)
    scale = np.broadcast_to(scale, acc.shape)
    return _accumulator(node, acc + _bias(node, bias, scale, acc.ndim - 1), scale)


def _transposed(node: Node, a: Value | None, b: Value | None) -> tuple[Quantized, Quantized]:
    node.refuse_unless("alpha", 1.0)
    node.refuse_unless("beta", 1.0)
    x, w = _quantized(node, a), _quantized(node, b)
    x = x.move(np.transpose) if node.get("transA", 0) else x
    return x, w.move(np.transpose) if node.get("transB", 0) else w


def _bias(node: Node, bias: Value | None, scale: Array, axis: int) -> Array:
    """The int32 bias, broadcast to the accumulator; its scale must be the accumulator's."""
    if bias is None:
        return np.zeros((), np.int64)
    integers = bias.q if isinstance(bias, Quantized) else bias
    if not isinstance(integers, np.ndarray) or integers.dtype != np.int32:
        raise node.error("the bias must be int32 (behind a DequantizeLinear in the QDQ form)")
    expand = lambda array: (  # noqa: E731 - of a convolution, one entry per channel (axis 1)
        along(array, axis, scale.shape) if array.ndim == 1 else np.broadcast_to(array, scale.shape)
    )
    if isinstance(bias, Quantized):
        if bias.zero_point.any():
            raise node.error("the bias has a zero point")
        if not np.allclose(expand(bias.scale), scale, rtol=BIAS_SCALE_TOLERANCE, atol=0):
            raise node.error("the bias's scale is not input scale * weight scale")
    return expand(integers.astype(np.int64))


def _accumulator(node: Node, acc: Array, scale: Array, count: Array | None = None) -> Accumulator:
    if acc.size and (acc.min() < INT32.min or acc.max() > INT32.max):
        raise node.error(f"the accumulator leaves int32: [{acc.min()}, {acc.max()}]")
    ones = np.ones((), np.int64) if count is None else count
    return Accumulator(acc, scale, np.broadcast_to(ones, acc.shape))


# --- Pools --------------------------------------------------------------------------------------


@operator("MaxPool")
def max_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("ceil_mode", 0)
    (x,) = operands
    if isinstance(x, Quantized):
        pooled = max_pool(node, [x.q])
        scale, zero_point = _scalar(node, x.scale), _scalar(node, x.zero_point)
        return Quantized.of(real(pooled), scale, zero_point, 1)
    image = real(_present(node, x))
    lowest = -np.inf if image.dtype.kind == "f" else np.iinfo(image.dtype).min
    windows = _pool_windows(node, image.shape).gather(image, lowest)
    return windows.max(axis=tuple(range(image.ndim, windows.ndim)))


@operator("AveragePool")
def average_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("ceil_mode", 0)
    x = _quantized(node, operands[0])
    windows = _pool_windows(node, x.q.shape)
    inside = np.ones((1, 1, *x.q.shape[2:]), np.int64)
    fill = 1 if node.get("count_include_pad", 0) else 0
    return average(node, x, windows.gather(x.centred, 0), windows.gather(inside, fill))


@operator("GlobalAveragePool")
def global_average_pool(node: Node, operands: Operands) -> Value:
    x = _quantized(node, operands[0])
    windows = Windows.of(node, x.q.shape[2:], x.q.shape[2:])
    inside = np.ones((1, 1, *x.q.shape[2:]), np.int64)
    return average(node, x, windows.gather(x.centred, 0), windows.gather(inside, 0))


@operator("QLinearAveragePool", domain="com.microsoft")
def qlinear_average_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("channels_last", 0)
    x, xs, xz, ys, yz = _pad(operands, 5)
    return requantize(node, average_pool(node, [dequantize(node, x, xs, xz)]), ys, yz)


@operator("QLinearGlobalAveragePool", domain="com.microsoft")
def qlinear_global_average_pool(node: Node, operands: Operands) -> Value:
    node.refuse_unless("channels_last", 0)
    x, xs, xz, ys, yz = _pad(operands, 5)
    return requantize(node, global_average_pool(node, [dequantize(node, x, xs, xz)]), ys, yz)


def average(node: Node, x: Quantized, windows: Array, inside: Array) -> Accumulator:
    """The sum of (x - zx) over each window, with the number of elements that it averages."""
    kernel = tuple(range(x.q.ndim, windows.ndim))
    acc = windows.sum(axis=kernel)
    scale = np.broadcast_to(_scalar(node, x.scale), acc.shape)
    return _accumulator(node, acc, scale, inside.sum(axis=kernel))


def _pool_windows(node: Node, shape: tuple[int, ...]) -> Windows:
    kernel = node.get("kernel_shape", None)
    if kernel is None:
        raise node.error("kernel_shape is missing")
    return Windows.of(node, tuple(kernel), shape[2:])


# --- Elementwise --------------------------------------------------------------------------------


@operator("Relu")
def relu(node: Node, operands: Operands) -> Value:
    x = _present(node, operands[0])
    return x.clip(0.0, np.inf) if isinstance(x, Accumulator) else np.maximum(real(x), 0)


@operator("Clip")
def clip(node: Node, operands: Operands) -> Value:
    if node.opset < 11:
        x, bounds = operands[0], [node.get("min", -np.inf), node.get("max", np.inf)]
    else:
        x, *optional = _pad(operands, 3)
        bounds = [
            missing if bound is None else real(bound)
            for bound, missing in zip(optional, (-np.inf, np.inf), strict=True)
        ]
    x = _present(node, x)
    if isinstance(x, Accumulator):
        return x.clip(float(bounds[0]), float(bounds[1]))
    value = real(x)
    for bound, limit in zip(bounds, (np.maximum, np.minimum), strict=True):
        if np.isfinite(bound):
            value = limit(value, np.asarray(bound, value.dtype))
    return value


@operator("Add")
def add(node: Node, operands: Operands) -> Value:
    a, b = (_present(node, operand) for operand in _pad(operands, 2))
    if isinstance(b, Accumulator):
        a, b = b, a
    if isinstance(a, Accumulator):
        # A bias after the product instead of inside it: still one exact sum.
        return _accumulator(node, a.acc + _bias(node, b, a.scale, a.acc.ndim - 1), a.scale)
    return real(a) + real(b)


@operator("QLinearAdd", domain="com.microsoft")
def qlinear_add(node: Node, operands: Operands) -> Value:
    a, a_scale, az, b, bs, bz, ys, yz = _pad(operands, 8)
    x, y = dequantize(node, a, a_scale, az), dequantize(node, b, bs, bz)
    return requantize(node, x.real() + y.real(), ys, yz)


@operator("Softmax")
def softmax(node: Node, operands: Operands) -> Value:
    x = real(_present(node, operands[0]))
    axis = node.get("axis", -1 if node.opset >= 13 else 1)
    # Before opset 13 everything from the axis on is one vector.
    flat = x if node.opset >= 13 else x.reshape(int(np.prod(x.shape[:axis])), -1)
    along_axis = axis if node.opset >= 13 else 1
    powers = np.exp(flat - flat.max(axis=along_axis, keepdims=True))
    return (powers / powers.sum(axis=along_axis, keepdims=True)).reshape(x.shape)


# --- Moving data --------------------------------------------------------------------------------


@operator("Identity")
def identity(node: Node, operands: Operands) -> Value:
    return _present(node, operands[0])


@operator("Flatten")
def flatten(node: Node, operands: Operands) -> Value:
    axis = node.get("axis", 1)

    def flat(array: Array) -> Array:
        split = axis + array.ndim if axis < 0 else axis
        return array.reshape(int(np.prod(array.shape[:split])), -1)

    return move(_present(node, operands[0]), flat)


@operator("Reshape")
def reshape(node: Node, operands: Operands) -> Value:
    x, shape = _pad(operands, 2)
    extents = _constant(node, "shape", shape).astype(np.int64).tolist()
    keep = not node.get("allowzero", 0)

    def reshaped(array: Array) -> Array:
        return array.reshape(
            [array.shape[i] if keep and extent == 0 else extent for i, extent in enumerate(extents)]
        )

    return move(_present(node, x), reshaped)


@operator("Transpose")
def transpose(node: Node, operands: Operands) -> Value:
    permutation = node.get("perm", None)
    return move(_present(node, operands[0]), lambda array: np.transpose(array, permutation))


# --- Operands -----------------------------------------------------------------------------------


def _pad(operands: Operands, length: int) -> Operands:
    return operands + [None] * (length - len(operands))


def _present(node: Node, value: Value | None) -> Value:
    if value is None:
        raise node.error("an operand is missing")
    return value


def _quantized(node: Node, value: Value | None) -> Quantized:
    if not isinstance(value, Quantized) or value.q.dtype not in EIGHT_BITS:
        raise node.error("the operands must be 8-bit integers behind a DequantizeLinear")
    return value


def _constant(node: Node, what: str, value: Value | None) -> Array:
    if not isinstance(value, np.ndarray):
        raise node.error(f"the {what} must be a tensor")
    return value


def _scale(node: Node, value: Value | None) -> Array:
    scale = _constant(node, "scale", value)
    if scale.dtype != np.float32 or not (np.isfinite(scale) & (scale > 0)).all():
        raise node.error("the scale must be positive, finite float32")
    return scale


def _uniform(node: Node, scale: Array, axis: int) -> Array:
    """The scale without its variation along `axis`, the one that is summed over."""
    first = np.take(scale, [0], axis=axis)
    if not (scale == first).all():
        raise node.error("a scale that varies along the summed axis has no integer form")
    return first


def _scalar(node: Node, parameter: Array) -> Array:
    if parameter.size == 0 or not (parameter == parameter.flat[0]).all():
        raise node.error("activations must be quantized per tensor")
    return np.asarray(parameter.flat[0])


def _record(trace: Trace, name: str, value: Value) -> None:
    if isinstance(value, Accumulator):
        trace.accumulators[name] = value.acc.astype(np.int32)
    elif isinstance(value, np.ndarray) and value.dtype in EIGHT_BITS:
        trace.integers[name] = value


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"


__all__ = ["OPERATORS", "Reference", "Trace", "apply"]

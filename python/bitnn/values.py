# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a tensor of a quantized graph is: integers with a scale, an accumulator, or floats.

DequantizeLinear computes nothing here: it attaches a scale and a zero point to its integers.
Operators that have an integer form work on those integers; the others ask for `real()`.
Scales and zero points are kept with one entry per element (broadcast views), so that moving data
(Reshape, Transpose) is the same function applied to all of them, whatever axis they came from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
INT32 = np.iinfo(np.int32)


# Types of fewer bits are computed with, and stored, as these.
CARRIERS = {
    "int2": np.int8,
    "int4": np.int8,
    "int8": np.int8,
    "uint2": np.uint8,
    "uint4": np.uint8,
    "uint8": np.uint8,
}


def limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The smallest and the largest integer of a type of at most 8 bits."""
    name = np.dtype(dtype).name
    bits = int(name.removeprefix("u").removeprefix("int"))
    return (0, 2**bits - 1) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def widen(array: Array) -> Array:
    """Integers of 2 or 4 bits as those of 8; anything else as it is."""
    carrier = CARRIERS.get(array.dtype.name)
    return array if carrier is None or array.dtype == carrier else array.astype(carrier)


def quantize(real: Array, scale: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
    """ONNX QuantizeLinear: clamp(rint(real / scale) + zero_point), the quotient in float32.

    rint rounds ties to even; the clamp is to the range of `dtype`. What is not a number becomes
    what zero becomes: ONNX leaves it open.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # An infinite quotient is clamped.
        rounded = np.rint(_float32(real) / _float32(scale))
    return saturate(np.where(np.isnan(rounded), 0, rounded), zero_point, dtype)


def saturate(rounded: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
    """clamp(rounded + zero_point) to `dtype`; the sum is exact in float64."""
    clamped = np.clip(rounded.astype(np.float64) + zero_point, *limits(dtype))
    return clamped.astype(CARRIERS[np.dtype(dtype).name])


@dataclass(frozen=True)
class Quantized:
    """Integers q that stand for (q - zero_point) * scale."""

    q: Array
    scale: Array
    zero_point: Array

    @classmethod
    def of(cls, q: Array, scale: Array, zero_point: Array | None, axis: int) -> Quantized:
        """Attach a scale and a zero point: scalars, or vectors along `axis`."""
        zeros = np.zeros((), q.dtype) if zero_point is None else zero_point
        return cls(
            q,
            along(_float32(scale), axis, q.shape),
            along(zeros.astype(np.int64), axis, q.shape),
        )

    @property
    def centred(self) -> Array:
        """q - zero_point, in int64."""
        return self.q.astype(np.int64) - self.zero_point

    def real(self) -> Array:
        """ONNX DequantizeLinear, in float32."""
        return self.centred.astype(np.float32) * self.scale

    def move(self, function: Callable[[Array], Array]) -> Quantized:
        """Apply a function that only moves elements."""
        return Quantized(function(self.q), function(self.scale), function(self.zero_point))


@dataclass(frozen=True)
class Accumulator:
    """An exact integer sum that stands for acc * scale / count, clamped to [lower, upper].

    `count` is the number of elements that a pool averages, 1 for a dot product. The clamp is that
    of the Relu and Clip operators between the accumulator and its QuantizeLinear. `channel`: the
    dimension of the outputs, of a dot product to which nothing was applied yet. `addable`: tensors
    that are added to it become integers in its unit. `integer`: ONNX types it as int32.
    """

    acc: Array
    scale: Array
    count: Array
    lower: float = -np.inf
    upper: float = np.inf
    channel: int | None = None
    addable: bool = False
    integer: bool = False

    def requantize(self, scale: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
        """clamp(rint(f32(acc) * f32(self.scale / f32(scale * count))) + zero_point).

        Every step is rounded to float32. `lower` and `upper` become the quantized bounds.
        """
        multiplier = self.scale / (_float32(scale) * self.count.astype(np.float32))
        product = self.acc.astype(np.float32) * multiplier
        value = saturate(np.rint(product), zero_point, dtype)
        lower, upper = (
            quantize(np.float32(bound), scale, zero_point, dtype)
            for bound in (self.lower, self.upper)
        )
        return np.clip(value, lower, upper)

    def clip(self, lower: float, upper: float) -> Accumulator:
        """The clamp to [lower, upper] after those already there."""
        clamp = lambda bound: min(max(bound, lower), upper)  # noqa: E731
        return replace(self, lower=clamp(self.lower), upper=clamp(self.upper), channel=None)

    def affine(self, gain: Array, offset: Array) -> Accumulator:
        """gain * self + offset as one exact sum.

        The gain's size goes into the scale and its sign into the sum; the offset is rounded to
        the new scale, ties to even. A gain of zero leaves the offset in steps of the old scale.
        """
        size = np.abs(_float32(gain))
        scale = np.where(size == 0, self.scale, self.scale * size)
        steps = np.rint(np.asarray(offset, np.float64) / scale.astype(np.float64))
        acc = np.sign(gain).astype(np.int64) * self.acc + steps.astype(np.int64)
        count = np.broadcast_to(self.count, acc.shape)
        scale = np.broadcast_to(scale, acc.shape)
        return Accumulator(acc, scale, count, channel=self.channel, addable=True)

    def add(self, tensor: Array, sign: int = 1) -> Accumulator:
        """self + sign * tensor as one exact sum: both, and the clamp, in steps of the scale."""
        scale = self.scale.astype(np.float64)
        steps = sign * np.rint(tensor.astype(np.float64) / scale).astype(np.int64)
        lower, upper = np.rint(self.lower / scale), np.rint(self.upper / scale)
        acc = np.clip(self.acc, lower, upper).astype(np.int64) + steps
        return Accumulator(acc, self.scale, self.count, addable=True)

    def real(self) -> Array:
        """The value in float32, for a float operator; int32 if it is typed so."""
        if self.integer:
            return self.acc.astype(np.int32)
        value = self.acc.astype(np.float32) * (self.scale / self.count.astype(np.float32))
        return np.clip(value, np.float32(self.lower), np.float32(self.upper))

    def move(self, function: Callable[[Array], Array]) -> Accumulator:
        """Apply a function that only moves elements."""
        return replace(
            self,
            acc=function(self.acc),
            scale=function(self.scale),
            count=function(self.count),
            channel=None,
            addable=False,
        )


@dataclass(frozen=True)
class Softmax:
    """The softmax of 8-bit integers x along the last axis of rows.

    `restore` brings the rows back to the shape of the tensor.
    """

    rows: Array
    scale: Array
    restore: Callable[[Array], Array]

    def requantize(self, scale: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
        """onnxruntime's integer rule: t / sum(t) of exponentials t in steps of 1 / most.

        clamp(rint(t * floor(1 / scale) / sum(t)) + zero_point), the quotient exact.
        """
        most = min((2**32 - 1) / self.rows.shape[-1], 2.0**23 - 1)
        exponents = [math.exp((i - 255) * float(self.scale)) for i in range(256)]
        table = np.rint(np.asarray(exponents) * most).astype(np.int64)
        x = self.rows.astype(np.int64)
        t = table[x - x.max(axis=-1, keepdims=True) + 255]
        total = t.sum(axis=-1, keepdims=True)
        factor = min(int(np.floor(np.float32(1) / _float32(scale.flat[0]))), 2**20)
        quotient, rest = np.divmod(t * factor, total)
        # Ties to even: twice the rest, and one more if the quotient is odd, exceeds the sum.
        quotient += 2 * rest + quotient % 2 > total
        return self.restore(saturate(quotient, zero_point.flat[0], dtype))

    def real(self) -> Array:
        """ONNX's softmax in float32."""
        x = self.rows.astype(np.float32) * self.scale
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return self.restore(powers / powers.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Parts:
    """Tensors that are quantized one by one, and then combined as integers.

    `combine` joins them, or chooses the larger or smaller elements: functions that commute with
    every quantization, as movements do. A movement gets the constant of a padding beside the
    array: the number itself, or its integer.
    """

    parts: tuple[Array | Quantized | Accumulator | Softmax | Parts, ...]
    combine: Callable[[list[Array]], Array]
    movements: tuple[tuple[Callable[[Array, Any], Array], float], ...] = ()

    def requantize(self, scale: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
        """Every part by its own rule; one scale and zero point."""
        value = self.combine([requantize(part, scale, zero_point, dtype) for part in self.parts])
        for function, fill in self.movements:
            value = function(value, quantize(np.float32(fill), scale, zero_point, dtype))
        return value

    def real(self) -> Array:
        """The value in float32."""
        value = self.combine([real(part) for part in self.parts])
        for function, fill in self.movements:
            value = function(value, np.float32(fill))
        return value

    def clip(self, lower: float, upper: float) -> Parts:
        """The clamp of every part."""
        parts = tuple(
            part.clip(lower, upper)
            if isinstance(part, Accumulator | Parts)
            else np.clip(real(part), np.float32(lower), np.float32(upper))
            for part in self.parts
        )
        clamp = lambda fill: min(max(fill, lower), upper)  # noqa: E731
        movements = tuple((function, clamp(fill)) for function, fill in self.movements)
        return Parts(parts, self.combine, movements)

    def move(self, function: Callable[[Array], Array]) -> Parts:
        """Apply a function that only moves elements."""
        return self.pad(lambda array, fill: function(array), 0.0)

    def pad(self, function: Callable[[Array, Any], Array], fill: float) -> Parts:
        """Apply a function that moves elements and adds a constant."""
        return replace(self, movements=(*self.movements, (function, fill)))


Value: TypeAlias = Array | Quantized | Accumulator | Parts


def requantize(value: Value, scale: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
    """Any value as 8-bit integers: sums and their parts by their own rule, the rest as ONNX says.

    Scale and zero point are broadcast to the value.
    """
    if isinstance(value, Accumulator | Softmax | Parts):
        return value.requantize(scale, zero_point, dtype)
    return quantize(real(value), scale, zero_point, dtype)


def real(value: Value) -> Array:
    """The float32 tensor that a value stands for; plain arrays are themselves."""
    return value if isinstance(value, np.ndarray) else value.real()


def move(value: Value, function: Callable[[Array], Array]) -> Value:
    """Apply a function that only moves elements; it commutes with every quantization."""
    return function(value) if isinstance(value, np.ndarray) else value.move(function)


def along(parameter: Array, axis: int, shape: tuple[int, ...]) -> Array:
    """A scalar, or a vector along `axis`, broadcast to `shape`."""
    if parameter.size == 1:
        return np.broadcast_to(parameter.reshape(()), shape)
    if parameter.ndim != 1 or not -len(shape) <= axis < len(shape):
        raise ValueError("is neither per tensor nor per axis")
    extents = [1] * len(shape)
    extents[axis] = -1
    return np.broadcast_to(parameter.reshape(extents), shape)


def _float32(array: Array) -> Array:
    return np.asarray(array, np.float32)

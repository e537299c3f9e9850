# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a tensor of a quantized graph is: integers with a scale, an accumulator, or floats.

DequantizeLinear computes nothing here: it attaches a scale and a zero point to its integers.
Operators that have an integer form work on those integers; the others ask for `real()`.
Scales and zero points are kept with one entry per element (broadcast views), so that moving data
(Reshape, Transpose) is the same function applied to all of them, whatever axis they came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
INT32 = np.iinfo(np.int32)


def quantize(real: Array, scale: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
    """ONNX QuantizeLinear: clamp(rint(real / scale) + zero_point), the quotient in float32.

    rint rounds ties to even; the clamp is to the range of `dtype`.
    """
    with np.errstate(over="ignore"):  # An infinite quotient is clamped like any other.
        return saturate(np.rint(_float32(real) / _float32(scale)), zero_point, dtype)


def saturate(rounded: Array, zero_point: Array, dtype: np.dtype[Any]) -> Array:
    """clamp(rounded + zero_point) to `dtype`; the sum is exact in float64."""
    limits = np.iinfo(dtype)
    return np.clip(rounded.astype(np.float64) + zero_point, limits.min, limits.max).astype(dtype)


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
    of the Relu and Clip operators between the accumulator and its QuantizeLinear.
    """

    acc: Array
    scale: Array
    count: Array
    lower: float = -np.inf
    upper: float = np.inf

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
        return replace(self, lower=clamp(self.lower), upper=clamp(self.upper))

    def real(self) -> Array:
        """The value in float32, for a float operator at the graph's edge."""
        value = self.acc.astype(np.float32) * (self.scale / self.count.astype(np.float32))
        return np.clip(value, np.float32(self.lower), np.float32(self.upper))

    def move(self, function: Callable[[Array], Array]) -> Accumulator:
        """Apply a function that only moves elements."""
        return replace(
            self, acc=function(self.acc), scale=function(self.scale), count=function(self.count)
        )


Value: TypeAlias = Array | Quantized | Accumulator


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

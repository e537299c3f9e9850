# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws the nodes and constants of one layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bitnn.randomlayers.layer import Layer, Options
from bitnn.values import Array


@dataclass(frozen=True)
class Activation:
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
class Builder:
    name: str
    kind: str
    large: bool
    rng: np.random.Generator
    options: Options
    make: Callable[[Builder], Activation]
    qdq_only: bool = False
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    scales: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    names: int = 0

    def build(self) -> Layer:
        self.form = self.pick(self.options.forms)
        if self.qdq_only and "qdq" in self.options.forms:
            self.form = "qdq"
        self.float_edges = self.options.float_edges and self.chance(0.3)
        # Ties appear where every scale is a small multiple of a power of two.
        self.scale_family = self.pick(self.options.scale_families)
        self.dtype = np.dtype(self.pick(self.options.activations))
        self.output(self.make(self))
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

    def quantization(self, x: Activation) -> list[str]:
        return [
            self.constant(np.asarray(x.scale), "scale"),
            self.constant(np.asarray(x.zero_point, x.dtype), "zero"),
        ]

    def dequantize(self, x: Activation) -> str:
        return self.node("DequantizeLinear", [x.name, *self.quantization(x)])

    def quantize(self, real: str, y: Activation) -> Activation:
        return self.renamed(y, self.node("QuantizeLinear", [real, *self.quantization(y)]))

    def renamed(
        self, x: Activation, name: str, shape: tuple[int, ...] | None = None
    ) -> Activation:
        return Activation(name, shape or x.shape, x.dtype, x.scale, x.zero_point)

    def like(self, shape: tuple[int, ...], scale: np.float32) -> Activation:
        return Activation("", shape, self.dtype, scale, self.zero_point(self.dtype))

    def input(self, shape: tuple[int, ...]) -> Activation:
        x = self.like(shape, self.scale())
        name = self.fresh("in")
        self.scales[name] = float(x.scale)
        kind = TensorProto.FLOAT if self.float_edges else helper.np_dtype_to_tensor_dtype(x.dtype)
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return self.quantize(name, x) if self.float_edges else self.renamed(x, name)

    def output(self, y: Activation) -> None:
        name = self.dequantize(y) if self.float_edges else y.name
        kind = TensorProto.FLOAT if self.float_edges else helper.np_dtype_to_tensor_dtype(y.dtype)
        self.outputs.append(helper.make_tensor_value_info(name, kind, y.shape))

    def qdq(
        self, x: Activation, y: Activation, op: str, *more: str, **attributes: object
    ) -> Activation:
        """DequantizeLinear, a float operator, QuantizeLinear."""
        return self.quantize(self.node(op, [self.dequantize(x), *more], **attributes), y)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantized graphs in ONNX's QDQ form: uint8 activations, int8 weights per output channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Quantized:
    """A uint8 tensor of the graph and the names of its scale and zero point."""

    tensor: str
    scale: str
    zero_point: str


class QdqBuilder:
    """Adds nodes one by one. Each reader dequantizes for itself, as onnxruntime wants it."""

    def __init__(self, ranges: dict[str, tuple[float, float]]) -> None:
        self.ranges = ranges
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.edges: dict[str, onnx.ValueInfoProto] = {}

    def input(self, name: str, shape: Sequence[int]) -> Quantized:
        """A float32 input of the graph, quantized."""
        self.edges["input"] = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        return self._quantize(name, name)

    def output(self, value: Quantized, shape: Sequence[int]) -> None:
        """A float32 output of the graph, named as the value was."""
        name = value.scale.removesuffix(".scale")
        operands = [value.tensor, value.scale, value.zero_point]
        self._node("DequantizeLinear", f"{name}.dequantize", operands, name)
        self.edges["output"] = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def weighted(
        self,
        op: str,
        name: str,
        x: Quantized,
        weights: Array,
        bias: Array,
        relu: bool = False,
        **attributes: Any,  # noqa: ANN401 - ONNX attributes are untyped
    ) -> Quantized:
        """A Conv or Gemm; its bias is int32 in the accumulator's scale."""
        largest = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
        scales = (np.maximum(largest, 1e-6) / 127).astype(np.float32)
        column = scales.reshape(-1, *[1] * (weights.ndim - 1))
        accumulator = np.float32(self.constants[x.scale]) * scales
        operands = [
            self._dequantize(name, x),
            self._constant(f"{name}.weight", np.rint(weights / column).astype(np.int8), scales),
            self._constant(
                f"{name}.bias", np.rint(bias / accumulator).astype(np.int32), accumulator
            ),
        ]
        return self._finish(op, name, operands, relu, attributes)

    def operator(
        self,
        op: str,
        name: str,
        inputs: Sequence[Quantized],
        relu: bool = False,
        **attributes: Any,  # noqa: ANN401 - ONNX attributes are untyped
    ) -> Quantized:
        """An operator between quantized tensors."""
        operands = [self._dequantize(f"{name}.{i}", x) for i, x in enumerate(inputs)]
        return self._finish(op, name, operands, relu, attributes)

    def moved(self, op: str, name: str, x: Quantized, **attributes: Any) -> Quantized:  # noqa: ANN401
        """An operator that computes no new values: it keeps the scale of its operand."""
        self.constants[f"{name}.scale"] = self.constants[x.scale]
        self.constants[f"{name}.zero_point"] = self.constants[x.zero_point]
        self._node(op, name, [self._dequantize(name, x)], f"{name}.real", attributes)
        return self._quantize(name, f"{name}.real")

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "digits",
            [self.edges["input"]],
            [self.edges["output"]],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="bitnn", ir_version=8
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _finish(
        self, op: str, name: str, operands: list[str], relu: bool, attributes: dict[str, Any]
    ) -> Quantized:
        real = f"{name}.real"
        self._node(op, name, operands, f"{name}.sum" if relu else real, attributes)
        if relu:
            self._node("Relu", f"{name}.relu", [f"{name}.sum"], real)
        return self._quantize(name, real)

    def _quantize(self, name: str, real: str) -> Quantized:
        value = Quantized(f"{name}.q", f"{name}.scale", f"{name}.zero_point")
        if value.scale not in self.constants:
            scale, zero_point = affine(*self.ranges[name])
            self.constants[value.scale] = scale
            self.constants[value.zero_point] = zero_point
        operands = [real, value.scale, value.zero_point]
        self._node("QuantizeLinear", f"{name}.quantize", operands, value.tensor)
        return value

    def _dequantize(self, reader: str, x: Quantized) -> str:
        result = f"{reader}.input"
        operands = [x.tensor, x.scale, x.zero_point]
        self._node("DequantizeLinear", f"{reader}.dequantize_input", operands, result)
        return result

    def _constant(self, name: str, integers: Array, scales: Array) -> str:
        """A constant behind its DequantizeLinear, quantized along its first axis."""
        self.constants[f"{name}.q"] = integers
        self.constants[f"{name}.scale"] = scales
        self.constants[f"{name}.zero_point"] = np.zeros(len(scales), integers.dtype)
        operands = [f"{name}.{part}" for part in ("q", "scale", "zero_point")]
        self._node("DequantizeLinear", f"{name}.dequantize", operands, name, {"axis": 0})
        return name

    def _node(
        self,
        op: str,
        name: str,
        operands: list[str],
        result: str,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self.nodes.append(helper.make_node(op, operands, [result], name=name, **(attributes or {})))


def affine(lowest: float, highest: float) -> tuple[Array, Array]:
    """Scale and zero point of uint8 values that cover a range and zero."""
    lowest, highest = min(lowest, 0.0), max(highest, 0.0)
    scale = np.float32((highest - lowest) / 255)
    return np.asarray(scale), np.asarray(np.rint(-lowest / scale), np.uint8)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A random layer, and many of them in one model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from bitnn.values import Array

OPSET, IR_VERSION = 19, 9
# What operators are younger than that.
NEWEST = {"Gelu": (20, 9), "Swish": (24, 11)}
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
        return {edge.name: random_input(rng, edge, self.scales[edge.name]) for edge in self.inputs}


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
    young = [NEWEST[node.op_type] for node in graph.node if node.op_type in NEWEST]
    opset, ir_version = max([(OPSET, IR_VERSION), *young])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(
        graph, opset_imports=opsets, ir_version=ir_version, producer_name="bitnn"
    )
    onnx.checker.check_model(model)
    return model


def random_input(rng: np.random.Generator, edge: onnx.ValueInfoProto, scale: float) -> Array:
    """Noise for one input of the graph; `scale` is that of its first quantization."""
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

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The digits network: float32 layers for training, and the same layers as int8 ONNX."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from qdq import QdqBuilder, Quantized
from torch import Tensor, nn
from torch.nn import functional

Activations: TypeAlias = dict[str, Tensor]


class Digits(nn.Module):
    """8x8 grey levels to ten scores."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 16, 1)
        self.residual = nn.Conv2d(16, 16, 3, padding=1)
        self.strided = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.scores = nn.Linear(32, 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.activations(image)["scores"]

    def activations(self, image: Tensor) -> Activations:
        """Every tensor that the ONNX graph quantizes, by its name there."""
        at: Activations = {"image": image}
        at["first"] = functional.relu(self.first(image))
        at["depthwise"] = functional.relu(self.depthwise(at["first"]))
        at["pointwise"] = functional.relu(self.pointwise(at["depthwise"]))
        at["pooled"] = functional.max_pool2d(at["pointwise"], 2)
        at["residual"] = self.residual(at["pooled"])
        at["sum"] = functional.relu(at["residual"] + at["pooled"])
        at["strided"] = functional.relu(self.strided(at["sum"]))
        at["average"] = at["strided"].mean((2, 3))
        at["scores"] = self.scores(at["average"])
        return at


def build_onnx(network: Digits, ranges: dict[str, tuple[float, float]]) -> QdqBuilder:
    """The quantized graph of a trained network; `ranges` are those of its activations."""
    graph = QdqBuilder(ranges)

    def convolution(name: str, x: Quantized, relu: bool = True) -> Quantized:
        layer: nn.Conv2d = getattr(network, name)
        attributes = {
            "kernel_shape": list(layer.kernel_size),
            "strides": list(layer.stride),
            "pads": 2 * list(layer.padding),
            "group": layer.groups,
        }
        return graph.weighted("Conv", name, x, *_parameters(layer), relu=relu, **attributes)

    image = graph.input("image", [1, 1, 8, 8])
    first = convolution("first", image)
    depthwise = convolution("depthwise", first)
    pointwise = convolution("pointwise", depthwise)
    pooled = graph.moved("MaxPool", "pooled", pointwise, kernel_shape=[2, 2], strides=[2, 2])
    residual = convolution("residual", pooled, relu=False)
    total = graph.operator("Add", "sum", [residual, pooled], relu=True)
    strided = convolution("strided", total)
    average = graph.operator("GlobalAveragePool", "average", [strided])
    flat = graph.moved("Flatten", "flat", average, axis=1)
    scores = graph.weighted("Gemm", "scores", flat, *_parameters(network.scores), transB=1)
    graph.output(scores, [1, 10])
    return graph


def _parameters(layer: nn.Conv2d | nn.Linear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()

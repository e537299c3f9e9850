# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The building block all networks share."""

from __future__ import annotations

from torch import nn


def conv(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int] = 3,
    stride: int | tuple[int, int] = 1,
    groups: int = 1,
    relu: bool = True,
    padding: int | tuple[int, int] | None = None,
) -> nn.Sequential:
    """Convolution, BatchNorm and, on request, ReLU; the default padding keeps the size."""
    if padding is None:
        edges = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (edges[0] // 2, edges[1] // 2)
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Depthwise 3x3, then pointwise: the block of MobileNetV1 and DS-CNN."""
    return nn.Sequential(conv(inputs, inputs, 3, stride, groups=inputs), conv(inputs, outputs, 1))


def head(channels: int, classes: int) -> list[nn.Module]:
    """Average over all positions, then a linear layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]

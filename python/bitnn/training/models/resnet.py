# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Residual networks for small images (He et al. 2016)."""

from __future__ import annotations

import torch
from torch import nn

from bitnn.training.models.blocks import conv, head


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, 1x1 where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = conv(inputs, outputs, 3, stride)
        self.second = conv(outputs, outputs, 3, relu=False)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else conv(inputs, outputs, 1, stride, relu=False)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.second(self.first(x)) + self.shortcut(x))


def _resnet(channels: int, classes: int, widths: list[int], depth: int) -> nn.Module:
    """`depth` blocks of each width; every width but the first halves the image."""
    layers: list[nn.Module] = [conv(channels, widths[0])]
    inputs = widths[0]
    for stage, width in enumerate(widths):
        for k in range(depth):
            layers.append(Block(inputs, width, 2 if stage and not k else 1))
            inputs = width
    return nn.Sequential(*layers, *head(inputs, classes))


def resnet8(channels: int, classes: int, size: int) -> nn.Module:
    """MLPerf Tiny's image classification network: 77,360 weights, 12.50 M MACs on CIFAR-10."""
    return _resnet(channels, classes, [16, 32, 64], 1)


def resnet20(channels: int, classes: int, size: int) -> nn.Module:
    """The paper's CIFAR network with 1x1 shortcuts."""
    return _resnet(channels, classes, [16, 32, 64], 3)


def resnet18(channels: int, classes: int, size: int) -> nn.Module:
    """ResNet-18 with the CIFAR stem: 3x3, no pooling. Bit-Pruning's network."""
    return _resnet(channels, classes, [64, 128, 256, 512], 2)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ConvNeXt (Liu et al. 2022) made of operators that become integer.

GELU is ReLU, as in Bit-Pruning; LayerNorm is BatchNorm, which folds into the convolution before
it, and the learned scale of a block is folded with it.
"""

from __future__ import annotations

import torch
from torch import nn

from bitnn.training.models.blocks import conv, head


class Block(nn.Module):
    """Depthwise 7x7, then 1x1 to four times the width and back, beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = conv(width, width, 7, groups=width, relu=False)
        self.expand = conv(width, 4 * width, 1)
        self.project = conv(4 * width, width, 1, relu=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.project(self.expand(self.spatial(x)))


def _convnext(
    channels: int, classes: int, widths: list[int], depths: list[int], patch: int
) -> nn.Module:
    layers: list[nn.Module] = [conv(channels, widths[0], patch, patch, relu=False, padding=0)]
    inputs = widths[0]
    for width, depth in zip(widths, depths, strict=True):
        if width != inputs:
            layers.append(conv(inputs, width, 2, 2, relu=False, padding=0))
            inputs = width
        layers.extend(Block(width) for _ in range(depth))
    return nn.Sequential(*layers, *head(inputs, classes))


def convnext_base(channels: int, classes: int, size: int) -> nn.Module:
    """ConvNeXt-Base for 224x224, the paper's ImageNet network."""
    return _convnext(channels, classes, [128, 256, 512, 1024], [3, 3, 27, 3], 4)


def convnext_small_images(channels: int, classes: int, size: int) -> nn.Module:
    """The same recipe at a size that trains on 32x32 images."""
    return _convnext(channels, classes, [32, 64, 128], [2, 2, 2], 2)

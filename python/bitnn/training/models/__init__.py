# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks of the benchmarks, in float: `prepare` quantizes them.

All are made of convolutions, BatchNorm, ReLU, pooling, residual additions and linear layers, so
that all of each becomes integer. `build` knows them by name.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from bitnn.errors import BitnnError
from bitnn.training.models import convnext, resnet, small

# name: (channels, classes, size) -> module on images [B, channels, size, size]
MODELS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "mlp": small.mlp,
    "lenet": small.lenet,
    "resnet8": resnet.resnet8,
    "resnet20": resnet.resnet20,
    "resnet18": resnet.resnet18,
    "ds-cnn": small.ds_cnn,
    "mobilenet": small.mobilenet,
    "autoencoder": small.autoencoder,
    "convnext": convnext.convnext_small_images,
    "convnext-base": convnext.convnext_base,
}


def build(name: str, channels: int, classes: int, size: int) -> nn.Module:
    """The model by name for images `[B, channels, size, size]`, with torch's random weights."""
    if name not in MODELS:
        raise BitnnError(f"there is no model '{name}'; there are {', '.join(MODELS)}")
    return MODELS[name](channels, classes, size)


__all__ = ["MODELS", "build"]

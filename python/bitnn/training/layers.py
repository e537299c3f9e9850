# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The quantized layers, and what is done to all of a model's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bitnn.errors import BitnnError
from bitnn.training.quantized_layer import Assign, QuantizedLayer
from bitnn.training.scales import step_per_rms

__all__ = [
    "Assign",
    "QuantizedConv1d",
    "QuantizedConv2d",
    "QuantizedLayer",
    "QuantizedLinear",
    "estimate_statistics",
    "freeze_statistics",
    "iter_quantized_layers",
    "step_per_rms",
]


class QuantizedLinear(QuantizedLayer):
    """x [N, in] -> [N, out]; weight [out, in]."""

    def _sums(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.linear(x, weight)


class _QuantizedConv(QuantizedLayer):
    """A convolution that pads with zeros; strides, padding and dilation per spatial dimension."""

    def _take_geometry(self, layer: nn.Module) -> None:
        if layer.padding_mode != "zeros":
            raise BitnnError(f"padding_mode '{layer.padding_mode}' is not supported, use 'zeros'")
        self.kernel_size, self.groups = tuple(layer.kernel_size), layer.groups
        self.stride, self.dilation = tuple(layer.stride), tuple(layer.dilation)
        self.padding = _padding(layer)


class QuantizedConv1d(_QuantizedConv):
    """x [N, in, L]; weight [out, in / groups, K]."""

    def _sums(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.conv1d(x, weight, None, self.stride, self.padding, self.dilation, self.groups)


class QuantizedConv2d(_QuantizedConv):
    """x [N, in, H, W]; weight [out, in / groups, KH, KW]."""

    def _sums(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, None, self.stride, self.padding, self.dilation, self.groups)


def iter_quantized_layers(model: nn.Module) -> Iterator[tuple[str, QuantizedLayer]]:
    """Path and layer, in the order of the model's forward pass."""
    layers = {name: m for name, m in model.named_modules() if isinstance(m, QuantizedLayer)}
    graph = getattr(model, "graph", None)
    order = [] if graph is None else [str(node.target) for node in graph.nodes]
    for name in [name for name in order if name in layers] or layers:
        yield name, layers[name]


def freeze_statistics(model: nn.Module, frozen: bool = True) -> None:
    """From here on, train with BatchNorm's running statistics: those that will be deployed."""
    for _, layer in iter_quantized_layers(model):
        layer.statistics_frozen = frozen


@torch.no_grad()
def estimate_statistics(model: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Replace BatchNorm's running statistics by means over `inputs`, batches as in training.

    Weights with few digits jump: one between 32 and 64 goes there and back as its gradient changes
    its sign. Running statistics follow behind; these are those of the integers as they are now.
    Afterwards the model is in eval mode.
    """
    norms = [layer.norm for _, layer in iter_quantized_layers(model) if layer.norm is not None]
    momenta = [norm.momentum for norm in norms]
    freeze_statistics(model, False)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # The mean over all batches.
    model.train()
    for batch in inputs if norms else ():
        model(batch)
    model.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _padding(layer: nn.Module) -> tuple[int, ...]:
    if layer.padding == "valid":
        return (0,) * len(layer.kernel_size)
    if layer.padding != "same":
        return tuple(layer.padding)
    total = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if any(extent % 2 for extent in total):
        raise BitnnError("padding 'same' with an even kernel is not symmetric; give it as numbers")
    return tuple(extent // 2 for extent in total)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What convolutions and matrix products with integer weights share, BatchNorm and ReLU included.

A layer is what one operator of the exported network is: integer weights, an integer bias, one
multiplier per output channel, and the step of its output. BatchNorm is part of that multiplier and
bias and never of the weights' integers.

While training, the forward pass rounds weights and outputs in floating point. In eval mode it
computes exactly what the exported integers do, so an accuracy measured in eval mode is that of the
deployed network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bitnn.errors import BitnnError
from bitnn.training.quantizers import ActivationQuantizer, follow
from bitnn.training.scales import step_per_rms

Assign: TypeAlias = Callable[[Tensor], Tensor]
BatchNorm: TypeAlias = nn.BatchNorm1d | nn.BatchNorm2d

# float32 sums of integers are exact below 2^24, whatever their order.
EXACT_IN_FLOAT32 = 1 << 24
# Keeps multipliers positive, and with them the scales of the exported weights.
SMALLEST_GAMMA = 1e-4
LARGEST_BIAS = (1 << 30) - 1


@dataclass(frozen=True)
class Integers:
    """One layer as exported: acc = bias + sum(weight * x), real value acc * x_step * scale.

    weight, in the layer's shape, and bias [out]: integers of type `exact`, a floating-point type in
    which the sum is exact; scale: [out] float32.
    """

    weight: Tensor
    bias: Tensor
    scale: Tensor
    input_step: Tensor
    exact: torch.dtype


class QuantizedLayer(nn.Module):
    """What convolutions and matrix products share; see the subclasses for their geometry.

    weight: float master weights. scale: [out], the step of their grid. positions: output positions
    per sample, measured by `prepare`. assign: maps grid coordinates (weight / scale) to integers in
    [-limit, limit]; None rounds to the nearest. Its result is used straight-through.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    scale: Tensor
    exponent: Tensor | None

    def __init__(
        self,
        layer: nn.Module,
        norm: BatchNorm | None,
        source: ActivationQuantizer,
        output: ActivationQuantizer,
        *,
        weight_bits: int = 8,
        per_channel: bool = True,
        power_of_two: bool = False,
    ) -> None:
        super().__init__()
        if not 2 <= weight_bits <= 8:
            raise BitnnError(f"weights have 2 to 8 bits, not {weight_bits}")
        self.weight_bits, self.per_channel = weight_bits, per_channel
        self.power_of_two = power_of_two
        self.limit = (1 << weight_bits - 1) - 1
        self.weight = nn.Parameter(layer.weight.detach().clone())
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone())
        self.norm, self.output = norm, output
        self._take_geometry(layer)
        # A tuple: the quantizer belongs to the module that makes these activations.
        self._source = (source,)
        self.positions = 0
        self.assign: Assign | None = None
        self.statistics_frozen = False
        self.register_buffer("scale", torch.ones(len(self.weight)))
        # log2 of the multipliers, which follow BatchNorm as tied steps follow what is learned.
        self.register_buffer("exponent", torch.zeros(len(self.weight)) if power_of_two else None)
        if norm is not None:
            self._take_norm(norm)
        self.refresh_scale(at_once=True)
        self._follow(at_once=True)

    def _take_geometry(self, layer: nn.Module) -> None:
        """Take over what a kind of layer has besides its weights."""

    # --- Size -----------------------------------------------------------------------------------

    @property
    def fan_in(self) -> int:
        """Products per output."""
        return self.weight[0].numel()

    @property
    def macs(self) -> int:
        """Dense multiply-accumulates per sample."""
        return self.weight.numel() * self.positions

    @property
    def source(self) -> ActivationQuantizer:
        """The quantizer of the layer's input."""
        return self._source[0]

    # --- Weights --------------------------------------------------------------------------------

    def _along(self, per_channel: Tensor) -> Tensor:
        return per_channel.view(-1, *[1] * (self.weight.dim() - 1))

    def grid_weight(self) -> Tensor:
        """weight / scale: the weights in steps of their grid, differentiable."""
        return self.weight / self._along(self.scale)

    @torch.no_grad()
    def integer_weight(self) -> Tensor:
        """The integers that are exported: int32 in the weights' shape."""
        return self._assigned(self.grid_weight()).to(torch.int32)

    def _assigned(self, grid: Tensor) -> Tensor:
        grid = grid.detach()
        integers = grid.round() if self.assign is None else self.assign(grid).to(grid.dtype)
        return integers.clamp(-self.limit, self.limit)

    def quantized_weight(self) -> Tensor:
        """The integers times their scale; the gradient passes straight through to `weight`."""
        grid = self.grid_weight()
        integers = self._assigned(grid)
        return (grid + (integers - grid).detach()) * self._along(self.scale)

    @torch.no_grad()
    def refresh_scale(self, scale: Tensor | None = None, at_once: bool = False) -> None:
        """Set the grid's steps, [out] or 0-dimensional; by default from the weights' RMS.

        Without a BatchNorm they are the multipliers. Powers of two then change only where they are
        far from what is asked for, unless `at_once`.
        """
        if scale is None:
            spread = self.weight.flatten(1).square()
            mean = spread.mean(1) if self.per_channel else spread.mean()
            scale = mean.sqrt() * step_per_rms(self.weight_bits)
            # A channel of zeros has no step of its own.
            scale = scale.where(scale > 0, scale.max() if scale.max() > 0 else torch.ones(()))
        if self.power_of_two and self.norm is None:
            scale = torch.exp2(follow(self.scale.log2(), scale.log2(), at_once))
        self.scale.copy_(scale.expand_as(self.scale))
        if self.norm is None:
            self._follow(at_once=True)

    # --- BatchNorm ------------------------------------------------------------------------------

    @torch.no_grad()
    def _take_norm(self, norm: BatchNorm) -> None:
        """Make its gains positive by flipping weights, and let it absorb the bias."""
        if norm.running_mean is None:
            raise BitnnError("a BatchNorm without running statistics cannot be exported")
        if self.bias is not None:
            norm.running_mean -= self.bias
            self.bias = None
        if norm.weight is not None:
            sign = norm.weight.sign().where(norm.weight != 0, torch.ones_like(norm.weight))
            norm.weight *= sign
            norm.running_mean *= sign
            self.weight *= self._along(sign)

    def _gamma(self) -> Tensor | None:
        """BatchNorm's gain; its sign is the weights' business."""
        gain = self.norm.weight
        return None if gain is None else gain.abs().clamp(min=SMALLEST_GAMMA)

    def _normalize(self, sums: Tensor) -> Tensor:
        """BatchNorm of the sums, with the statistics of this batch while they are not frozen."""
        norm = self.norm
        live = self.training and not self.statistics_frozen
        if live and norm.num_batches_tracked is not None:
            norm.num_batches_tracked += 1
        momentum = norm.momentum
        if momentum is None:
            momentum = 1.0 / float(norm.num_batches_tracked) if live else 0.0
        sums = sums.float()
        statistics = norm.running_mean, norm.running_var
        if self.exponent is None:
            gamma = self._gamma()
            return F.batch_norm(sums, *statistics, gamma, norm.bias, live, momentum, norm.eps)
        # The same, which also gives 1 / sqrt(variance + eps) of the batch.
        y, _, gain = torch.native_batch_norm(
            sums, self._gamma(), norm.bias, *statistics, live, momentum, norm.eps
        )
        with torch.no_grad():
            if live:
                self._follow(at_once=self.output.calibrating)
            unit = self._unit(gain if live else self._running_gain())
            shape = [1, -1] + [1] * (sums.dim() - 2)
            ratio = (self._power() / unit).view(shape)
        # The gain by another one; the gradient passes straight through.
        y = y * ratio
        return y if norm.bias is None else y + norm.bias.view(shape) * (1 - ratio)

    def _running_gain(self) -> Tensor | float:
        """[out] 1 / sqrt(variance + eps) of the running statistics."""
        return 1.0 if self.norm is None else (self.norm.running_var + self.norm.eps).rsqrt()

    def _unit(self, gain: Tensor | float) -> Tensor:
        """[out] real value of one unit of the integer sum, over the input's step."""
        gamma = None if self.norm is None else self._gamma()
        return self.scale * (gain if gamma is None else gain * gamma)

    @torch.no_grad()
    def _follow(self, at_once: bool = False) -> None:
        """Let the powers of two follow the running statistics; not those of a batch, which vary."""
        if self.exponent is not None:
            unit = self._unit(self._running_gain())
            self.exponent.copy_(follow(self.exponent, unit.log2(), at_once))

    def _power(self) -> Tensor:
        # Processes that train together may have averaged their buffers.
        return torch.exp2(self.exponent.round())

    def _deployed_unit(self) -> tuple[Tensor, Tensor]:
        """[out] the unit as it is deployed, and the bias, from the running statistics."""
        norm = self.norm
        unit = self._unit(self._running_gain())
        if self.exponent is not None:
            unit = self._power()
        if norm is None:
            return unit, torch.zeros_like(unit) if self.bias is None else self.bias
        shift = -unit / self.scale * norm.running_mean
        return unit, shift if norm.bias is None else shift + norm.bias

    # --- Forward --------------------------------------------------------------------------------

    def forward(self, x: Tensor) -> Tensor:
        if not self.training and not self.output.calibrating:
            return self._deployed(x)
        sums = self._sums(x, self.quantized_weight())
        if self.norm is not None:
            sums = self._normalize(sums)
        elif self.bias is not None:
            sums = sums + self.bias.view(1, -1, *[1] * (sums.dim() - 2))
        return self.output(sums)

    @torch.no_grad()
    def integers(self) -> Integers:
        """The layer as it is deployed now, from BatchNorm's running statistics."""
        unit, shift = self._deployed_unit()
        step = self.source.value()
        weight = self.integer_weight().double()
        bias = (shift.double() / (step.double() * unit.double())).round()
        bias = bias.clamp(-LARGEST_BIAS, LARGEST_BIAS)
        extreme = max(-self.source.lower, self.source.upper)
        bound = float((weight.flatten(1).abs().sum(1) * extreme + bias.abs()).max())
        # Only processors are known to add without transforming (Winograd, FFT) first.
        plain = weight.device.type == "cpu" and bound < EXACT_IN_FLOAT32
        exact = torch.float32 if plain else torch.float64
        return Integers(weight.to(exact), bias.to(exact), unit.float(), step, exact)

    @torch.no_grad()
    def _deployed(self, x: Tensor) -> Tensor:
        """clamp(rint(f32(acc) * f32(f32(x_step * scale) / y_step))), every step in float32."""
        with torch.autocast(x.device.type, enabled=False):
            integers = self.integers()
            q = (x.float() / integers.input_step).round().to(integers.exact)
            acc = self._sums(q, integers.weight).round()
            shape = [1, -1] + [1] * (acc.dim() - 2)
            acc = acc + integers.bias.view(shape)
            step = self.output.value()
            multiplier = (integers.input_step * integers.scale) / step
            y = (acc.float() * multiplier.view(shape)).round()
            return y.clamp(self.output.lower, self.output.upper) * step

    def _sums(self, x: Tensor, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def extra_repr(self) -> str:
        shape = "x".join(map(str, self.weight.shape))
        return f"{shape}, weight_bits={self.weight_bits}, positions={self.positions}"

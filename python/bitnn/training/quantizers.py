# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Activations on a grid with a learned step.

The gradient of a step is that of LSQ (Esser et al., Learned Step Size Quantization, ICLR 2020). The
parameter is its binary logarithm, so that a step stays positive and an optimizer moves it by a
relative amount whatever its size. LSQ's factor 1 / sqrt(features * upper), which fits gradients of
the step itself to those of weights under SGD, is left out: Adam does not see factors, and with this
one gradients fell to its epsilon of 1e-8.

Deployed steps are float32 with short mantissas. Products with 8-bit integers and sums of those are
then exact in float32, and so every evaluation order of an addition or an average gives the same
integers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from bitnn.errors import BitnnError

MANTISSA_BITS = 12
# A step that follows another one by a power of two changes that power only when it is this many
# octaves away: at 0.5 it could flicker between two neighbours.
HYSTERESIS = 0.75


class _LearnedStep(torch.autograd.Function):
    """clamp(round(x / step)) * step, and LSQ's gradients."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, step: Tensor, lower: int, upper: int) -> Tensor:
        grid = x / step
        y = grid.round().clamp_(lower, upper).mul_(step)
        # y is kept anyway, as the next layer's input.
        ctx.save_for_backward(grid, y, step)
        ctx.range = lower, upper
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        grid, y, step = ctx.saved_tensors
        lower, upper = ctx.range
        # The gradient where grid is inside the range, else 0; one pass instead of three.
        inside = torch.ops.aten.hardtanh_backward(gradient, grid, lower, upper)
        # round(grid) - grid inside, the nearest end outside, times the gradient, summed.
        rounded, exact = _dot(gradient, y) / step, _dot(inside, grid)
        return inside, rounded - exact, None, None


class ActivationQuantizer(nn.Module):
    """Real tensors to multiples of a step: [0, 2^bits - 1] or [-2^(bits-1), 2^(bits-1) - 1] of it.

    A free step is learned. A tied one is its base's step times a power of two that follows what is
    learned (`tie`), so that integers of both can be added by shifting; with `locked` the power is
    1. With `power_of_two` the base is the number 1. `limit` is the largest real value that may be
    represented (ReLU6 is a limit of 6).
    """

    log_step: nn.Parameter
    shift: Tensor

    def __init__(
        self,
        bits: int,
        signed: bool,
        *,
        power_of_two: bool = False,
        limit: float | None = None,
        by_range: bool = False,
    ) -> None:
        super().__init__()
        if not 2 <= bits <= 8:
            raise BitnnError(f"activations have 2 to 8 bits, not {bits}")
        self.bits, self.signed = bits, signed
        self.lower = -(1 << bits - 1) if signed else 0
        self.upper = (1 << bits - 1) - 1 if signed else (1 << bits) - 1
        self.power_of_two = power_of_two
        self.limit, self.by_range = limit, by_range
        self.calibrating = False
        self.locked = False
        # A tuple keeps the base out of this module's parameters: its owner has them already.
        self._base: tuple[ActivationQuantizer, ...] = ()
        self.log_step = nn.Parameter(torch.zeros(()))
        self.register_buffer("shift", torch.zeros(()))

    # --- The step -------------------------------------------------------------------------------

    @property
    def zero_point(self) -> int:
        """Of the uint8 form that is exported."""
        return 128 if self.signed else 0

    @property
    def base(self) -> ActivationQuantizer | None:
        return self._base[0] if self._base else None

    def root(self) -> ActivationQuantizer:
        """The quantizer whose step all others of this family follow."""
        return self if self.base is None else self.base.root()

    def tie(self, base: ActivationQuantizer, locked: bool = False) -> None:
        """Follow another step: by powers of two, or exactly when locked."""
        if self.base is not None or base.root() is self:
            raise ValueError("only a root can be tied, and not to its own family")
        self._base, self.locked = (base,), locked
        self.log_step.requires_grad_(not locked)

    @torch.no_grad()
    def value(self) -> Tensor:
        """The step that is deployed: 0-dimensional float32."""
        if self.base is not None:
            return self.base.value() * torch.exp2(self.shift)
        if self.power_of_two:
            return torch.exp2(self.shift)
        return _short(torch.exp2(self.log_step))

    def step(self) -> Tensor:
        """The deployed step, with the gradient of log_step as if it were 2^log_step."""
        value = self.value()
        if self.locked:
            return value if self.base is None else self.base.step()
        return value * torch.exp2(self.log_step - self.log_step.detach())

    @torch.no_grad()
    def follow(self, at_once: bool = False) -> None:
        """Move the power of two to where the learned step is."""
        highest = None
        if self.limit is not None:
            highest = _log2(self.limit / self.upper, self.log_step)
            self.log_step.clamp_(max=highest)
        if self.locked or (self.base is None and not self.power_of_two):
            return
        base = torch.zeros_like(self.shift) if self.base is None else self.base.value().log2()
        shift = follow(self.shift, self.log_step - base, at_once)
        self.shift.copy_(shift if highest is None else shift.minimum((highest - base).floor()))

    # --- Quantization ---------------------------------------------------------------------------

    def forward(self, x: Tensor) -> Tensor:
        if self.calibrating:
            return self._observe(x)
        x = x.float()
        if not self.training:
            return self.integers(x) * self.value()
        self.follow()
        return _LearnedStep.apply(x, self.step(), self.lower, self.upper)

    def integers(self, x: Tensor) -> Tensor:
        """ONNX QuantizeLinear less its zero point: clamp(rint(x / step)) as float32 integers."""
        return (x / self.value()).round().clamp(self.lower, self.upper)

    @torch.no_grad()
    def _observe(self, x: Tensor) -> Tensor:
        """Take the first step from these values and hand them on unrounded."""
        x = x if self.signed else x.clamp(min=0)
        x = x if self.limit is None else x.clamp(max=self.limit)
        size = x.abs().max() if self.by_range else 2 * x.abs().mean() * self.upper**0.5
        if not torch.isfinite(size):
            raise BitnnError(
                "the sample gives activations that are not finite; check model and sample"
            )
        # Nothing was seen of a channel that is zero everywhere: any step will do.
        self.log_step.copy_((size / self.upper).log2() if size > 0 else torch.tensor(-4.0))
        return x

    def extra_repr(self) -> str:
        tied = "" if self.base is None else ", locked" if self.locked else ", tied"
        return f"bits={self.bits}, signed={self.signed}{tied}"


def follow(exponent: Tensor, wanted: Tensor, at_once: bool) -> Tensor:
    """Integers near the real exponents `wanted`: the ones that were there unless too far away."""
    far = (wanted - exponent).abs() > (0.0 if at_once else HYSTERESIS)
    return torch.where(far, wanted.round(), exponent.round())


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """The sum of all products, in memory's order: flattening a channels-last image copies it."""
    order = sorted(range(b.dim()), key=b.stride, reverse=True)
    return torch.dot(a.permute(order).reshape(-1), b.permute(order).reshape(-1))


def _short(step: Tensor) -> Tensor:
    mantissa, exponent = torch.frexp(step)
    unit = float(1 << MANTISSA_BITS)
    return torch.ldexp((mantissa * unit).round() / unit, exponent)


def _log2(value: float, like: Tensor) -> Tensor:
    return torch.tensor(value, dtype=like.dtype, device=like.device).log2()

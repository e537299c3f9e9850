# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bit-pruning to a budget: the digits of all weights compete for a number of executed adds.

A weight `u` (in grid steps) that may keep c digits has the squared error `D_c(u)` of the best
integer with at most c digits. Digit c removes `D_(c-1) - D_c` of it; on the lower convex hull of
D these gains never grow with c, so the best network of a given cost is the one that keeps every
digit whose gain per executed add is above one number. That number is never stored and steered:
the allocation is solved exactly every few steps, and what stays between is each weight's count.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from bitnn.errors import BitnnError
from bitnn.training.digits import count_digits, project, projection_errors
from bitnn.training.layers import QuantizedLayer
from bitnn.training.methods.base import Quiet, adds_per_mac, quantized_layers

CELLS = 32  # Cells of the gain table per grid step.


@cache
def digit_gains(limit: int, encoding: str) -> Tensor:
    """Gain of digit c of a weight at `i / CELLS` grid steps: row c - 1, column i, float32.

    In squared grid steps; columns are non-increasing downwards (slopes of the convex hull).
    """
    most = int(count_digits(torch.arange(limit + 1), encoding).max())
    errors = projection_errors(most, limit, CELLS, encoding)
    gains = errors[:-1] - errors[1:]
    # The slopes of the hull are the non-increasing sequence closest to the gains, which has a
    # closed form: the best end for the worst beginning of a window around c.
    sums = torch.cat([torch.zeros_like(gains[:1]), gains.cumsum(0)])
    rows = []
    for c in range(most):
        ends = range(c + 1, most + 1)
        means = [[(sums[j] - sums[i]) / (j - i) for i in range(c + 1)] for j in ends]
        best = torch.stack([torch.stack(row).amin(0) for row in means]).amax(0)
        rows.append(best)
    return torch.stack(rows).float()


@cache
def assignments(limit: int, encoding: str) -> Tensor:
    """The best integer with at most c digits: row c, column `ceil(2 |u|)`, float32.

    Between neighbouring half steps the best integer does not change, and on a half step the
    smaller magnitude wins as it does in `project`.
    """
    most = int(count_digits(torch.arange(limit + 1), encoding).max())
    centres = (torch.arange(2 * limit + 1) / 2 - 0.25).clamp(min=0)
    return torch.stack([project(centres, c, limit, encoding) for c in range(most + 1)])


class _Digits(nn.Module):
    """The counts of one layer; the layer's `assign`.

    A module, so that it goes to the devices that its layer goes to; the method saves its state.
    """

    table: Tensor
    gains: Tensor
    counts: Tensor

    def __init__(self, layer: QuantizedLayer, encoding: str) -> None:
        super().__init__()
        self.limit = layer.limit
        shape, device = layer.weight.shape, layer.weight.device
        gains = digit_gains(layer.limit, encoding)
        for name, tensor in {
            "table": assignments(layer.limit, encoding),
            "gains": gains,
            "counts": torch.full(shape, len(gains)),
        }.items():
            self.register_buffer(name, tensor.to(device), persistent=False)

    def forward(self, grid: Tensor) -> Tensor:
        place = (2 * grid.abs()).clamp(max=2 * self.limit).ceil().long()
        return self.table[self.counts, place] * grid.sign()


class RateDistortion:
    """Keeps the digits with the highest gain per executed add, at most `budget` adds per MAC.

    Every output channel keeps its best digit. With `steps`, the number of optimizer steps to
    come, the budget falls from the dense count within `ramp` of them and the end is quiet; without,
    the budget holds from the first step on.
    """

    def __init__(
        self,
        model: nn.Module,
        budget: float,
        steps: int | None = None,
        ramp: float = 0.35,
        solve_every: int = 10,
        encoding: str = "csd",
    ) -> None:
        if budget <= 0:
            raise BitnnError(f"a budget of {budget} adds per MAC leaves no digits")
        self._encoding = encoding
        self._quiet = Quiet(model, steps)
        self._layers = quantized_layers(model)
        self._macs = sum(layer.macs for layer in self._layers.values())
        self.budget, self._steps = budget, steps
        self._ramp, self._every = ramp, solve_every
        self._dense = self.adds_per_mac()
        self._digits = {n: _Digits(layer, encoding) for n, layer in self._layers.items()}
        for name, layer in self._layers.items():
            # A child of the layer goes where the layer goes; a method of it, being no module,
            # may later be replaced by any other function.
            layer.add_module("kept_digits", self._digits[name])
            layer.assign = self._digits[name].forward
        self._solve()

    # --- The method ---------------------------------------------------------------------------

    def loss(self) -> Tensor:
        return next(iter(self._layers.values())).weight.new_zeros(())

    def step(self) -> None:
        self._quiet.step()
        if self._quiet.done % self._every == 0:
            self._solve()

    def finish(self) -> None:
        """The last allocation; afterwards the integers have at most the budget's adds."""
        self._ramp = 0.0
        self._solve()
        adds = self.adds_per_mac()
        assert adds <= self.budget, f"{adds} adds per MAC exceed the budget of {self.budget}"

    def measures(self) -> dict[str, float]:
        return {"adds_per_mac": self.adds_per_mac(), "target": self.target()}

    def state_dict(self) -> dict[str, Any]:
        counts = {name: digits.counts for name, digits in self._digits.items()}
        return {"done": self._quiet.done, "dense": self._dense, "counts": counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._dense = state["dense"]
        for name, counts in state["counts"].items():
            self._digits[name].counts.copy_(counts)
        self._quiet.resume(state["done"])

    # --- Its parts ----------------------------------------------------------------------------

    def target(self) -> float:
        """Adds per MAC that are allowed now: a cubic descent from the dense count."""
        if not self._steps or self._ramp <= 0:
            return self.budget
        left = max(0.0, 1 - self._quiet.done / (self._ramp * self._steps))
        return self.budget + max(0.0, self._dense - self.budget) * left**3

    def adds_per_mac(self) -> float:
        """Of the integers as they are now."""
        return adds_per_mac(self._layers.values(), self._encoding)

    @torch.no_grad()
    def _solve(self) -> None:
        """Give the digits with the highest gain per add to their weights, until none fits."""
        gains = [self._gains(name, layer) for name, layer in self._layers.items()]
        costs = [
            torch.full((g.numel(),), layer.positions, device=g.device)
            for g, layer in zip(gains, self._layers.values(), strict=True)
        ]
        flat, cost = torch.cat([g.flatten() for g in gains]), torch.cat(costs)
        wanted = (flat > 0).nonzero().squeeze(1)
        order = wanted[flat[wanted].sort(descending=True, stable=True).indices]
        spent = cost[order].cumsum(0)
        kept = order[spent <= self.target() * self._macs]
        floor = int(torch.isinf(flat).sum())
        if len(kept) < floor:
            needed = float(spent[floor - 1]) / self._macs
            raise BitnnError(
                f"one digit in every output channel takes {needed:.4f} adds per MAC,"
                f" more than the budget of {self.budget}"
            )
        mask = torch.zeros_like(flat, dtype=torch.bool)
        mask[kept] = True
        parts = mask.split([g.numel() for g in gains])
        for part, gain, digits in zip(parts, gains, self._digits.values(), strict=True):
            digits.counts.copy_(part.view(gain.shape).sum(0).view_as(digits.counts))

    def _gains(self, name: str, layer: QuantizedLayer) -> Tensor:
        """Gain per executed add of each digit of each weight: [digits, weights].

        The error is taken relative to the whole layer's sum of squares: relative to the mean, or
        weighted by gradients, small layers starve.
        """
        digits = self._digits[name]
        u = layer.grid_weight().abs().clamp(max=layer.limit)
        table = digits.gains[:, (u * CELLS).round().long().flatten()]
        energy = layer.weight.square().sum().clamp(min=torch.finfo(torch.float32).tiny)
        unit = layer.scale.square() / energy / layer.positions
        gains = table.view(len(table), len(unit), -1) * unit[:, None]
        # The best first digit of every channel is not up for sale.
        best = gains[0].argmax(1, keepdim=True)
        gains[0].scatter_(1, best, float("inf"))
        return gains.flatten(1)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of the methods, against brute force."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from bitnn.training.digits import count_digits, project  # noqa: E402
from bitnn.training.methods.rate_distortion import (  # noqa: E402
    CELLS,
    assignments,
    digit_gains,
)
from bitnn.training.methods.regularizers import proximal_targets, squared_hoyer  # noqa: E402

ENCODINGS = ["csd", "binary"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_gains_are_the_slopes_of_the_lower_hull(encoding: str) -> None:
    limit = 31
    gains = digit_gains(limit, encoding)
    grid = torch.arange(-limit, limit + 1)
    digits = count_digits(grid, encoding)
    for column in range(0, limit * CELLS + 1, 7):
        u = column / CELLS
        errors = [min((u - int(w)) ** 2 for w in grid[digits <= c]) for c in range(len(gains) + 1)]
        # The hull: below every chord between two counts on its both sides.
        hull = [
            min(
                errors[i] + (errors[j] - errors[i]) * (c - i) / max(j - i, 1)
                for i, j in itertools.product(range(c + 1), range(c, len(errors)))
            )
            for c in range(len(errors))
        ]
        wanted = [hull[c] - hull[c + 1] for c in range(len(gains))]
        assert gains[:, column].tolist() == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("limit", [1, 7, 127])
def test_assigned_integers_are_the_nearest(encoding: str, limit: int, seed: int) -> None:
    table = assignments(limit, encoding)
    u = torch.rand(4000, generator=torch.Generator().manual_seed(seed)) * limit
    u = torch.cat([u, torch.arange(2 * limit + 1) / 2])  # Ties, too.
    for c, row in enumerate(table):
        assert torch.equal(row[(2 * u).ceil().long()], project(u, c, limit, encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("price", [1.0, 4.0, 16.0])
def test_proximal_targets_by_brute_force(encoding: str, price: float) -> None:
    limit = 31
    targets = proximal_targets(limit, price, encoding).tolist()
    grid = range(-limit, limit + 1)
    digits = dict(zip(grid, count_digits(torch.tensor(grid), encoding).tolist(), strict=True))

    def bend(x: int) -> float:
        return abs(x) ** 0.5 * (1 if x > 0 else -1)

    for w, target in zip(grid, targets, strict=True):
        cost = {v: price * digits[v] + abs(bend(w) - bend(v)) for v in grid}
        assert cost[int(target)] == pytest.approx(min(cost.values()), abs=1e-9)


def test_squared_hoyer_counts_equal_values() -> None:
    values = torch.zeros(100)
    values[:17] = -3.0
    assert float(squared_hoyer(values)) == pytest.approx(17)
    values = torch.randn(6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(squared_hoyer, values)

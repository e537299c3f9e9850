# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Signed digits of integers, as the compiler counts them (lib/Arithmetic/Digits), on tensors."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from bitnn.errors import BitnnError

ENCODINGS = ("csd", "binary")


def count_digits(integers: Tensor, encoding: str = "csd") -> Tensor:
    """The digits of every element, int64 in the same shape; |element| < 2^30.

    binary: the set bits of |w|. csd: the nonzero digits of the canonical signed digit form. These
    are the places where w and 3w differ, since w = (3w - w) / 2 without borrowing between them
    (Reitwiesner 1960).
    """
    if encoding not in ENCODINGS:
        raise BitnnError(f"there is no encoding '{encoding}', only {' and '.join(ENCODINGS)}")
    if integers.is_floating_point():
        raise BitnnError(f"digits are those of integers, not of {integers.dtype}")
    magnitude = integers.long().abs()
    return _population(magnitude ^ (3 * magnitude) if encoding == "csd" else magnitude)


def _population(x: Tensor) -> Tensor:
    """Set bits of values below 2^32, by adding neighbouring fields of 1, 2, 4, .. bits."""
    x = (x & 0x55555555) + ((x >> 1) & 0x55555555)
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F
    x = x + (x >> 8)
    return (x + (x >> 16)) & 0x3F


@cache
def values_with(digits: int, limit: int, encoding: str = "csd") -> Tensor:
    """All integers in [0, limit] with at most so many digits, ascending, int64."""
    grid = torch.arange(limit + 1)
    return grid[count_digits(grid, encoding) <= digits]


@cache
def _thresholds(digits: int, limit: int, encoding: str) -> Tensor:
    values = values_with(digits, limit, encoding).to(torch.float32)
    return (values[1:] + values[:-1]) / 2


def project(grid: Tensor, digits: int, limit: int, encoding: str = "csd") -> Tensor:
    """The nearest integer in [-limit, limit] with at most so many digits, for real `grid`.

    Exactly between two integers the smaller magnitude wins. Returns integers in grid's type.
    """
    magnitude = grid.detach().abs().float().contiguous()
    place = torch.bucketize(magnitude, _thresholds(digits, limit, encoding).to(grid.device))
    values = values_with(digits, limit, encoding).to(grid.device, grid.dtype)
    return values[place] * grid.detach().sign()


@cache
def projection_errors(
    most_digits: int, limit: int, cells: int = 32, encoding: str = "csd"
) -> Tensor:
    """Squared error of the best integer with at most c digits, c = 0 .. most_digits.

    Row c, column i: the error at |grid| = i / cells, for i = 0 .. limit * cells; float64, in units
    of the squared grid step.
    """
    grid = torch.arange(limit * cells + 1, dtype=torch.float64) / cells
    rows = [project(grid, c, limit, encoding) for c in range(most_digits + 1)]
    return torch.stack([(grid - row) ** 2 for row in rows])

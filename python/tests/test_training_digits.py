# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Digits of tensors: the same numbers as the compiler's own (unittests/Arithmetic/DigitsTest)."""

from __future__ import annotations

from functools import cache

import pytest

from bitnn import BitnnError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from bitnn.training.digits import count_digits, project, projection_errors, values_with  # noqa: E402


@cache
def fewest_digits(value: int) -> int:
    """The fewest signed digits of a value, by exhaustive search over the lowest."""
    if value in (0, 1, -1):
        return abs(value)
    if value % 2 == 0:
        return fewest_digits(value // 2)
    return 1 + min(fewest_digits(value - 1), fewest_digits(value + 1))


def test_csd_has_the_fewest_digits() -> None:
    values = range(-70000, 70001)
    counted = count_digits(torch.tensor(values, dtype=torch.int32), "csd").tolist()
    assert counted == [fewest_digits(value) for value in values]


def test_binary_counts_the_bits_of_the_magnitude() -> None:
    values = range(-70000, 70001)
    counted = count_digits(torch.tensor(values), "binary").tolist()
    assert counted == [abs(value).bit_count() for value in values]


def test_vectors_of_the_compiler() -> None:
    assert count_digits(torch.tensor([-7, -7, 7, 0, 127]), "csd").tolist() == [2, 2, 2, 0, 2]
    assert count_digits(torch.tensor([-7]), "binary").tolist() == [3]
    widest = torch.tensor([(1 << 30) - 1])
    assert count_digits(widest, "csd").tolist() == [2]
    assert count_digits(widest, "binary").tolist() == [30]


@pytest.mark.parametrize("encoding", ["csd", "binary"])
@pytest.mark.parametrize("digits", range(5))
def test_projection_is_the_nearest_integer_with_so_few_digits(encoding: str, digits: int) -> None:
    limit = 127
    grid = torch.arange(-limit * 8 - 20, limit * 8 + 21, dtype=torch.float64) / 8
    allowed = [v for v in range(limit + 1) if count_digits(torch.tensor(v), encoding) <= digits]
    assert values_with(digits, limit, encoding).tolist() == allowed
    for u, q in zip(grid.tolist(), project(grid, digits, limit, encoding).tolist(), strict=True):
        best = min(allowed, key=lambda v: (abs(abs(u) - v), v))
        assert abs(q) == best and (q == 0 or (q > 0) == (u > 0)), (u, q, best)


def test_projection_errors_are_those_of_the_projection() -> None:
    errors = projection_errors(4, 127)
    assert errors.shape == (5, 127 * 32 + 1)
    # 85 = 64 + 16 + 4 + 1: with 0 to 4 digits it becomes 0, 64, 80, 84, 85.
    assert errors[:, 85 * 32].tolist() == [85.0**2, 21.0**2, 25.0, 1.0, 0.0]
    assert (errors[1:] <= errors[:-1]).all()


def test_refusals() -> None:
    with pytest.raises(BitnnError, match="no encoding 'naf'"):
        count_digits(torch.tensor([1]), "naf")
    with pytest.raises(BitnnError, match="digits are those of integers"):
        count_digits(torch.tensor([1.0]))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights of many kinds, with their zero point taken off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bitnn.values import Array


def _near_257(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """The sum of magnitudes decides whether 8-bit inputs fit 16 bits: 257 is the limit."""
    inputs = int(np.prod(shape[1:]))
    total = rng.integers(255, 260, shape[0])
    rows = [rng.multinomial(n, np.full(inputs, 1 / inputs)) for n in total]
    return (np.minimum(rows, 127) * rng.choice([-1, 1], (shape[0], inputs))).reshape(shape)


FLAVOURS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "full": lambda rng, shape: rng.integers(-128, 128, shape),
    "gaussian": lambda rng, shape: np.rint(rng.normal(0, 20, shape)).astype(np.int64),
    "sparse": lambda rng, shape: rng.integers(-128, 128, shape) * (rng.random(shape) < 0.3),
    "powers": lambda rng, shape: rng.choice([-1, 1], shape) << rng.integers(0, 7, shape),
    "ends": lambda rng, shape: rng.choice([-128, 127], shape),
    "all -128": lambda rng, shape: np.full(shape, -128),
    "zero": lambda rng, shape: np.zeros(shape, np.int64),
    "sum near 257": _near_257,
}

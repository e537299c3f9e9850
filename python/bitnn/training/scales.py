# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How coarse a grid of weights should be."""

from __future__ import annotations

from functools import cache

import torch


@cache
def step_per_rms(bits: int) -> float:
    """A weight grid's step over the weights' RMS.

    With 8 bits 6/64, which leaves room for weights that grow and was best for few digits. Below,
    the step with the least squared error on normally distributed weights.
    """
    if bits == 8:
        return 6 / 64
    limit = (1 << bits - 1) - 1
    x = torch.linspace(0, 8, 4001, dtype=torch.float64)
    density = torch.exp(-x * x / 2)
    steps = torch.linspace(0.01, 2, 1991, dtype=torch.float64)
    errors = [((x / s).round().clamp(max=limit) * s - x).square() @ density for s in steps]
    return float(steps[int(torch.stack(errors).argmin())])

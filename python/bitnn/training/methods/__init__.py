# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training methods behind one interface, `Method`; a loop does not know which one it runs."""

from __future__ import annotations

from torch import nn

from bitnn.errors import BitnnError
from bitnn.training.config import Config
from bitnn.training.methods.base import Dense, Float, Method
from bitnn.training.methods.rate_distortion import RateDistortion
from bitnn.training.methods.regularizers import Proximal, WeightPruning


def BitPruning(
    model: nn.Module,
    *,
    budget: float | None = None,
    strength: float | None = None,
    steps: int | None = None,
    prox_lambda: float = 1.0,
    form: str = "weight",
    encoding: str = "csd",
    seed: int = 0,
) -> Method:
    """Bit-pruning of a prepared model: to a `budget` of executed adds per MAC, or in the paper's
    form with the `strength` of its regulariser.

    A budget wants `steps`, the number of optimizer steps to come, to fall gently from the dense
    count; without them it holds at once. Other options are those of `Proximal`.
    """
    if (budget is None) == (strength is None):
        raise BitnnError("bit-pruning takes either a budget (adds per MAC) or a strength")
    if strength is not None:
        return Proximal(model, strength, prox_lambda, form, encoding, seed, steps)
    return RateDistortion(model, budget or 0.0, steps, encoding=encoding)


def create(config: Config, model: nn.Module, steps: int) -> Method:
    """The configuration's method for `model`, which will make `steps` optimizer steps."""
    match config.method:
        case "float":
            return Float()
        case "dense":
            return Dense(model, steps)
        case "weight-pruning":
            return WeightPruning(model, config.strength, config.seed, steps)
    if config.budget:
        return RateDistortion(
            model,
            config.budget,
            steps,
            config.ramp,
            config.solve_every,
            config.encoding,
        )
    return Proximal(
        model,
        config.strength,
        config.prox_lambda,
        config.form,
        config.encoding,
        config.seed,
        steps,
    )


__all__ = ["BitPruning", "Method", "create"]

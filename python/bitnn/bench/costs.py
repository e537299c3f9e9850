# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compiler's cost model: measurements of layers, a fit to them, and what it then chooses.

A layer's cost is linear in six terms: one; its constants, which are digits or, where code
multiplies, weights, or the instructions that look up sums; these times positions, its adds before
sharing; its MACs, since inputs are loaded for every block of outputs; its values, in and out; the
digits whose code no cache holds. The factors are not negative and have the least sum of squared
relative errors, for each target, form of code and kind of layer.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bitnn.values import Array

FORMS = {
    "straight-line": "StraightLine",
    "table": "Table",
    "lookup": "Lookup",
    "multiply": "Multiply",
    "products": "Products",
}
ADDING = ("straight-line", "table", "lookup")
CACHED_DIGITS = 75_000
# What multiplies is chosen only if it is faster beyond doubt.
MARGIN = 1.06
Key = tuple[str, bool]  # A form of code, and whether a layer has several positions.


@dataclass(frozen=True)
class Measured:
    """The cost of one layer in one form of code, in nanoseconds or instructions."""

    layer: str
    schedule: str
    weights: int
    digits: int
    positions: int
    values: int
    cost: float
    lookups: int = 0

    @property
    def key(self) -> Key:
        return self.schedule, self.positions > 1

    @property
    def terms(self) -> tuple[float, ...]:
        """What the factors are multiplied with, as lib/TargetInfo/CostModel.cpp has it."""
        macs, values = float(self.weights * self.positions), float(self.values)
        digits, lookups = float(self.digits), float(self.lookups)
        if self.schedule in ("multiply", "products"):
            return 1.0, float(self.weights), 0.0, macs, values, 0.0
        if self.schedule == "lookup":
            return 1.0, lookups, lookups * self.positions, 0.0, values, 0.0
        far = max(0.0, digits - CACHED_DIGITS) if self.schedule == "straight-line" else 0.0
        return 1.0, digits, digits * self.positions, macs, values, far


def fit(measured: Sequence[Measured]) -> dict[Key, tuple[float, ...]]:
    """The factors of every form of code and kind of layer that was measured."""
    groups: dict[Key, list[Measured]] = {}
    for entry in measured:
        groups.setdefault(entry.key, []).append(entry)
    return {key: _fit(groups[key]) for key in sorted(groups)}


def _fit(entries: Sequence[Measured]) -> tuple[float, ...]:
    """Least squares of relative errors, factors not negative.

    With so few factors every set of them that are zero can be tried.
    """
    rows = np.array([entry.terms for entry in entries]) / [[entry.cost] for entry in entries]
    best, least = np.zeros(rows.shape[1]), np.inf
    used = np.flatnonzero(np.any(rows, axis=0))
    for size in range(1, len(used) + 1):
        for chosen in itertools.combinations(used, size):
            factors = _least_squares(rows[:, chosen])
            error = float(np.sum((rows[:, chosen] @ factors - 1) ** 2))
            if np.all(factors >= 0) and error < least:
                best, least = np.zeros(rows.shape[1]), error
                best[list(chosen)] = factors
    return tuple(float(f"{factor:.4g}") for factor in best)


def _least_squares(rows: Array) -> Array:
    # Terms differ by many orders of magnitude.
    scale = np.linalg.norm(rows, axis=0)
    return np.linalg.lstsq(rows / scale, np.ones(len(rows)), rcond=None)[0] / scale


def predict(factors: Mapping[Key, Sequence[float]], entry: Measured) -> float:
    """The model's cost of a layer on the entry's schedule."""
    return float(np.dot(factors[entry.key], entry.terms))


@dataclass(frozen=True)
class Choice:
    """What the model chooses for a layer among schedules, and what would have been best."""

    layer: str
    chosen: Measured
    best: Measured

    @property
    def loss(self) -> float:
        """Measured cost of the choice over that of the best; 1 is right."""
        return self.chosen.cost / self.best.cost


def choices(
    measured: Iterable[Measured], factors: Mapping[Key, Sequence[float]], schedules: Sequence[str]
) -> list[Choice]:
    """One choice per layer that has a measurement on one of these schedules."""
    layers: dict[str, list[Measured]] = {}
    for entry in measured:
        if entry.schedule in schedules:
            layers.setdefault(entry.layer, []).append(entry)
    return [
        Choice(
            layer,
            min(entries, key=lambda entry: predict(factors, entry) * _margin(entry)),
            min(entries, key=lambda entry: entry.cost),
        )
        for layer, entries in layers.items()
    ]


def _margin(entry: Measured) -> float:
    return 1.0 if entry.schedule in ADDING else MARGIN


def costs_def(models: Mapping[str, Mapping[Key, Sequence[float]]]) -> str:
    """The text of lib/TargetInfo/Costs.def."""
    lines = [
        "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception",
        "//",
        "// Written by ./dev bench --cost-model --write from benchmarks/costs: do not edit.",
        "// Target, form of code, whether for layers of several positions; the cost of a",
        "// layer itself, of a digit (weight, where code multiplies; lookup), of these at",
        "// a position, of a MAC, of a value in or out, of a digit that no cache holds.",
        "",
    ]
    for target, factors in sorted(models.items()):
        for (schedule, images), numbers in factors.items():
            text = ", ".join(f"{number:.4g}" for number in numbers)
            flag = "true" if images else "false"
            lines.append(f'BITNN_COST("{target}", {FORMS[schedule]}, {flag}, {text})')
    return "\n".join(lines) + "\n"


def read(path: Path) -> tuple[dict[str, Any], list[Measured]]:
    """A file of measurements: what it says of the machine, and the layers."""
    content = json.loads(path.read_text())
    return content["machine"], [Measured(**entry) for entry in content["layers"]]


def to_json(machine: Mapping[str, Any], measured: Sequence[Measured]) -> str:
    """The text of such a file, a layer to a line."""
    layers = ",\n".join("  " + json.dumps(asdict(entry)) for entry in measured)
    return f'{{"machine": {json.dumps(machine)},\n "layers": [\n{layers}\n ]}}\n'

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What methods cost at one accuracy, interpolated between the runs of each.

Of a method's points those count that no cheaper one reaches; between two neighbours the logarithm
of the cost is linear in the accuracy. Nothing is extrapolated.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from statistics import mean

from bitnn.training.plot import MULTIPLIES, Point


def at_accuracy(points: Iterable[tuple[float, float]], accuracy: float) -> float | None:
    """The cost of `accuracy` on the front of (cost, accuracy) points; None outside of it."""
    front: list[tuple[float, float]] = []
    for cost, reached in sorted(points, key=lambda p: (p[0], -p[1])):
        if not front or reached > front[-1][1]:
            front.append((cost, reached))
    for (low, worse), (high, better) in itertools.pairwise(front):
        if worse <= accuracy <= better:
            part = (accuracy - worse) / (better - worse)
            return math.exp((1 - part) * math.log(low) + part * math.log(high))
    return next((cost for cost, reached in front if reached == accuracy), None)


def table(points: Iterable[Point], accuracy: float) -> str:
    """Adds per MAC and nJ of arithmetic of every method at `accuracy` percent, as text."""
    methods: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        methods[point.label.split(", prox")[0]].append(point)
    models = sorted(next(iter(methods.values()))[0].metrics[0].get("energy_pj", {}))
    rows = [["at equal accuracy", "adds per MAC", *(f"nJ, {model}" for model in models)]]
    for name, curve in methods.items():
        forms = ["add-shift-add"] + ["mult-add"] * (curve[0].method in MULTIPLIES)
        for form in forms:
            adds = _cost(curve, accuracy, "adds_per_mac") if form == "add-shift-add" else None
            energies = [
                _cost(curve, accuracy, "energy_pj", m, form, "all", "total") for m in models
            ]
            texts = [_text(cost) for cost in [adds, *(e and e / 1e3 for e in energies)]]
            label = name if form == "add-shift-add" else f"{name}, on multipliers"
            rows.append([label, *texts])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _cost(curve: list[Point], accuracy: float, *path: str) -> float | None:
    costs = [(p.average(*path), mean(p.accuracies)) for p in curve]
    known = [(cost, reached) for cost, reached in costs if cost is not None]
    return at_accuracy(known, accuracy)


def _text(cost: float | None) -> str:
    return "-" if cost is None else f"{cost:.4g}"

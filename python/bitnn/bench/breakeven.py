# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The digit density at which a layer is as fast as on a peer, from the densities measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from bitnn.bench import own_peer
from bitnn.bench.report import Result

Side: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True)
class BreakEven:
    """One layer beside one peer: sparser is faster here, denser there.

    `bound` is "" if it was crossed. Else every density that was measured wins (">": break-even is
    beyond the densest) or loses ("<": below the sparsest), and the numbers are of that one.
    """

    layer: str
    digits_per_weight: float
    adds_per_mac: float
    bound: str = ""

    def __str__(self) -> str:
        return f"{self.bound}{self.adds_per_mac:.2f} ({self.bound}{self.digits_per_weight:.2f})"


def side_of(result: Result) -> Side:
    """Both sides of a comparison: target, its vectors, peer, its instructions."""
    return result.target, result.isa, result.peer, result.peer_isa


def layer_of(result: Result) -> str:
    """The name without its second word, the density."""
    first, *others = result.name.split(" ")
    return " ".join([first, *others[1:]])


def break_even(results: Sequence[Result]) -> dict[Side, list[BreakEven]]:
    """The break-even of every layer that was measured at two densities or more."""
    groups: dict[Side, dict[str, list[Result]]] = {}
    for result in results:
        if " " in result.name and result.peer != own_peer.NAME:
            layers = groups.setdefault(side_of(result), {})
            layers.setdefault(layer_of(result), []).append(result)
    return {
        side: found
        for side, layers in groups.items()
        if (found := [_of_layer(points) for points in layers.values() if len(points) > 1])
    }


def _of_layer(points: Sequence[Result]) -> BreakEven:
    """Between two densities our time, in units of the peer's, is linear in what is added."""
    points = sorted(points, key=lambda point: point.digits_per_weight)
    name, first, last = layer_of(points[0]), points[0], points[-1]
    if first.ratio_median < 1:
        return BreakEven(name, first.digits_per_weight, first.adds_per_mac, "<")
    for lower, upper in pairwise(points):
        if upper.ratio_median >= 1:
            continue
        low, high = 1 / lower.ratio_median, 1 / upper.ratio_median
        share = (1 - low) / (high - low)

        def between(a: float, b: float, share: float = share) -> float:
            return a + share * (b - a)

        return BreakEven(
            name,
            between(lower.digits_per_weight, upper.digits_per_weight),
            between(lower.adds_per_mac, upper.adds_per_mac),
        )
    return BreakEven(name, last.digits_per_weight, last.adds_per_mac, ">")


def table(results: Sequence[Result]) -> str:
    """Layers down, peers across, as Markdown; empty if no layer has two densities."""
    found = break_even(results)
    if not found:
        return ""
    layers = list(dict.fromkeys(each.layer for column in found.values() for each in column))
    titles = ["layer", *(f"{isa} beside {peer} {peer_isa}" for _, isa, peer, peer_isa in found)]
    lines = ["| " + " | ".join(titles) + " |", "| --- |" + " --: |" * len(found)]
    for layer in layers:
        cells = [
            next((str(each) for each in column if each.layer == layer), "-")
            for column in found.values()
        ]
        lines.append("| " + " | ".join([layer, *cells]) + " |")
    return "\n".join(lines) + "\n"

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Speed-up against adds per MAC, as SVG: one panel per target and peer, both axes logarithmic; and
the digits per weight at which each layer is as fast as on each peer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from bitnn.bench.breakeven import BreakEven, Side, break_even, layer_of, side_of
from bitnn.bench.report import Result

WIDTH, HEIGHT = 470, 360
LEFT, TOP, RIGHT, BOTTOM = 52, 34, 14, 40
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#e08e0b", "#6a4c93", "#118ab2", "#8d6e63", "#444444")
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Axis:
    """Places of positive numbers between two pixels."""

    lower: float
    upper: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> Axis:
        return cls(min(values) / 1.25, max(values) * 1.25, start, end)

    def __call__(self, value: float) -> float:
        share = math.log(value / self.lower) / math.log(self.upper / self.lower)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        return [tick for tick in TICKS if self.lower <= tick <= self.upper]


def draw(machine: dict[str, Any], results: Sequence[Result]) -> str:
    """The picture, whose bytes depend on the results alone."""
    usable = [r for r in results if r.adds_per_mac > 0 and r.ratio_median > 0]
    keys = sorted({side_of(r) for r in usable})
    found = break_even(usable)
    names = list(dict.fromkeys(layer_of(r) for r in usable))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    width, height = (
        WIDTH * max(1, len(keys) + bool(found)),
        HEIGHT + 14 * (max(len(names), len(found)) + 2),
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    if usable:
        across = Axis.around([r.adds_per_mac for r in usable], LEFT, WIDTH - RIGHT)
        up = Axis.around([*(r.ratio_median for r in usable), 1.0], HEIGHT - BOTTOM, TOP)
        for index, key in enumerate(keys):
            chosen = [r for r in usable if side_of(r) == key]
            parts.append(f'<g transform="translate({index * WIDTH} 0)">')
            parts += _panel("{1} bitnn beside {2}, {3}".format(*key), chosen, across, up, colours)
            parts.append("</g>")
    if found:
        parts.append(f'<g transform="translate({len(keys) * WIDTH} 0)">')
        parts += [*_break_even_panel(found), "</g>"]
    for index, (name, colour) in enumerate(colours.items()):
        y = HEIGHT + 14 * index
        parts.append(f'<circle cx="{LEFT}" cy="{y}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + 10}" y="{y + 4}">{escape(name)}</text>')
    text = escape(f"one core of {machine.get('name', 'unknown')}")
    parts.append(f'<text x="{LEFT}" y="{height - 8}" fill="#666">{text}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    title: str, results: Sequence[Result], across: Axis, up: Axis, colours: dict[str, str]
) -> list[str]:
    """Axes, the line of equal speed, and a line through the points of each layer."""
    left, right, bottom, top = across.start, across.end, up.start, up.end
    parts = [f'<text x="{left}" y="18" font-size="13">{escape(title)}</text>']
    for tick in across.ticks():
        x = across(tick)
        parts.append(_line(x, bottom, x, top, "#eee"))
        parts.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{tick:g}</text>')
    for tick in up.ticks():
        y = up(tick)
        parts.append(_line(left, y, right, y, "#c00" if tick == 1 else "#eee"))
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    parts.append(
        f'<text x="{right}" y="{up(1) - 4}" text-anchor="end" fill="#c00">equal speed</text>'
    )
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 30}" text-anchor="middle">adds per MAC</text>')
    for name, colour in colours.items():
        points = sorted((r.adds_per_mac, r.ratio_median) for r in results if layer_of(r) == name)
        places = [(across(x), up(y)) for x, y in points]
        if len(places) > 1:
            path = " ".join(f"{x},{y}" for x, y in places)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
    return parts


def _break_even_panel(found: Mapping[Side, Sequence[BreakEven]]) -> list[str]:
    """Layers across, digits per weight up, a line for each comparison. An arrow instead of a point
    says that break-even is beyond what was measured."""
    layers = list(dict.fromkeys(each.layer for column in found.values() for each in column))
    values = [each.digits_per_weight for column in found.values() for each in column]
    up = Axis.around(values, HEIGHT - BOTTOM, TOP)
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    places = {
        layer: round(left + (index + 0.5) * (right - left) / len(layers), 1)
        for index, layer in enumerate(layers)
    }
    parts = [f'<text x="{left}" y="18" font-size="13">break-even: digits per weight</text>']
    for tick in up.ticks():
        parts.append(_line(left, up(tick), right, up(tick), "#eee"))
        parts.append(f'<text x="{left - 6}" y="{up(tick) + 4}" text-anchor="end">{tick:g}</text>')
    for layer, x in places.items():
        parts.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{escape(layer)}</text>')
    marks = {"": "●", ">": "▲", "<": "▼"}
    for index, ((_, isa, peer, peer_isa), column) in enumerate(found.items()):
        colour, y = COLOURS[index % len(COLOURS)], HEIGHT + 14 * index
        points = [(places[e.layer], up(e.digits_per_weight), marks[e.bound]) for e in column]
        path = " ".join(f"{x},{y}" for x, y, _ in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        parts += [
            f'<text x="{x}" y="{y + 4}" text-anchor="middle" fill="{colour}">{mark}</text>'
            for x, y, mark in points
        ]
        parts.append(f'<circle cx="{left}" cy="{y}" r="4" fill="{colour}"/>')
        text = escape(f"{isa} beside {peer} {peer_isa}")
        parts.append(f'<text x="{left + 10}" y="{y + 4}">{text}</text>')
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}"/>'

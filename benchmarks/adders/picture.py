# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adders relative to da4ml's best setting, as an SVG picture without any library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from report import Group, groups

WIDTH, LEFT, TOP, STEP = 860, 220, 80, 24
# The axis: ratios and where they are.
LOWEST, HIGHEST = 0.80, 1.10
MARKS = {
    "da4ml default": ("#8c8c8c", "da4ml default"),
    "da4ml nodecomp": ("#c9c9c9", "da4ml nodecomp"),
    "bitnn greedy": ("#1f6feb", "bitnn greedy"),
    "bitnn annealed": ("#d9480f", "bitnn annealed"),
    "bitnn long": ("#8a1c7c", "bitnn long"),
}


def draw(results: dict[str, Any]) -> str:
    found = [group for group in groups(results) if group.fewest("da4ml")]
    height = TOP + STEP * len(found) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">Adders, relative to the best of da4ml\'s settings '
        "(left is better)</text>",
        *legend(),
        *axis(height),
    ]
    for index, group in enumerate(found):
        lines += row(group, TOP + STEP * index + STEP // 2)
    return "\n".join([*lines, "</svg>", ""])


def legend() -> Iterator[str]:
    for index, (color, label) in enumerate(MARKS.values()):
        x = 20 + 170 * index
        yield f'<circle cx="{x}" cy="42" r="5" fill="{color}"/>'
        yield f'<text x="{x + 10}" y="46">{label}</text>'


def axis(height: int) -> Iterator[str]:
    for percent in range(round(100 * LOWEST), round(100 * HIGHEST) + 1, 5):
        x = place(percent / 100)
        stroke = "#444" if percent == 100 else "#ddd"
        yield f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{height - 20}" stroke="{stroke}"/>'
        yield f'<text x="{x}" y="{TOP - 6}" text-anchor="middle">{percent / 100:.2f}</text>'


def row(group: Group, y: int) -> Iterator[str]:
    yield f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{group.name}</text>'
    best = group.fewest("da4ml")
    for setting, (color, _) in MARKS.items():
        adders = group.mean(setting, "adders")
        if best and adders is not None:
            title = f"<title>{setting}: {adders:.6g} adders</title>"
            x = place(adders / best[0])
            yield f'<circle cx="{x}" cy="{y}" r="5" fill="{color}">{title}</circle>'


def place(ratio: float) -> int:
    inside = min(max(ratio, LOWEST), HIGHEST)
    return LEFT + round((inside - LOWEST) / (HIGHEST - LOWEST) * (WIDTH - LEFT - 30))

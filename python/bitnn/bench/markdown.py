# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results as tables of a document: networks down, peers and targets across."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bitnn.bench import breakeven
from bitnn.bench.report import Result

COLUMNS = ("digits per weight", "adds per MAC", "bitnn us", "adds/ns", "of limit", "code KiB")
Side = tuple[str, str]


def tables(machine: dict[str, Any], results: Sequence[Result]) -> str:
    """One table per target; a ratio below 1 is a loss and stands in bold."""
    name, features = machine["name"], ", ".join(machine["features"])
    versions = ", ".join(f"{peer} {version}" for peer, version in machine["versions"].items())
    parts = [f"{name} ({features}), core {machine['core']}; {versions}.\n"]
    for target in dict.fromkeys(result.target for result in results):
        chosen = [result for result in results if result.target == target]
        sides = list(dict.fromkeys((result.peer, result.peer_isa) for result in chosen))
        limit = machine["limits"][target]
        overheads = machine["overheads_ns"][target]
        each = ", ".join(f"{side} {ns:,.0f} ns" for side, ns in overheads.items())
        parts.append(
            f"**{target} ({chosen[0].isa})**: limit {limit:.0f} adds/ns; overhead per call, in all "
            f"times: {each}\n"
        )
        parts.append("\n".join(_table(chosen, sides)) + "\n")
    if found := breakeven.table(results):
        parts += [
            "Break-even: adds per MAC (digits per weight) at which both are as fast.\n",
            found,
        ]
    return "\n".join(parts)


def _table(results: Sequence[Result], sides: Sequence[Side]) -> list[str]:
    titles = ["network", *COLUMNS, *(f"{peer} {isa}: us" for peer, isa in sides), "peer/bitnn"]
    if len(sides) > 1:
        titles[-1:] = [f"{peer}/bitnn" for peer, _ in sides]
    lines = [_row(titles), _row(["---"] + ["--:"] * (len(titles) - 1))]
    for name in dict.fromkeys(result.name for result in results):
        by_side = {(r.peer, r.peer_isa): r for r in results if r.name == name}
        lines.append(_row([name, *_own(next(iter(by_side.values()))), *_peers(by_side, sides)]))
    return lines


def _own(result: Result) -> list[str]:
    return [
        f"{result.digits_per_weight:.2f}",
        f"{result.adds_per_mac:.2f}",
        f"{result.ns / 1e3:,.1f}",
        f"{result.adds_per_ns:.0f}",
        f"{result.share_of_limit:.0%}",
        f"{(result.code_bytes + result.data_bytes) / 1024:,.0f}",
    ]


def _peers(by_side: dict[Side, Result], sides: Sequence[Side]) -> list[str]:
    times, ratios = [], []
    for side in sides:
        result = by_side.get(side)
        if result is None:
            times.append("-")
            ratios.append("-")
            continue
        times.append(f"{result.peer_ns / 1e3:,.1f}")
        text = f"{result.ratio_median:.2f}"
        text = f"**{text}**" if result.ratio_median < 1 else text
        # Another network, or other integers, is not the same work.
        mark = "°" if not result.values else "*" if result.different else ""
        ratios.append(text + mark)
    return [*times, *ratios]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

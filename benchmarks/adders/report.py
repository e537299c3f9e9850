# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The measured rows as tables in Markdown, and where bitnn loses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

from matrices import public_cases

Row = dict[str, Any]
OURS = ("bitnn greedy", "bitnn annealed", "bitnn long")
COSTS = (
    "da4ml default",
    "da4ml nodecomp",
    "bitnn greedy",
    "bitnn windows",
    "bitnn annealed",
    "bitnn long",
)
LIMITS = ("dc0", "dc2")
SMALLEST_MEGABYTES = 56


@dataclass(frozen=True)
class Group:
    """Matrices that differ in their seeds, and per setting their rows, one per seed."""

    name: str
    settings: dict[str, list[Row]]

    def mean(self, setting: str, key: str) -> float | None:
        """Over the seeds; None if one of them is missing."""
        rows = self.settings.get(setting, [])
        values = [row[key] for row in rows if key in row and row["exact"]]
        return mean(values) if values and len(values) == self.seeds else None

    @property
    def seeds(self) -> int:
        return max(map(len, self.settings.values()), default=0)

    def fewest(self, solver: str, limit: str = "") -> tuple[float, str] | None:
        """The fewest adders of a solver, and the setting that reaches them; with a limit of the
        depth, of the settings that keep it."""
        found = [
            (adders, setting)
            for setting in self.settings
            if setting.startswith(f"{solver} {limit}")
            if (adders := self.mean(setting, "adders")) is not None
        ]
        return min(found, default=None)


def groups(results: dict[str, Any]) -> list[Group]:
    """In the order of the public set."""
    rows = results["rows"]
    found: dict[str, dict[str, list[Row]]] = {}
    for case in public_cases():
        for setting, row in rows.get(case.name, {}).items():
            found.setdefault(case.group, defaultdict(list))[setting].append(row)
    return [Group(name, dict(settings)) for name, settings in found.items()]


def write_report(results: dict[str, Any]) -> str:
    found = groups(results)
    machine = results["machine"]
    return "\n".join(
        [
            f"Means over the seeds, {machine['cpu']}, da4ml {machine['da4ml'] or 'not installed'}. "
            "Annealed: after 2,000 more graphs; long: 100,000 (20,000 above 128x128). A ratio "
            "below 1 is in bitnn's favour.",
            "",
            "| matrix (in x out) | seeds | digits - outputs | da4ml default | da4ml best (setting) "
            "| bitnn greedy | bitnn annealed | bitnn long | annealed / best | long / best |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *map(adders_line, found),
            "",
            "CPU seconds (one thread), peak MB and adders. On the smallest matrix the processes "
            "take 54 MB (bitnn) and 36 MB (da4ml, in Python). The ratio is of CPU time.",
            "",
            "| matrix | da4ml default | da4ml nodecomp | bitnn greedy | bitnn windows "
            "| bitnn annealed | bitnn long | annealed / default |",
            "|---|---|---|---|---|---|---|---|",
            *map(cost_line, found),
            "",
            "Equal limits of the depth, 0 and 2 levels above the fewest possible: adders (depth).",
            "",
            "| matrix | da4ml dc0 | bitnn dc0 | ratio | da4ml dc2 | bitnn dc2 | ratio |",
            "|---|---|---|---|---|---|---|",
            *map(limited_line, found),
            "",
            "Where bitnn loses:",
            "",
            *(list(losses(found)) or ["* nowhere in this set"]),
            "",
        ]
    )


def adders_line(group: Group) -> str:
    best = group.fewest("da4ml")
    cells = [
        group.name,
        str(group.seeds),
        number(group.mean("bitnn greedy", "without_sharing")),
        number(group.mean("da4ml default", "adders")),
        f"{number(best[0])} ({best[1].split()[1]})" if best else "-",
        *(number(group.mean(setting, "adders")) for setting in OURS),
        *(ratio(group.mean(setting, "adders"), best and best[0]) for setting in OURS[1:]),
    ]
    return line(cells)


def cost_line(group: Group) -> str:
    def cost(setting: str) -> str:
        seconds, megabytes = group.mean(setting, "seconds"), group.mean(setting, "megabytes")
        adders = number(group.mean(setting, "adders"))
        return "-" if seconds is None else f"{seconds:.3g} s, {megabytes:.0f} MB, {adders}"

    times = [group.mean(setting, "seconds") for setting in ("bitnn annealed", "da4ml default")]
    return line([group.name, *map(cost, COSTS), ratio(*times)])


def limited_line(group: Group) -> str:
    cells = [group.name]
    for limit in LIMITS:
        theirs, ours = group.fewest("da4ml", limit), group.fewest("bitnn", limit)
        for best in (theirs, ours):
            depth = best and number(group.mean(best[1], "depth"))
            cells.append(f"{number(best[0])} ({depth})" if best else "-")
        cells.append(ratio(ours and ours[0], theirs and theirs[0]))
    return line(cells)


def losses(found: list[Group]) -> Iterator[str]:
    """Every comparison in which a setting of da4ml is ahead."""
    for group in found:
        for limit in ("", *LIMITS):
            theirs, ours = group.fewest("da4ml", limit), group.fewest("bitnn", limit)
            if theirs and ours and ours[0] > theirs[0]:
                what = f" at {limit}" if limit else ""
                numbers = f"{number(ours[0])} adders, {theirs[1]} {number(theirs[0])}"
                yield f"* {group.name}{what}: {numbers}"
        for key, unit in (("seconds", "CPU seconds"), ("megabytes", "MB")):
            yield from costs_lost(group, key, unit)


def costs_lost(group: Group, key: str, unit: str) -> Iterator[str]:
    ours = group.mean("bitnn annealed", key)
    costs = [
        (cost, setting)
        for setting in group.settings
        if setting.startswith("da4ml") and (cost := group.mean(setting, key)) is not None
    ]
    # The smallest matrices measure how much memory the programs themselves take.
    least = SMALLEST_MEGABYTES if key == "megabytes" else 0
    if costs and ours is not None and ours > max(min(costs)[0], least):
        cost, setting = min(costs)
        adders = [number(group.mean(name, "adders")) for name in (setting, "bitnn annealed")]
        yield (
            f"* {group.name}: annealed takes {ours:.3g} {unit}, {setting} {cost:.3g}, "
            f"for {adders[0]} adders instead of {adders[1]}"
        )


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def ratio(value: float | None, other: float | None) -> str:
    return "-" if value is None or not other else f"{value / other:.3f}"


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"

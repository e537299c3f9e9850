# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One line of the benchmark: what was measured of one network, beside one peer."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """One network on one target beside one peer. Times are CPU nanoseconds per run, medians."""

    name: str
    target: str
    isa: str
    peer: str
    peer_isa: str
    ratio_median: float
    ratio_quartiles: tuple[float, float]
    ns: float
    peer_ns: float
    macs: int
    digits: int
    adds: int
    digits_per_weight: float
    adds_per_mac: float
    adds_per_ns: float
    share_of_limit: float
    schedules: str
    code_bytes: int
    data_bytes: int
    compile_seconds: float
    values: int
    """Output values that were compared before timing, and how many differed."""
    different: int
    notes: tuple[str, ...]


COLUMNS = (
    ("network", 26),
    ("target", 11),
    ("peer", 26),
    ("peer/bitnn", 12),
    ("quartiles", 14),
    ("bitnn us", 11),
    ("peer us", 11),
    ("digits/w", 10),
    ("adds/MAC", 10),
    ("adds/ns", 9),
    ("of limit", 10),
    ("code KiB", 10),
    ("compile s", 11),
)


def header() -> str:
    return _line([title for title, _ in COLUMNS])


def row(result: Result) -> str:
    """The result as a line of text; a lost comparison says so."""
    low, high = result.ratio_quartiles
    cells = [
        result.name,
        result.target,
        f"{result.peer} {result.peer_isa}",
        f"{result.ratio_median:.2f}",
        f"{low:.2f}-{high:.2f}",
        f"{result.ns / 1e3:,.2f}",
        f"{result.peer_ns / 1e3:,.2f}",
        f"{result.digits_per_weight:.2f}",
        f"{result.adds_per_mac:.3f}",
        f"{result.adds_per_ns:.1f}",
        f"{result.share_of_limit:.0%}",
        f"{(result.code_bytes + result.data_bytes) / 1024:,.0f}",
        f"{result.compile_seconds:.1f}",
    ]
    marks = ["loses"] if result.ratio_median < 1 else []
    if result.different:
        marks.append(f"{result.different} of {result.values} values differ")
    return "  ".join([_line(cells), *marks, *result.notes])


def write_json(path: str, machine: dict[str, Any], results: Sequence[Result]) -> None:
    """The whole run, in a file that appears only when it is complete."""
    content = {"machine": machine, "results": [asdict(result) for result in results]}
    write_file(path, json.dumps(content, indent=1) + "\n")


def read_json(path: str) -> tuple[dict[str, Any], list[Result]]:
    """What write_json wrote."""
    content = json.loads(Path(path).read_text())
    results = []
    for entry in content["results"]:
        lists = {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
        results.append(Result(**{**entry, **lists}))
    return content["machine"], results


def write_file(path: str, text: str) -> None:
    """Write a file by way of a temporary one beside it."""
    temporary = f"{path}.{os.getpid()}"
    Path(temporary).write_text(text)
    Path(temporary).replace(path)


def _line(cells: Sequence[str]) -> str:
    return "".join(
        cell.ljust(width) if index < 3 else cell.rjust(width)
        for index, (cell, (_, width)) in enumerate(zip(cells, COLUMNS, strict=True))
    )

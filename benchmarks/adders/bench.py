# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adders of constant matrices: bitnn beside da4ml (pip install da4ml), on the same matrices.

Writes results.json as it goes (a second run goes on where the first was stopped), then table.md
and picture.svg. Every graph is compared with its matrix. Without da4ml only bitnn is measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from matrices import NETWORKS, Case, Matrix, public_cases
from picture import draw
from report import write_report
from solvers import DA4ML, Row, has_da4ml, run_bitnn, run_da4ml

from bitnn.errors import BitnnError
from bitnn.npz import write_whole

RUNS = 3
# Levels above the fewest possible, for a limited depth; da4ml's settings of the same meaning.
LEVELS = {"dc0": 0, "dc2": 2}
# Inputs shared among themselves first, where there are many more of them.
WINDOW = 72
# Graphs that annealing tries: a second where da4ml takes several, and as many as ever helped.
EVALUATIONS = {"annealed": 2_000, "long": 100_000}
# Of matrices with more than 128 x 128 values.
EVALUATIONS_OF_LARGE = {"annealed": 2_000, "long": 20_000}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench adders", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/adders"))
    parser.add_argument("--matrices", default="", metavar="REGEX", help="only those")
    parser.add_argument("--settings", default="", metavar="REGEX", help="only those")
    parser.add_argument("--again", metavar="REGEX", help="settings to measure again")
    parser.add_argument("--limit", type=float, default=60, metavar="S", help="per run (default 60)")
    options = parser.parse_args()
    for reason in missing():
        print(f"note: {reason}", file=sys.stderr)

    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {"rows": {}}
    results["machine"] = machine()
    rows: dict[str, dict[str, Row]] = results["rows"]
    for case in public_cases():
        if not re.search(options.matrices, case.name):
            continue
        known = rows.setdefault(case.name, {})
        for setting in settings(case):
            again = options.again and re.search(options.again, setting)
            if re.search(options.settings, setting) and (again or setting not in known):
                known[setting] = row = measure(case.matrix(), setting, options.limit)
                print(case.name, setting, summary(row), sep=" | ", flush=True)
                write_whole(path, (json.dumps(results, indent=1) + "\n").encode())
    table = write_report(results)
    write_whole(options.folder / "table.md", table.encode())
    write_whole(options.folder / "picture.svg", draw(results).encode())
    print(f"\n{table}\nwritten: {path}, table.md and picture.svg")
    return 1 if any(row.get("exact") is False for row in all_rows(rows)) else 0


def missing() -> Iterator[str]:
    """What cannot be measured here."""
    if not has_da4ml():
        yield "da4ml is not installed (pip install da4ml): only bitnn is measured"
    if not NETWORKS.is_dir():
        yield f"{NETWORKS} is absent (set BITNN_DATA): no layers of real networks"


def settings(case: Case) -> list[str]:
    """bitnn's and da4ml's, interleaved."""
    ours = ["bitnn greedy", *(f"bitnn {level}" for level in LEVELS), "bitnn annealed"]
    ours += ["bitnn long", *(f"bitnn {level}-annealed" for level in LEVELS)]
    ours += ["bitnn windows"] if len(case.matrix()) >= 2 * WINDOW else []
    theirs = [f"da4ml {setting}" for setting in DA4ML if has_da4ml()]
    both = [name for pair in zip(ours, theirs, strict=False) for name in pair]
    return both + ours[len(theirs) :] + theirs[len(ours) :]


def measure(matrix: Matrix, name: str, limit: float) -> Row:
    solver, setting = name.split()
    if solver == "da4ml":
        return run_da4ml(matrix, setting, limit)
    rows = [run_bitnn(matrix, bitnn_options(matrix, setting), limit)]
    # As da4ml_worker.py does: the best of a few, where they are short.
    while len(rows) < RUNS and rows[-1].get("seconds", 1) < 1:
        rows.append(run_bitnn(matrix, bitnn_options(matrix, setting), limit))
    return min(rows, key=lambda row: row.get("seconds", 0))


def bitnn_options(matrix: Matrix, setting: str) -> dict[str, int]:
    options: dict[str, int] = {}
    for word in setting.split("-"):
        if word in LEVELS:
            options["depth"] = fewest_levels(matrix) + LEVELS[word]
        elif word in EVALUATIONS:
            counts = EVALUATIONS if matrix.size <= 128 * 128 else EVALUATIONS_OF_LARGE
            options["anneal"] = counts[word]
        elif word == "windows":
            options["window"] = WINDOW
    return options


def fewest_levels(matrix: Matrix) -> int:
    """Of adders: ceil(log2(digits of the output with the most digits))."""
    digits = max(sum(count_digits(int(value)) for value in column) for column in matrix.T)
    return int(np.ceil(np.log2(max(digits, 1))))


def count_digits(value: int) -> int:
    """Nonzero canonical signed digits (Reitwiesner, 1960): the ones of v xor 3v."""
    return (abs(value) ^ (3 * abs(value))).bit_count()


def all_rows(rows: dict[str, dict[str, Row]]) -> Iterator[Row]:
    for settings in rows.values():
        yield from settings.values()


def machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(": ")[1] for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    return {"cpu": cpu, "da4ml": metadata.version("da4ml") if has_da4ml() else None}


def summary(row: Row) -> str:
    if "error" in row:
        return row["error"]
    numbers = f"{row['adders']} adders | depth {row['depth']} | {row['seconds']:.3g} s"
    return f"{numbers} | {row['megabytes']:.0f} MB | {'exact' if row['exact'] else 'WRONG'}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BitnnError, ValueError) as error:
        sys.exit(f"bench: {error}")

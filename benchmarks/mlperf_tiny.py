# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the four MLPerf Tiny networks cost in every schedule, on this machine and on rv32i.

Adds per MAC before and after sharing, bytes of object and arena, processor time and memory of the
compiler, and the instructions that one inference executes in the emulator, beside the dense
kernels of the same compiler with a multiplier (rv32im) and without. The networks are read from
$BITNN_DATA or ../shared/data. Rows are kept in build/mlperf-tiny.json while the compiler is the
same, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bitnn
from bitnn.compiler import find_tool
from bitnn.emulator import count_instructions

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("BITNN_DATA", ROOT.parent / "shared" / "data"))
NETWORKS = ("image_classification", "keyword_spotting", "visual_wake_words", "anomaly_detection")
SCHEDULES = ("straight-line", "table", "multiply")
TARGETS: dict[str, dict[str, str]] = {
    "x86-64-v3": {"target": "x86-64-v3"},
    "x86-64-v4": {"target": "x86-64-v4"},
    "rv32i": {"target": "rv32i"},
    "rv32im": {"triple": "riscv32-unknown-elf", "cpu": "generic-rv32", "features": "+m"},
}
CACHE = ROOT / "build" / "mlperf-tiny.json"
DOCUMENT = ROOT / "docs" / "Networks.md"
COLUMNS = (
    *("target", "schedule", "adds/MAC", "unshared", "object bytes", "arena bytes"),
    *("CPU s", "peak MiB", "instructions", "per MAC"),
)


@dataclass(frozen=True)
class Row:
    """One network, compiled one way. Instructions of one inference, 0 where nothing counts them;
    `auto` tells that --schedule=auto makes the same code."""

    network: str
    target: str
    schedule: str
    macs: int
    adds: int
    unshared_adds: int
    object_bytes: int
    scratch_bytes: int
    seconds: float
    peak_bytes: int
    instructions: int
    auto: bool = False

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of COLUMNS."""
        dense = self.schedule == "multiply"
        counted = self.instructions
        return (
            self.target,
            self.schedule + (" = auto" if self.auto else ""),
            "dense" if dense else f"{self.adds / self.macs:.3f}",
            "" if dense else f"{self.unshared_adds / self.macs:.3f}",
            f"{self.object_bytes:,}",
            f"{self.scratch_bytes:,}",
            f"{self.seconds:.1f}",
            f"{self.peak_bytes / 2**20:.0f}",
            f"{counted:,}" if counted else "",
            f"{counted / self.macs:.2f}" if counted else "",
        )


def configurations() -> Iterator[tuple[str, str]]:
    """Targets and schedules; with a multiplier only the dense kernels are of interest."""
    for target in TARGETS:
        for schedule in ("multiply",) if target == "rv32im" else ("auto", *SCHEDULES):
            yield target, schedule


def measure(model: Path, target: str, schedule: str) -> Row:
    """Compile and, where the target is emulated, run once with zeros."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    network = bitnn.compile(model, schedule=schedule, **TARGETS[target])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    report = network.report
    chosen = {layer["schedule"] for layer in report["layers"]}
    is_auto = schedule == "auto"
    if is_auto:
        schedule = chosen.pop() if len(chosen) == 1 else "auto"
    return Row(
        model.stem,
        target,
        schedule,
        report["macs"],
        report["adds"],
        report["unshared_adds"],
        report["object_bytes"],
        report["scratch_bytes"],
        seconds,
        report["compile"]["peak_bytes"],
        sum(count_instructions(network).values()) if network.program else 0,
        is_auto and schedule != "auto",
    )


def measured(models: Sequence[Path]) -> Iterator[Row]:
    """All rows, from the cache where the compiler has not changed since."""
    key = hashlib.sha256(Path(find_tool()).read_bytes()).hexdigest()
    cache: dict[str, Any] = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    rows: dict[str, Any] = cache.get(key, {})
    for model in models:
        done: set[tuple[str, str]] = set()
        for target, schedule in configurations():
            if (target, schedule) in done:
                continue
            name = f"{model.stem} {target} {schedule}"
            if name not in rows:
                rows[name] = asdict(measure(model, target, schedule))
                replace(CACHE, json.dumps({key: rows}, indent=1))
            row = Row(**rows[name])
            # What auto chose for every layer need not be compiled again.
            done.add((target, row.schedule))
            yield row


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    temporary.replace(path)


def document(rows: Sequence[Row]) -> str:
    """docs/Networks.md."""
    parts = [HEAD.format(commit=commit())]
    for network in dict.fromkeys(row.network for row in rows):
        mine = [row for row in rows if row.network == network]
        parts.append(f"## {network}\n\n{mine[0].macs:,} MACs.{summary(mine)}\n\n{table(mine)}")
    return "\n".join(parts)


def table(rows: Sequence[Row]) -> str:
    """The rows of one network in Markdown."""
    align = ["---", "---", *["--:"] * (len(COLUMNS) - 2)]
    lines = [COLUMNS, tuple(align), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def summary(rows: Sequence[Row]) -> str:
    """The best schedule of rv32i beside the dense kernels, in words."""
    counts = {(row.target, row.schedule): row.instructions for row in rows if row.instructions}
    dense, fast = counts.get(("rv32i", "multiply")), counts.get(("rv32im", "multiply"))
    ours = [count for (_, schedule), count in counts.items() if schedule != "multiply"]
    if not (dense and fast and ours):
        return ""
    best = min(ours)
    return (
        f" On rv32i bitnn executes {dense / best:.1f} times fewer instructions than multiplications"
        f"\nin software, and {fast / best:.2f} times fewer than dense code on rv32im, which has a"
        " multiplier."
    )


def commit() -> str:
    """The commit of the sources, as far as git knows."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    finished = subprocess.run(command, capture_output=True, text=True)
    return finished.stdout.strip() or "an unknown commit"


HEAD = """# The four MLPerf Tiny networks, measured

Written by `./dev bench mlperf-tiny --write` at {commit}; int8 weights as published, nothing pruned.
`adds/MAC`: additions and subtractions of convolutions and products, sums shared; `unshared`: the
same without sharing. Object: the .o with its tables; arena: the scratch memory that the caller
gives. CPU seconds are of compiler and linker, memory is the compiler's. Instructions:
all that one inference executes in the emulator. `dense` rows are `--schedule=multiply`, the usual
kernel of the same compiler; on rv32i each of its multiplications is a call. `./dev check networks`
compares all of these programs with the reference, every tensor.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench mlperf-tiny", description=__doc__)
    parser.add_argument("--only", action="append", choices=NETWORKS, help="may repeat")
    parser.add_argument(
        "--write", action="store_true", help=f"write docs/{DOCUMENT.name} at the end"
    )
    options = parser.parse_args()
    folder = DATA / "mlperf-tiny" / "onnx"
    models = [folder / f"{name}.onnx" for name in options.only or NETWORKS]
    if missing := [str(path) for path in models if not path.exists()]:
        raise bitnn.BitnnError(f"no {missing[0]}; set BITNN_DATA to the data's folder")
    rows = []
    for row in measured(models):
        if not rows or rows[-1].network != row.network:
            print(f"\n{row.network}, {row.macs:,} MACs\n" + line(COLUMNS))
        print(line(row.cells()), flush=True)
        rows.append(row)
    if options.write:
        replace(DOCUMENT, document(rows))
        print(f"\nwritten: {DOCUMENT.relative_to(ROOT)}")
    return 0


def line(cells: Sequence[str]) -> str:
    widths = (10, 21, 9, 9, 13, 12, 8, 9, 15, 8)
    return "".join(
        cell.ljust(width) if index < 2 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except bitnn.BitnnError as error:
        sys.exit(f"bench: {error}")

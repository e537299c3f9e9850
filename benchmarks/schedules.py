# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every schedule of one network beside `--schedule=multiply` of the same compiler.

Emulated targets: executed instructions. This machine: time, the best of several batches on one
core. Ratios above 1 are in bitnn's favour, and rows where it loses say so. The dense kernels are
upstream's loops, lowered by the same passes: a baseline, not a tuned library.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bitnn
from bitnn.compiler import Network
from bitnn.emulator import count_instructions

ROOT = Path(__file__).resolve().parents[1]
RV32IM = {"triple": "riscv32-unknown-elf", "cpu": "generic-rv32", "features": "+m"}
SCHEDULES = ("auto", "straight-line", "table", "multiply")
HEADER = ("target", "schedule", "bytes", "adds", "adds/MAC", "cost of one run", "multiply/this")


@dataclass(frozen=True)
class Row:
    """One network, compiled one way."""

    target: str
    schedule: str
    bytes: int
    adds: int
    macs: int
    cost: float
    unit: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("model", nargs="?", default=ROOT / "examples" / "digits" / "model.onnx")
    options = parser.parse_args()
    print(f"{options.model}, beside the dense kernels of the same compiler\n")
    print(line(*HEADER))
    show_schedules(options.model, "host")
    best = show_schedules(options.model, "rv32i")
    fast = measure(options.model, "rv32im", "multiply", RV32IM)
    show(fast, fast.cost)
    print(
        f"\nWith a hardware multiplier, dense takes {fast.cost / best:.2f} times what bitnn takes"
    )
    print("without one. On rv32i a multiplication is a call: that is what makes dense slow there.")
    return 0


def show_schedules(model: Path, target: str) -> float:
    """All schedules of one target; the lowest cost among those that do not multiply."""
    rows = [measure(model, target, schedule, {"target": target}) for schedule in SCHEDULES]
    for row in rows:
        show(row, rows[-1].cost)
    return min(row.cost for row in rows[:-1])


def measure(model: Path, target: str, schedule: str, options: dict[str, str]) -> Row:
    network = bitnn.compile(model, schedule=schedule, **options)
    if network.program:
        cost, unit = float(sum(count_instructions(network).values())), "instructions"
    else:
        cost, unit = nanoseconds(network), "ns"
    report = network.report
    size = report["code_bytes"] + report["data_bytes"]
    return Row(target, schedule, size, report["adds"], report["macs"], cost, unit)


def show(row: Row, dense: float) -> None:
    verdict = "" if row.cost <= dense else "  loses"
    cost = f"{row.cost:,.0f} {row.unit}"
    per_mac = f"{row.adds / row.macs:.2f}" if row.macs else "-"
    columns = (row.target, row.schedule, f"{row.bytes:,}", f"{row.adds:,}", per_mac, cost)
    print(line(*columns, f"{dense / row.cost:.2f}") + verdict)


def line(*columns: str) -> str:
    widths = (8, 14, 11, 13, 10, 29, 15)
    texts = zip(columns, widths, strict=True)
    return "".join(
        text.ljust(width) if index < 2 else text.rjust(width)
        for index, (text, width) in enumerate(texts)
    )


def nanoseconds(network: Network) -> float:
    """Time of one run on this machine, outside of Python."""
    sizes = [str(cut.size) for cut in (*network.inputs, *network.outputs)]
    with tempfile.TemporaryDirectory(prefix="bitnn-") as folder:
        timer = Path(folder) / "timer"
        source = Path(__file__).with_name("timer.c")
        subprocess.run(["clang-22", "-O2", source, "-o", timer, "-ldl"], check=True)
        scratch = map(str, network.scratch)
        command = [timer, network.library, network.entry, *scratch, *sizes]
        finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(finished.stdout)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except bitnn.BitnnError as error:
        sys.exit(f"bench: {error}")

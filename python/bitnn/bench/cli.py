# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The options and the course of a benchmark, shared by `bitnn bench` and `./dev bench`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import onnx

from bitnn.bench.contest import Contest, Effort
from bitnn.bench.machine import describe, pinned
from bitnn.bench.report import Result, header, read_json, row, write_json
from bitnn.errors import BitnnError

# A network that is loaded only when its turn comes.
Entry = tuple[str, Callable[[], onnx.ModelProto]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark has."""
    parser.add_argument(
        "--target",
        action="append",
        metavar="NAME",
        help="x86-64-v3, x86-64-v4, host; several are measured one after the other",
    )
    parser.add_argument("--core", type=int, help="the core to measure on (default: the last)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side (default: 15)")
    parser.add_argument("--seconds", type=float, default=0.02, help="of a turn (default: 0.02)")
    parser.add_argument(
        "--quick", action="store_true", help="7 rounds of 5 ms, one sample compared"
    )
    parser.add_argument("--profile", action="store_true", help="also show where the time goes")
    parser.add_argument("--json", metavar="FILE", help="also write everything as JSON")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--schedule", default="auto", help="as bitnn-compile has it")


def run(options: argparse.Namespace, entries: Iterable[Entry], targets: list[str]) -> int:
    """Measure every network on every target: one process each, since what a peer sees of the
    processor is decided when it is loaded."""
    targets = options.target or targets
    if len(targets) > 1:
        return _each_target(options, targets)
    effort = Effort(options.rounds, options.seconds, profile=options.profile)
    if options.quick:
        effort = Effort(7, 0.005, 1, options.profile)
    with pinned(options.core) as core:
        contest = Contest(targets[0], effort)
    print(
        f"{targets[0]} ({contest.isa}) on core {core}; limit {contest.limit:.1f} adds/ns; overhead "
        + ", ".join(f"{name} {ns:,.0f} ns" for name, ns in contest.overheads.items())
        + " per call, in all times"
    )
    print(header(), flush=True)
    results = []
    for name, load in entries:
        try:
            result = contest.measure(name, load(), core, schedule=options.schedule)
        except BitnnError as error:
            print(f"{name}: {error}", flush=True)
            continue
        results.append(result)
        print(row(result), flush=True)
    machine = describe() | {
        "core": core,
        "limits": {targets[0]: contest.limit},
        "overheads_ns": {targets[0]: contest.overheads},
    }
    _finish(options, machine, results)
    return 0


def _each_target(options: argparse.Namespace, targets: list[str]) -> int:
    """Start this command once per target, and join what they wrote."""
    machine: dict[str, object] = {}
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="bitnn-") as folder:
        for target in targets:
            part = Path(folder) / f"{target}.json"
            command = [
                sys.executable,
                *sys.orig_argv[1:],
                f"--target={target}",
                f"--json={part}",
                "--part",
            ]
            finished = subprocess.run(command)
            if finished.returncode:
                return finished.returncode
            found, more = read_json(str(part))
            for key in ("limits", "overheads_ns"):
                found[key] = {**machine.get(key, {}), **found[key]}
            machine, results = found, results + more
    _finish(options, machine, results)
    return 0


def _finish(options: argparse.Namespace, machine: dict[str, object], results: list[Result]) -> None:
    if options.json:
        write_json(options.json, machine, results)
        if not options.part:
            print(f"written: {options.json}")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The options and the course of a benchmark, shared by `bitnn bench` and `./dev bench`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from bitnn.bench import breakeven, own_peer
from bitnn.bench.contest import PEERS, Contest, Effort, Entry
from bitnn.bench.machine import describe, pinned
from bitnn.bench.markdown import tables
from bitnn.bench.picture import draw
from bitnn.bench.report import Result, header, read_json, row, write_file, write_json
from bitnn.errors import BitnnError
from bitnn.graph import load_model
from bitnn.options import COMPILER_OPTIONS, chosen

# What each target decides here.
MACHINE_OPTIONS = ("target", "triple", "cpu", "features")
HEADLINE = "{target} ({isa}) on core {core}; limit {limit:.1f} adds/ns; overhead per call: {each}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark has."""
    parser.add_argument(
        "--target",
        action="append",
        metavar="NAME",
        help="x86-64-v3, x86-64-v4, host; several are measured one after the other",
    )
    parser.add_argument(
        "--peer", action="append", choices=PEERS, help="default: those that are installed"
    )
    parser.add_argument("--core", type=int, help="the core to measure on (default: the last)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side (default: 15)")
    parser.add_argument("--seconds", type=float, default=0.02, help="of a turn (default: 0.02)")
    parser.add_argument(
        "--quick", action="store_true", help="7 rounds of 5 ms, one sample compared"
    )
    parser.add_argument("--profile", action="store_true", help="also show where the time goes")
    parser.add_argument("--json", metavar="FILE", help="also write everything as JSON")
    parser.add_argument("--svg", metavar="FILE", help="also draw speed-up against adds per MAC")
    parser.add_argument("--markdown", metavar="FILE", help="also write tables")
    parser.add_argument("--part", metavar="TARGET", help=argparse.SUPPRESS)
    group = parser.add_argument_group("options of bitnn-compile")
    for name, text in COMPILER_OPTIONS.items():
        if name not in MACHINE_OPTIONS:
            group.add_argument(f"--{name}", help=text)


def add_command_options(parser: argparse.ArgumentParser) -> None:
    """What `bitnn bench` takes."""
    parser.add_argument("model", nargs="+", help="the ONNX models")
    add_options(parser)
    parser.set_defaults(run=_command)


def _command(options: argparse.Namespace) -> int:
    entries = [Entry(model, partial(load_model, model)) for model in options.model]
    return run(options, entries, ["host"])


def run(options: argparse.Namespace, entries: Iterable[Entry], targets: list[str]) -> int:
    """Measure every network on every target: one process each, since what a peer sees of the
    processor is decided when it is loaded."""
    targets = [options.part] if options.part else options.target or targets
    if len(targets) > 1:
        return _each_target(options, targets)
    entries = list(entries)
    beside_itself = any(entry.baseline for entry in entries)
    peers = [name for name in PEERS if name != own_peer.NAME or beside_itself]
    effort = Effort(options.rounds, options.seconds, ticks=400 if options.profile else 0)
    if options.quick:
        effort = Effort(7, 0.005, 1, effort.ticks // 4)
    with pinned(options.core) as core:
        contest = Contest(targets[0], options.peer or peers, core, effort)
    overheads = {"bitnn": contest.overhead_ns} | {
        kind.name: kind.overhead_ns for kind in contest.peers if kind.overhead_ns
    }
    each = ", ".join(f"{name} {ns:,.0f} ns" for name, ns in overheads.items())
    print(
        HEADLINE.format(
            target=targets[0], isa=contest.isa, core=core, limit=contest.limit, each=each
        )
    )
    print(header(), flush=True)
    machine = describe() | {
        "core": core,
        "limits": {targets[0]: contest.limit},
        "overheads_ns": {targets[0]: overheads},
        "versions": {kind.name: kind.version for kind in contest.peers},
    }
    _finish(options, machine, _results(contest, options, entries))
    return 0


def _results(
    contest: Contest, options: argparse.Namespace, entries: Iterable[Entry]
) -> list[Result]:
    """Measure and print one network after the other."""
    given = {name.replace("-", "_"): None for name in MACHINE_OPTIONS}
    told = chosen(argparse.Namespace(**{**vars(options), **given}))
    results = []
    for entry in entries:
        try:
            for result in contest.measure(entry, told):
                results.append(result)
                print(row(result), flush=True)
        except BitnnError as error:
            print(f"{entry.name}: {error}", flush=True)
    return results


def _each_target(options: argparse.Namespace, targets: list[str]) -> int:
    """Start this command once per target, and join what they wrote."""
    machine: dict[str, object] = {}
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="bitnn-") as folder:
        for target in targets:
            part = Path(folder) / f"{target}.json"
            last = [f"--part={target}", f"--json={part}"]
            command = [sys.executable, *sys.orig_argv[1:], *last]
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
    if options.part:
        return
    if found := breakeven.table(results):
        print(f"\nbreak-even: adds per MAC (digits per weight) at which both are as fast\n{found}")
    if options.svg:
        write_file(options.svg, draw(machine, results))
    if options.markdown:
        write_file(options.markdown, tables(machine, results))
    for path in (options.json, options.svg, options.markdown):
        if path:
            print(f"written: {path}")

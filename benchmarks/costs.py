# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The cost model behind --schedule=auto, beside measurements of the benchmark's layers.

Without options: what it chooses for the layers in benchmarks/costs, and what was measured best.
--measure measures them again, on this machine or in an emulator, --write fits the model anew and
writes lib/TargetInfo/Costs.def.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from bitnn.bench import costs
from bitnn.bench.machine import Timer, describe, pinned
from bitnn.bench.measure import CompiledRunner, count_runs
from bitnn.bench.networks import DENSITIES, SHAPES, LayerShape, csd_digits, layer_network
from bitnn.bench.report import read_json, write_file
from bitnn.compiler import Network, compile
from bitnn.emulator import count_instructions
from bitnn.errors import BitnnError

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "costs"
TABLE = ROOT / "lib" / "TargetInfo" / "Costs.def"
MACHINES = {"rv32im": {"triple": "riscv32-unknown-elf", "cpu": "generic-rv32", "features": "+m"}}
TARGETS = ("x86-64-v3", "x86-64-v4", "rv32i", "rv32im")
# Small layers, so that the model knows what a layer costs before its first digit.
SMALL = (
    LayerShape("c8_8", 8, 8),
    LayerShape("c32_4", 32, 4),
    LayerShape("fc64", 64, 0),
    LayerShape("fc16", 16, 0),
)
# A layer whose code is larger than every second-level cache is among them. Emulators have none, and
# take long.
MOST_DIGITS = {"x86-64-v3": 500_000, "x86-64-v4": 500_000, "rv32i": 110_000, "rv32im": 110_000}
ROUNDS, SECONDS = 9, 0.005
# A choice is right if its cost is at most this much above the least.
TOLERANCE = 1.1


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench --cost-model", description=__doc__)
    parser.add_argument("--target", action="append", choices=TARGETS, help="may repeat")
    parser.add_argument("--measure", action="store_true", help="measure again")
    parser.add_argument("--only", action="append", help="with --measure: of these layers alone")
    parser.add_argument(
        "--from",
        dest="results",
        metavar="FILE",
        help="straight-line times from bench layers --json",
    )
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    options = parser.parse_args()
    targets = options.target or TARGETS
    if options.measure:
        for target in targets:
            _measure(target, options.only, _known(target, options.results))
    found = {path.stem: costs.read(path) for path in sorted(FOLDER.glob("*.json"))}
    models = {target: costs.fit(measured) for target, (_, measured) in found.items()}
    wrong = 0
    for target in targets:
        if target in found:
            wrong += _show(target, found[target][1], models[target])
    if options.write:
        write_file(str(TABLE), costs.costs_def(models))
        print(f"written: {TABLE}; build again to use it")
    return 1 if wrong else 0


def _known(target: str, results: str | None) -> dict[tuple[str, str], float]:
    """Costs by layer and schedule that need no measurement: those of a benchmark's results, and on
    rv32im those of rv32i, which executes the same instructions unless it multiplies."""
    if target == "rv32im":
        return {(m.layer, m.schedule): m.cost for m in costs.read(FOLDER / "rv32i.json")[1]}
    if not results:
        return {}
    found = [result for result in read_json(results)[1] if result.target == target]
    return {(r.name, "straight-line"): r.ns for r in found if r.schedules == "1 straight-line"}


def _measure(target: str, only: list[str] | None, known: dict[tuple[str, str], float]) -> None:
    """All layers, or those named, on all schedules; the file changes when all are done."""
    path = FOLDER / f"{target}.json"
    before = costs.read(path)[1] if path.is_file() else []
    measured = [m for m in before if only and m.layer.split()[0] not in only]
    for shape in (*SHAPES, *SMALL):
        for density in DENSITIES:
            if not only or shape.name in only:
                found = _layer(target, shape, density, known)
                # Where auto takes no products any more, there are none to measure again.
                forms = {entry.schedule for entry in found}
                measured += found + [
                    entry
                    for entry in before
                    if entry.layer == f"{shape.name} {density}"
                    and entry.schedule == "products"
                    and entry.schedule not in forms
                ]
    FOLDER.mkdir(exist_ok=True)
    machine = {"name": "emulator"} if target.startswith("rv") else describe()
    write_file(str(path), costs.to_json(machine, measured))


def _layer(
    target: str, shape: LayerShape, density: str, known: dict[tuple[str, str], float]
) -> list[costs.Measured]:
    """One layer on all schedules that the target has; none if it is too large."""
    name = f"{shape.name} {density}"
    model = layer_network(shape, density)
    weights = numpy_helper.to_array(model.graph.initializer[2])
    digits = int(np.count_nonzero(csd_digits(weights)))
    if digits > MOST_DIGITS[target]:
        print(f"{target} {name}: left out, {digits:,} digits")
        return []
    machine = MACHINES.get(target, {"target": target})
    measured = []
    forms = [{"schedule": schedule} for schedule in ("straight-line", "table")]
    if target != "rv32i":
        forms.append({"schedule": "multiply", "multiply": "layers"})
    # Products of vectors, which only auto takes, do not depend on digits.
    if density == "dense" and not target.startswith("rv"):
        forms.append({"multiply": "layers"})
    for options in forms:
        form, lookups = options.get("schedule", "products"), 0
        cost = known.get((name, form))
        if cost is None:
            network = compile(model, **machine, **options)
            (layer,) = network.report["layers"]
            if form == "products" and layer["schedule"] != "multiply":
                continue
            if form == "table" and "lookups" in layer:
                form, lookups = "lookup", layer["lookups"]
            cost = _cost(network)
        size = {"weights": weights.size, "positions": shape.positions, "values": shape.values}
        entry = costs.Measured(
            name, form, digits=digits, cost=round(cost, 1), lookups=lookups, **size
        )
        measured.append(entry)
        print(f"{target} {name} {form}: {cost:,.0f}", flush=True)
    return measured


def _cost(network: Network) -> float:
    """Instructions in an emulator, which are exact; nanoseconds of CPU time here."""
    if network.program is not None:
        return float(sum(count_instructions(network).values()))
    with pinned():
        runner = CompiledRunner(network, network.zeros(), Timer())
        count = count_runs(runner, SECONDS)
        times = [runner(count) / count for _ in range(ROUNDS)]
    return round(statistics.median(times) * 1e9, 1)


def _show(
    target: str,
    measured: list[costs.Measured],
    factors: dict[costs.Key, tuple[float, ...]],
) -> int:
    """Print every choice of a target; how many are not the best or near it."""
    unit = "instructions" if target.startswith("rv") else "ns"
    print(f"\n{target}, {unit}")
    errors = [abs(costs.predict(factors, entry) / entry.cost - 1) for entry in measured]
    wrong = 0
    for allowed in (costs.ADDING, tuple(costs.FORMS)):
        if not any(entry.schedule == allowed[-1] for entry in measured):
            continue
        print(f"{'of ' + ', '.join(allowed):44}{'measured':>14}{'predicted':>14}{'loss':>7}")
        for choice in costs.choices(measured, factors, allowed):
            entry = choice.chosen
            predicted = costs.predict(factors, entry)
            verdict = "" if choice.loss <= TOLERANCE else f"  {choice.best.schedule} is better"
            wrong += bool(verdict)
            label = f"  {choice.layer:18}{entry.schedule}"
            print(f"{label:44}{entry.cost:14,.0f}{predicted:14,.0f}{choice.loss:7.2f}{verdict}")
    print(
        f"relative error of a prediction: median {statistics.median(errors):.0%}, "
        f"largest {max(errors):.0%}"
    )
    return wrong


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BitnnError as error:
        sys.exit(f"bench: {error}")

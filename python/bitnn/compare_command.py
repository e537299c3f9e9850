# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`bitnn compare`: compiled networks beside the reference and onnxruntime."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator, Sequence

import onnx

from bitnn.compare import Expected, compare_outputs, compare_tensors
from bitnn.compiler import Network, compile
from bitnn.errors import BitnnError
from bitnn.graph import load_model
from bitnn.npz import read_npz
from bitnn.options import chosen, positive
from bitnn.peers import compare_operators
from bitnn.reference import Reference
from bitnn.samples import Sample, random_samples, split

SCHEDULES = ("auto", "straight-line", "table", "multiply")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `bitnn compare` takes, besides the model and the options of bitnn-compile."""
    parser.add_argument("--samples", type=positive, help="random samples instead (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the random samples")
    parser.add_argument(
        "--all-tensors", action="store_true", help="compare every 8-bit tensor, not outputs alone"
    )
    parser.add_argument("--schedules", help="several instead of --schedule: a,b,... or all")
    parser.add_argument("--targets", help="several instead of --target: a,b,...")
    parser.add_argument(
        "--emulated-samples", type=positive, help="of the samples, so many in an emulator"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, and print a line for each opinion; 1 if something differs that should not."""
    if options.inputs and options.samples:
        raise BitnnError("give either an .npz file or --samples, not both")
    reference = Reference(options.model)
    if options.inputs:
        samples, _ = split(reference, read_npz(options.inputs))
    else:
        samples = random_samples(reference, options.samples or 10, options.seed)
    faults = sum(_compiled_networks(options, samples))
    faults += _onnxruntime(load_model(options.model), reference, samples)
    return 1 if faults else 0


def _configurations(options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """The options of bitnn-compile, one dictionary for each target and schedule."""
    given = chosen(options)
    targets = _listed(options.targets, given.pop("target", None), "target")
    several = ",".join(SCHEDULES) if options.schedules == "all" else options.schedules
    schedules = _listed(several, given.pop("schedule", None), "schedule")
    for target in targets:
        for schedule in schedules:
            pair = {"target": target, "schedule": schedule}
            yield {**given, **{name: value for name, value in pair.items() if value}}


def _listed(several: str | None, one: str | None, name: str) -> list[str | None]:
    if several and one:
        raise BitnnError(f"give either --{name} or --{name}s, not both")
    return list(several.split(",")) if several else [one]


def _compiled_networks(options: argparse.Namespace, samples: Sequence[Sample]) -> Iterator[int]:
    """Print how every compiled network compares; 1 for each that differs."""
    expected: Expected | None = None
    chosen_by_auto: set[tuple[str | None, str]] = set()
    several = bool(options.targets or options.schedules)
    for configuration in _configurations(options):
        target, schedule = configuration.get("target"), configuration.get("schedule", "auto")
        prefix = "reference" + (f", {' '.join(configuration.values())}" if several else "")
        if (target, schedule) in chosen_by_auto:
            print(f"{prefix}: auto chose it for every layer: the same code", flush=True)
            continue
        network = compile(options.model, **configuration)
        if schedule == "auto":
            choices = {layer["schedule"] for layer in network.report.get("layers", ())}
            chosen_by_auto |= {(target, choice) for choice in choices if len(choices) == 1}
        # The reference computes every value once for all of them.
        expected = expected or Expected.of(network, samples, inner=True)
        part = expected.first(options.emulated_samples if network.program else None)
        yield _compare(network, part, configuration, options, prefix)


def _compare(
    network: Network,
    expected: Expected,
    configuration: dict[str, str],
    options: argparse.Namespace,
    prefix: str,
) -> int:
    found = compare_outputs(network, expected.samples, expected)
    names: list[str] = []
    if found or options.all_tensors:
        # With every tensor an output the code is another; then the output itself is named.
        names, inner = compare_tensors(network, options.model, expected, configuration)
        found = inner or found
    if found:
        print(f"{prefix}: different: {found[0]}", flush=True)
        return 1
    count = len(expected.samples)
    text = f"{sum(cut.size for cut in network.outputs) * count} values in {count} samples"
    if names:
        values = sum(expected.tensors[0][name].size for name in names) * count
        text += f", and {values} values of {len(names)} inner tensors"
    print(f"{prefix}: equal, {text}", flush=True)
    return 0


def _onnxruntime(model: onnx.ModelProto, reference: Reference, samples: Sequence[Sample]) -> int:
    """Print onnxruntime's opinion of the reference; the number of operators it should share."""
    if importlib.util.find_spec("onnxruntime") is None:
        print("onnxruntime: not installed, not compared (pip install bitnn[compare])")
        return 0
    opinion = compare_operators(model, reference, samples)
    for name, count in opinion.different.items():
        print(f"onnxruntime: different from the reference: {name}, {count} values")
    for name, count in opinion.ties.items():
        print(f"onnxruntime: {name}: {count} values rounded elsewhere, no fault")
    for name in opinion.in_float:
        print(f"onnxruntime: {name}: it computes this in float, not compared")
    if not opinion.different:
        print(f"onnxruntime: equal to the reference in {len(opinion.compared)} operators")
    return len(opinion.different) + _whole_network(model, reference, samples)


def _whole_network(model: onnx.ModelProto, reference: Reference, samples: Sequence[Sample]) -> int:
    """Print what the whole network is in optimized onnxruntime, fed with its own integers."""
    from bitnn.whole import compare_whole

    prefix = "onnxruntime, whole network"
    try:
        whole = compare_whole(model, reference, samples)
    except BitnnError as error:
        print(f"{prefix}: not compared: {error}")
        return 0
    if whole.in_float:
        print(f"{prefix}: not compared: it computes {', '.join(whole.in_float)} in float")
        return 0
    for name, count in whole.different.items():
        print(f"{prefix}: different from the reference: {name}, {count} values")
    for name, count in whole.reordered.items():
        print(f"{prefix}: {name}: {count} of its sums rounded in another order, no fault")
    text = f"{whole.different_outputs} of {whole.outputs} outputs differ"
    if whole.different_outputs and not whole.different:
        text += ", because of these sums"
    text += f"; {whole.values} values of {whole.tensors} inner tensors traced"
    if whole.last_places:
        text += f"; float operators differ from numpy's by {whole.last_places} last places at most"
    print(f"{prefix}: {text}")
    unexplained = whole.different_outputs and not (whole.different or whole.reordered)
    return len(whole.different) + bool(unexplained)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command `bitnn`: run, compare, time or train a model, print graphs of adders."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bitnn import adders
from bitnn.accuracy import add_options as add_accuracy_options
from bitnn.bench.cli import add_command_options as add_bench_options
from bitnn.compare import all_tensors, inner_tensors
from bitnn.compare_command import add_options as add_compare_options
from bitnn.compiler import Network, compile
from bitnn.errors import BitnnError
from bitnn.npz import make_folder, read_npz, write_npz
from bitnn.options import COMPILER_OPTIONS, chosen, natural
from bitnn.samples import Join, split
from bitnn.training.cli import add_commands as add_training_commands
from bitnn.values import Array


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; every error is one line and exit code 1."""
    try:
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except BitnnError as error:
        print(f"bitnn: error: {error}", file=sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BitnnError(f"{message} ('{self.prog} --help' lists what there is)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="bitnn", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(metavar="command", required=True, parser_class=_Parser)

    run = commands.add_parser(
        "run", allow_abbrev=False, help="compile a model and run it here or in an emulator"
    )
    run.add_argument("model", help="the ONNX model")
    run.add_argument("inputs", help=".npz with arrays named as the graph's inputs")
    run.add_argument("-o", dest="outputs", required=True, help=".npz for the graph's outputs")
    run.add_argument(
        "--dump",
        metavar="ALL.npz|FOLDER",
        help="also write every 8-bit tensor; into a folder: beside every tensor of the reference",
    )
    run.set_defaults(run=_run)

    compare = commands.add_parser(
        "compare", allow_abbrev=False, help="compare with the reference and onnxruntime"
    )
    compare.add_argument("model", help="the ONNX model")
    compare.add_argument("inputs", nargs="?", help=".npz with arrays named as the graph's inputs")
    add_compare_options(compare)

    accuracy = commands.add_parser(
        "accuracy", allow_abbrev=False, help="test images of a data set through the compiled code"
    )
    add_accuracy_options(accuracy)

    graph = commands.add_parser(
        "adders", allow_abbrev=False, help="print a constant matrix as a graph of adders"
    )
    graph.add_argument("matrix", help="an .npy file, (outputs, inputs), integers of 24 bits")
    graph.add_argument("--encoding", choices=("csd", "binary"), help="csd (default) or binary")
    graph.add_argument("--accumulate", action="store_true", help="add to one more input per output")
    graph.add_argument("--weigh-by-width", action="store_true", help="save bits, not adders")
    for name, text in adders.COUNTS.items():
        graph.add_argument(f"--{name}", type=natural, metavar="N", help=text)
    graph.add_argument("--json", action="store_true", help="print JSON")
    graph.set_defaults(run=_adders)

    bench = commands.add_parser(
        "bench", allow_abbrev=False, help="speed beside onnxruntime and other runtimes, in turns"
    )
    add_bench_options(bench)

    add_training_commands(commands)
    for command in (run, compare, accuracy):
        group = command.add_argument_group("options of bitnn-compile")
        for name, text in COMPILER_OPTIONS.items():
            group.add_argument(f"--{name}", help=text)
    return parser


def _run(options: argparse.Namespace) -> int:
    arrays = read_npz(options.inputs)
    network = _compiled(options)
    samples, join = split(network.reference, arrays)
    results = network.run(samples)
    if options.dump:
        dumped = {"compiled": _dump(network, samples, options)}
        if not options.dump.endswith(".npz"):
            make_folder(options.dump)
            dumped["reference"] = all_tensors(network.reference, samples)
        for name, tensors in dumped.items():
            file = Path(options.dump)
            file = file if len(dumped) == 1 else file / f"{name}.npz"
            write_npz(file, _joined(tensors, join))
    write_npz(options.outputs, _joined(results, join))
    return 0


def _joined(samples: list[dict[str, Array]], join: Join) -> dict[str, Array]:
    """The arrays of all samples by name."""
    return {name: join([sample[name] for sample in samples]) for name in samples[0]}


def _dump(
    network: Network, samples: list[dict[str, Array]], options: argparse.Namespace
) -> list[dict[str, Array]]:
    """The entry function's inputs and every 8-bit tensor, by a network that gives them all."""
    names = inner_tensors(network)
    whole = _compiled(options, outputs=names) if names else None
    results = whole.run(samples) if whole else [{} for _ in samples]
    for sample, tensors in zip(samples, results, strict=True):
        for cut, q in zip(network.inputs, network.cut_inputs(sample), strict=True):
            tensors.setdefault(cut.tensor, q)
    for name in names:
        if name not in results[0]:
            print(f"bitnn: note: tensor '{name}' is fused away, not dumped", file=sys.stderr)
    return results


def _adders(options: argparse.Namespace) -> int:
    matrix = adders.check_matrix(adders.read_matrix(options.matrix), f"'{options.matrix}'")
    names = ["encoding", "accumulate", "weigh_by_width", "json"]
    names += [name.replace("-", "_") for name in adders.COUNTS]
    chosen = {name: getattr(options, name) for name in names}
    sys.stdout.write(adders.run_tool(matrix, adders.tool_arguments(chosen)))
    return 0


def _compiled(options: argparse.Namespace, outputs: Sequence[str] = ()) -> Network:
    return compile(options.model, outputs=outputs, **chosen(options))

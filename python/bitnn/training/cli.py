# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The commands `bitnn train`, `bitnn sweep`, `bitnn plot` and `bitnn export`.

torch is imported only when one of them runs.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from bitnn.errors import BitnnError
from bitnn.training import config


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add their parsers to those of `bitnn`."""
    train = commands.add_parser(
        "train", allow_abbrev=False, help="train a network to a budget of adds and export it"
    )
    train.add_argument("file", nargs="?", help="settings as TOML, or config.json of a run")
    config.add_arguments(train)
    train.set_defaults(run=_train)

    sweep = commands.add_parser(
        "sweep", allow_abbrev=False, help="do a list of runs; go on where it was stopped"
    )
    sweep.add_argument("file", help="the list as TOML, see docs/Training.md")
    sweep.add_argument("--out", default="", help="folder of all runs instead of the file's")
    sweep.add_argument("--data-root", help="folder of the data files (default: $BITNN_DATA)")
    sweep.add_argument("--threads", type=int, help="CPU threads of each run")
    sweep.add_argument("--list", action="store_true", help="only say which runs are finished")
    sweep.set_defaults(run=_sweep)

    plot = commands.add_parser(
        "plot", allow_abbrev=False, help="draw accuracy against adds and energy of runs"
    )
    plot.add_argument("runs", nargs="+", help="folders of finished runs")
    plot.add_argument("--out", default="tradeoff.svg", help="the picture (default: tradeoff.svg)")
    plot.add_argument("--title", default="", help="above the picture")
    plot.add_argument(
        "--at", type=float, metavar="PERCENT", help="also print what each method costs there"
    )
    plot.set_defaults(run=_plot)

    export = commands.add_parser(
        "export", allow_abbrev=False, help="write the network of a run, finished or interrupted"
    )
    export.add_argument("folder", help="the folder of the run")
    export.add_argument("-o", dest="out", required=True, help="the ONNX file")
    export.set_defaults(run=_export)


def _train(options: argparse.Namespace) -> int:
    _need("torch")
    from bitnn.training.run import train

    if options.model == "list":
        from bitnn.training.models import MODELS

        print("\n".join(MODELS))
        return 0
    # `run` is the command's function here, not a setting.
    measured = train(config.from_arguments(options, options.file))
    for name, value in measured.items():
        if isinstance(value, (int, float, str)):
            print(f"{name}: {value:.5g}" if isinstance(value, float) else f"{name}: {value}")
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from bitnn.training import sweep

    path = Path(options.file)
    if options.list:
        for one in sweep.runs(path, options.out):
            done = (Path(one.out) / "metrics.json").exists()
            print(f"{'finished' if done else 'to do   '}  {one.out}")
        return 0
    _need("torch")
    changes = {"threads": options.threads, "data_root": options.data_root}
    changes = {name: value for name, value in changes.items() if value is not None}
    return 1 if sweep.sweep(path, changes, options.out) else 0


def _plot(options: argparse.Namespace) -> int:
    from bitnn.training import equal_accuracy
    from bitnn.training.plot import plot, points

    runs = [Path(run) for run in options.runs]
    plot(runs, Path(options.out), options.title)
    if options.at is not None:
        print(equal_accuracy.table(points(runs), options.at))
    return 0


def _export(options: argparse.Namespace) -> int:
    _need("torch")
    from bitnn.training.export_run import export_run

    print(f"{options.out}: {export_run(Path(options.folder), Path(options.out))}")
    return 0


def _need(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise BitnnError(f"training needs {module}: pip install bitnn[train]")

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole networks beside onnxruntime: the four of MLPerf Tiny and those of examples/.

The MLPerf Tiny networks are measured as published, and as uint8: the same numbers in the form that
onnxruntime fuses completely. They are read from $BITNN_DATA or ../shared/data.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

import onnx

from bitnn.bench.cli import add_options, run
from bitnn.bench.contest import Entry
from bitnn.errors import BitnnError
from bitnn.graph import load_model
from bitnn.unsigned import as_unsigned, separate_readers

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("BITNN_DATA", ROOT.parent / "shared" / "data"))
TINY = ("image_classification", "keyword_spotting", "visual_wake_words", "anomaly_detection")
EXAMPLES = ("cifar10", "mnist", "digits")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench networks", description=__doc__)
    names = [f"{name}{form}" for name in TINY for form in ("", ".uint8")] + list(EXAMPLES)
    parser.add_argument("--only", action="append", choices=names, help="this one; may repeat")
    add_options(parser)
    options = parser.parse_args()
    folder = DATA / "mlperf-tiny" / "onnx"
    if not folder.is_dir() and not options.part:
        print(f"skipped: the MLPerf Tiny networks, there is no {folder} (set BITNN_DATA)")
    entries: list[Entry] = []
    for name in options.only or names:
        if name in EXAMPLES:
            path = ROOT / "examples" / name / "model.onnx"
            entries.append(Entry(name, partial(load_model, path)))
            continue
        task = name.removesuffix(".uint8")
        path = folder / f"{task}.onnx"
        published = folder.parent / "tflite" / f"{task}.tflite"
        if path.is_file():
            # Once for each file.
            other = str(published) if name != task and published.is_file() else ""
            entries.append(Entry(name, partial(_load, path, name != task), other))
    return run(options, entries, ["x86-64-v3", "x86-64-v4"])


def _load(path: Path, unsigned: bool) -> onnx.ModelProto:
    model = load_model(path)
    return separate_readers(as_unsigned(model)) if unsigned else model


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BitnnError as error:
        sys.exit(f"bench: {error}")

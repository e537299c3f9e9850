# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The four MLPerf Tiny networks, complete: every schedule, on this machine and on rv32i.

`bitnn compare` with every tensor, for scalar code, AVX2, AVX-512 and the emulator, and beside
onnxruntime. Takes about half an hour; arguments are passed on (--samples=5, --targets=rv32i).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bitnn.command import main as bitnn
from bitnn.compiler import missing_features

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("x86-64", "x86-64-v3", "x86-64-v4", "rv32i")


def main(arguments: list[str]) -> int:
    data = Path(os.environ.get("BITNN_DATA", ROOT.parent / "shared" / "data"))
    models = sorted((data / "mlperf-tiny" / "onnx").glob("*.onnx"))
    if not models:
        print(f"no networks in {data}; set BITNN_DATA to the data's folder", file=sys.stderr)
        return 1
    here = [target for target in TARGETS if not missing_features(target)]
    for target in TARGETS:
        if target not in here:
            lacking = ", ".join(missing_features(target))
            print(f"not checked: {target}, this machine lacks {lacking}")
    options = [
        *("--all-tensors", "--schedules=all", f"--targets={','.join(here)}"),
        *("--samples=100", "--emulated-samples=10"),
    ]
    failed = []
    for model in models:
        print(f"\n== {model.stem}", flush=True)
        # Later options win.
        if bitnn(["compare", str(model), *options, *arguments]):
            failed.append(model.stem)
    print(f"\n{len(models) - len(failed)} networks passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

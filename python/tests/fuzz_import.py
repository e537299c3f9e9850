# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The importer under libFuzzer and sanitizers, for a number of minutes (default: 10).

Begins with small models of every operator, and with what earlier runs found and kept in
build-fuzz/corpus. An input that ends the importer lies in build-fuzz/crashes; once that is mended,
it belongs into unittests/Fuzz/Inputs.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

from bitnn.randomlayers import KINDS, OPERATORS, Options, combine, random_layers

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-fuzz"
PROGRAM = BUILD / "unittests" / "Fuzz" / "import-onnx-fuzzer"
INPUTS = ROOT / "unittests" / "Fuzz" / "Inputs"
SECONDS_PER_INPUT = 20
LARGEST_INPUT = 16384


def write_seeds(folder: Path, count: int = 3) -> None:
    """Some models of each kind of layer and operator in each form, the same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in [*KINDS, *OPERATORS]:
        for form in ("qdq", "qlinear"):
            options = Options(kinds=(kind,), forms=(form,), large=0)
            for index, layer in enumerate(random_layers(7, count, options)):
                model = combine([layer]).SerializeToString()
                if len(model) <= LARGEST_INPUT:
                    (folder / f"{kind}-{form}-{index}.onnx").write_bytes(model)


def fuzz_import(minutes: float) -> int:
    """Run the fuzzer; 0 if it found nothing."""
    corpus, seeds, crashes = (BUILD / name for name in ("corpus", "seeds", "crashes"))
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    write_seeds(seeds)
    seed = secrets.randbelow(2**31) + 1
    print(f"\n== importer, libFuzzer, seed {seed}", flush=True)
    command = [str(PROGRAM), str(corpus), str(seeds), str(INPUTS), f"-seed={seed}"]
    command += [f"-max_total_time={max(1, round(60 * minutes))}", f"-max_len={LARGEST_INPUT}"]
    command += [f"-timeout={SECONDS_PER_INPUT}", "-rss_limit_mb=3072", "-malloc_limit_mb=1024"]
    command += [f"-artifact_prefix={crashes}{os.sep}", "-print_final_stats=1"]
    return int(subprocess.run(command).returncode != 0)


def main(arguments: list[str]) -> int:
    try:
        minutes = float(*arguments) if arguments else 10.0
    except (TypeError, ValueError):
        print("usage: ./dev fuzz import [MINUTES]", file=sys.stderr)
        return 1
    return fuzz_import(minutes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

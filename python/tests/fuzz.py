# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random layers with new seeds against the reference, for a number of minutes (default: 10).

Every round runs test_random_layers.py with another seed. A seed that failed is printed with the
command that shows it again, and the exit code is 1. With --layers or --networks, so many random
layers and networks instead, each in three schedules.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import campaign

TEST = Path(__file__).with_name("test_random_layers.py")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__, allow_abbrev=False)
    parser.add_argument("minutes", nargs="?", type=float, default=10.0)
    parser.add_argument("--layers", type=int, default=0, help="so many instead, of every kind")
    parser.add_argument("--networks", type=int, default=0, help="so many random small networks")
    parser.add_argument("--seed", type=int, help="of the counted ones (default: a new one)")
    options = parser.parse_args(arguments)
    if options.layers or options.networks:
        seed = secrets.randbelow(2**31) if options.seed is None else options.seed
        folder = Path(tempfile.gettempdir()) / f"bitnn-fuzz-{seed}"
        return 1 if campaign.run(options.layers, options.networks, seed, folder) else 0
    return for_minutes(options.minutes)


def for_minutes(minutes: float) -> int:
    deadline = time.monotonic() + 60 * minutes
    failed: list[int] = []
    rounds = 0
    while rounds == 0 or time.monotonic() < deadline:
        seed = secrets.randbelow(2**31)
        rounds += 1
        print(f"\n== round {rounds}, seed {seed}, {len(failed)} failed so far", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", f"--seed={seed}", str(TEST)]
        command += ["-n", os.environ.get("JOBS", "auto"), "--dist=worksteal"]
        if subprocess.run(command).returncode:
            failed.append(seed)
    print(f"\n{rounds} rounds, {len(failed)} failed")
    for seed in failed:
        print(f"  build/venv/bin/python -m pytest --seed={seed} python/tests/{TEST.name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

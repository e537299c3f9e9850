# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random layers with new seeds against the reference, for a number of minutes (default: 10).

Every round runs test_random_layers.py with another seed. A seed that failed is printed with the
command that shows it again, and the exit code is 1.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

TEST = Path(__file__).with_name("test_random_layers.py")


def main(arguments: list[str]) -> int:
    try:
        minutes = float(*arguments) if arguments else 10.0
    except (TypeError, ValueError):
        print("usage: ./dev fuzz [MINUTES]", file=sys.stderr)
        return 1
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

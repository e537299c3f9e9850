# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A list of runs in one TOML file, done one after the other; finished ones are skipped.

out = "runs/mnist"          # the runs' folders are out/NAME
[common]                    # settings of all runs
data = "mnist"
[[run]]
name = "rd-0.3-{seed}"      # filled in from the run's settings
budget = 0.3
seed = [0, 1, 2]            # a list makes one run of each; several lists, all combinations
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any

from bitnn.errors import BitnnError
from bitnn.training import config
from bitnn.training.config import Config


def runs(path: Path, out: str = "") -> list[Config]:
    """The configurations that a sweep file describes, in order."""
    content = config.read(path)
    unknown = content.keys() - {"out", "common", "run"}
    if unknown:
        raise BitnnError(f"{path}: '{min(unknown)}' is not out, [common] or [[run]]")
    base = out or content.get("out", "")
    if not base or not content.get("run"):
        raise BitnnError(f"{path}: a sweep needs 'out' (a folder) and [[run]] tables")
    found = [
        made
        for table in content["run"]
        for made in _expand(content.get("common", {}) | table, base, str(path))
    ]
    folders = [made.out for made in found]
    twice = {folder for folder in folders if folders.count(folder) > 1}
    if twice:
        raise BitnnError(f"{path}: two runs are named {min(twice)}; use {{setting}} in the name")
    return found


def _expand(table: dict[str, Any], base: str, origin: str) -> list[Config]:
    if "name" not in table:
        raise BitnnError(f"{origin}: a [[run]] has no name")
    lists = {key: value for key, value in table.items() if isinstance(value, list)}
    made = []
    for values in itertools.product(*lists.values()):
        settings = table | dict(zip(lists, values, strict=True))
        name = settings.pop("name")
        try:
            settings["out"] = f"{base}/{name.format(**settings)}"
        except KeyError as error:
            raise BitnnError(f"{origin}: the name '{name}' uses {error}, not set there") from error
        made.append(config.from_settings(settings, f"{origin}, run '{name}'"))
    return made


def sweep(path: Path, changes: dict[str, Any], out: str = "") -> int:
    """Do, or continue, all runs that are not finished; returns how many failed.

    `changes` are settings of the circumstances only, such as `threads`.
    """
    from bitnn.training.run import finished, train

    failed = 0
    todo = [config.from_settings(one.json() | changes, str(path)) for one in runs(path, out)]
    for number, one in enumerate(todo, 1):
        label = f"{number}/{len(todo)} {one.out}"
        try:
            if finished(one):
                print(f"{label}: finished before", file=sys.stderr)
                continue
            with _Claim(Path(one.out)) as mine:
                if not mine:
                    print(f"{label}: another process is at it", file=sys.stderr)
                    continue
                print(label, file=sys.stderr, flush=True)
                measured = train(one)
        except BitnnError as error:
            if type(error).__name__ == "Interrupted":
                raise
            failed += 1
            print(f"{label}: {error}", file=sys.stderr)
            continue
        print(f"{label}: accuracy {measured['accuracy']:.2f} %", file=sys.stderr, flush=True)
    return failed


class _Claim:
    """Several processes may work on one sweep: the first to lock a run's folder does that run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / ".lock"

    def __enter__(self) -> bool:
        import fcntl

        self._file = os.open(self._path, os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *error: object) -> None:
        os.close(self._file)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bitnn and da4ml on one matrix, each in a process of its own with a time limit."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matrices import Matrix

from bitnn import adders
from bitnn.tools import find_tool

WORKER = Path(__file__).with_name("da4ml_worker.py")
# In the order of the table's columns; da4ml_worker.py has their arguments.
DA4ML = ("default", "nodecomp", "dc0", "dc2", "dc4", "mc", "wmc-dc", "mc-dc", "wmc-pdc", "mc-pdc")

Row = dict[str, Any]


def has_da4ml() -> bool:
    return importlib.util.find_spec("da4ml") is not None


def run_da4ml(matrix: Matrix, setting: str, limit: float) -> Row:
    """Adders, depth, CPU seconds and peak megabytes; or why there is nothing."""
    with tempfile.TemporaryDirectory(prefix="bitnn-") as folder:
        path = Path(folder) / "matrix.npy"
        np.save(path, matrix)
        # One thread, as bitnn has; its threads would only divide the same CPU time.
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(WORKER), str(path), setting]
        try:
            output = run(command, None, limit, environment)
        except RuntimeError as error:
            return {"error": str(error)}
    return dict(json.loads(output))


def run_bitnn(matrix: Matrix, options: dict[str, int], limit: float) -> Row:
    """The same of bitnn. `matrix` is (inputs, outputs), a row of bitnn's is an output."""
    text = json.dumps(matrix.T.tolist())
    arguments = adders.tool_arguments({**options, "json": True, "time": True})
    try:
        output = run([find_tool(adders.TOOL), *arguments], text, limit)
    except RuntimeError as error:
        return {"error": str(error)}
    graph = json.loads(output)
    return {
        "adders": graph["adds"],
        "depth": graph["depth"],
        "seconds": graph["seconds"],
        "megabytes": graph["megabytes"],
        "exact": is_exact(graph, matrix),
        "without_sharing": graph["adds_without_sharing"],
    }


def is_exact(graph: Row, matrix: Matrix) -> bool:
    """Our own check of what the tool says it has proved: unit vectors give the matrix."""
    return np.array_equal(adders.evaluate(graph, np.eye(len(matrix), dtype=np.int64)), matrix)


def run(
    command: list[str], text: str | None, limit: float, environment: dict[str, str] | None = None
) -> str:
    """What a process prints, unless it takes longer than `limit` seconds.

    It is started by `timeout`: the peak memory that a process sees begins with that of the process
    it was forked from, which must not be this one. (A limit of the CPU time would be fairer, but
    with one Linux counts that time in ticks.)
    """
    timed = ["timeout", "--signal=KILL", str(limit), *command]
    process = subprocess.run(timed, input=text, capture_output=True, text=True, env=environment)
    if process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        raise RuntimeError(f"more than {limit:g} s")
    if process.returncode:
        raise RuntimeError((process.stderr.strip().splitlines() or ["failed"])[-1])
    return process.stdout

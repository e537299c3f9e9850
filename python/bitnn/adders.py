# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Constant matrices as graphs of adders: read a matrix, hand it to bitnn-adders, read the graph."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bitnn.errors import BitnnError
from bitnn.tools import find_tool
from bitnn.values import Array

TOOL = "bitnn-adders"
# The same limit as the tool's.
BITS = 24
# Its options that take a number.
COUNTS = {
    "depth": "the most adders on any path",
    "anneal": "solve so many variants and keep the best; Ctrl-C ends it early",
    "seed": "of annealing (default: 0)",
    "window": "inputs that are solved together first (default: all)",
    "input-bits": "the inputs are signed integers of so many bits (default: 8)",
    "registers": "also print linear programs for so many registers",
}


def share_adders(matrix: Array, **options: int | str | bool | None) -> dict[str, Any]:
    """The graph of `matrix` (outputs, inputs), as the dictionary that bitnn-adders prints.

    `options` are those of bitnn-adders, with underscores: `depth=8, anneal=1000, registers=16`.
    Any layout and any real dtype will do as long as the values are integers of 24 bits; anything
    else, and what the tool refuses, is a BitnnError.
    """
    output = run_tool(check_matrix(matrix), tool_arguments({**options, "json": True}))
    return dict(json.loads(output))


def evaluate(graph: Mapping[str, Any], values: Array) -> Array:
    """The outputs of a graph for `values` (..., inputs), in int64, which must not overflow."""
    nodes = list(np.moveaxis(np.asarray(values, np.int64), -1, 0))

    def operand(entry: Mapping[str, Any]) -> Array:
        value = nodes[entry["node"]] << entry["shift"]
        return -value if entry["negative"] else value

    for adder in graph["adders"]:
        nodes.append(operand(adder["lhs"]) + operand(adder["rhs"]))
    zero = np.zeros_like(nodes[0])
    return np.stack([zero if y is None else operand(y) for y in graph["outputs"]], axis=-1)


def read_matrix(path: str | Path) -> Array:
    """The array of an .npy file. What numpy cannot read whole is refused by name."""
    try:
        # A map compares the header with the size of the file before it allocates anything.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise BitnnError(f"cannot read '{path}': {error.strerror or error}") from None
    except (TypeError, ValueError, EOFError, OverflowError, SyntaxError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BitnnError(f"'{path}' is not a whole .npy file of numbers: {reason}") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise BitnnError(f"'{path}' holds several arrays; save the matrix alone, with np.save")
    return array


def check_matrix(matrix: Array, name: str = "the matrix") -> Array:
    """The same values as contiguous int32; refuses what is no matrix of 24-bit integers."""
    matrix = np.asarray(matrix)
    if matrix.dtype.kind not in "biuf":
        raise BitnnError(f"{name} holds {matrix.dtype}, not integers")
    if matrix.ndim != 2:
        remedy = "; reshape weights by w.reshape(len(w), -1)" if matrix.ndim > 2 else ""
        raise BitnnError(
            f"{name} has {matrix.ndim} dimensions; a matrix has 2, (outputs, inputs){remedy}"
        )
    if matrix.size == 0:
        raise BitnnError(f"{name} is empty: {matrix.shape[0]} outputs, {matrix.shape[1]} inputs")
    if matrix.dtype.kind == "f":
        whole = np.isfinite(matrix) & (matrix == np.rint(matrix))
        _refuse_where(~whole, matrix, name, "which is no integer")
    limit = 2 ** (BITS - 1)
    # As Python's integers: no dtype wraps around.
    if int(matrix.max()) >= limit or int(matrix.min()) < -limit:
        wide = matrix.astype(object if matrix.dtype.kind in "iu" else np.float64)
        _refuse_where(
            (wide >= limit) | (wide < -limit), matrix, name, f"which takes more than {BITS} bits"
        )
    return np.ascontiguousarray(matrix, np.int32)


def run_tool(matrix: Array, arguments: Sequence[str]) -> str:
    """What bitnn-adders prints for a checked matrix. Ctrl-C makes it print the best so far."""
    with tempfile.TemporaryFile("w+") as file:
        json.dump(matrix.tolist(), file)
        file.seek(0)
        pipes = {"stdin": file, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([find_tool(TOOL), *arguments], text=True, **pipes)
    with process:
        output, start = None, time.monotonic()
        while output is None:
            try:
                output, errors = process.communicate(timeout=1)
            except subprocess.TimeoutExpired:
                if sys.stderr.isatty():
                    text = f"{time.monotonic() - start:.0f} s; Ctrl-C gives the best so far"
                    print(f"\r{TOOL}: {text}", end="\r", file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                # A terminal has told the tool too; whoever interrupts only us has not.
                process.send_signal(signal.SIGINT)
    if process.returncode:
        lines = errors.strip().splitlines() or [f"{TOOL} ended with code {process.returncode}"]
        raise BitnnError(lines[-1].removeprefix(f"{TOOL}: ").removeprefix("error: "))
    return output


def tool_arguments(options: Mapping[str, int | str | bool | None]) -> list[str]:
    """Options by name as arguments of bitnn-adders; None and False are left out."""
    return [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in options.items()
        if value is not None and value is not False
    ]


def _refuse_where(wrong: Array, matrix: Array, name: str, reason: str) -> None:
    places = np.argwhere(wrong)
    if len(places):
        row, column = places[0]
        value = matrix[row, column]
        raise BitnnError(f"{name}, row {row}, column {column} is {value}, {reason}")

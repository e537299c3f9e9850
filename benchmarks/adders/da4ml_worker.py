# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run da4ml on one matrix, in a process of its own, and print what its graph is as JSON.

da4ml is LGPL: it is installed and run, nothing of it is here. What it returns is counted as our own
graphs are: adders are live nodes that add or subtract, shifts and negations are free. The linear
forms of its outputs are compared with the matrix.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import numpy as np
from da4ml.cmvm import solve
from numpy.typing import NDArray

# Keyword arguments of da4ml.cmvm.solve. hard_dc: levels of adders above the fewest possible.
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "nodecomp": {"decompose_dc": -1, "search_all_decompose_dc": False},
    "dc0": {"hard_dc": 0},
    "dc2": {"hard_dc": 2},
    "dc4": {"hard_dc": 4},
    "mc": {"method0": "mc"},
    "wmc-dc": {"method0": "wmc-dc"},
    "mc-dc": {"method0": "mc-dc"},
    "wmc-pdc": {"method0": "wmc-pdc"},
    "mc-pdc": {"method0": "mc-pdc"},
}
# The best time of so many runs, where they are short.
RUNS = 3
# Of an operation: a copy of an input, a sum, a difference.
INPUT, ADD, SUBTRACT = -1, 0, 1


class Graph:
    """The adders of all stages in one list: node 0.. are the inputs, then sums of two nodes."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.operands: list[tuple[int, ...]] = [()] * inputs
        # Per value: its node, or None for zero, and its linear form in the inputs.
        self.values: list[tuple[int | None, NDArray[np.float64]]] = list(enumerate(np.eye(inputs)))

    def append_stage(self, stage: Any) -> None:  # noqa: ANN401 - a type of da4ml
        buffer: list[tuple[int | None, NDArray[np.float64]]] = []
        for op in stage.ops:
            if op.opcode == INPUT:
                node, form = self.values[op.id0]
                buffer.append((node, form * 2.0 ** stage.inp_shifts[op.id0]))
            elif op.opcode in (ADD, SUBTRACT):
                (a, form), (b, other) = buffer[op.id0], buffer[op.id1]
                sign = 1 if op.opcode == ADD else -1
                self.operands.append((a, b))
                buffer.append((len(self.operands) - 1, form + sign * other * 2.0**op.data))
            else:
                raise ValueError(f"da4ml used an operation that is no adder: {op.opcode}")
        ends = zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)
        zero = np.zeros(self.inputs)
        self.values = [
            (buffer[i][0], buffer[i][1] * (-1 if negative else 1) * 2.0**shift)
            if i >= 0
            else (None, zero)
            for i, shift, negative in ends
        ]

    def measure(self) -> dict[str, int]:
        depths = [0] * self.inputs
        for operands in self.operands[self.inputs :]:
            depths.append(1 + max(depths[node] for node in operands))
        live: set[int] = set()
        ends = [node for node, _ in self.values if node is not None]
        waiting = list(ends)
        while waiting:
            node = waiting.pop()
            if node not in live:
                live.add(node)
                waiting += self.operands[node]
        return {
            "adders": sum(node >= self.inputs for node in live),
            "depth": max((depths[node] for node in ends), default=0),
        }


def main(path: str, setting: str) -> None:
    matrix = np.load(path)
    # Other dtypes and layouts are solved wrongly without a word.
    kernel = np.ascontiguousarray(matrix, np.float32)
    seconds = float("inf")
    for _ in range(RUNS):
        start = time.process_time()
        solution = solve(kernel, **SETTINGS[setting])
        seconds = min(seconds, time.process_time() - start)
        if seconds > 1:
            break
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    graph = Graph(len(matrix))
    for stage in solution.solutions:
        graph.append_stage(stage)
    forms = np.stack([form for _, form in graph.values], axis=1)
    row = {**graph.measure(), "seconds": seconds, "megabytes": megabytes}
    print(json.dumps({**row, "exact": bool((forms == matrix).all())}))


if __name__ == "__main__":
    main(*sys.argv[1:])

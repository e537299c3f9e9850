# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two runtimes in turns, and what the turns say."""

from __future__ import annotations

import ctypes
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bitnn.bench.machine import Timer
from bitnn.compiler import Network
from bitnn.values import Array

# A runner takes a count of runs and returns their seconds of CPU time.
Runner = Callable[[int], float]


@dataclass(frozen=True)
class Timing:
    """Nanoseconds per run of each side (medians), and the ratio theirs / ours of each round."""

    ours: float
    theirs: dict[str, float]
    ratios: dict[str, tuple[float, float, float]]
    """Lower quartile, median, upper quartile."""


class CompiledRunner:
    """A compiled network with buffers of its own; calling it times it in C."""

    def __init__(self, network: Network, inputs: Mapping[str, Array], timer: Timer) -> None:
        self._timer = timer
        self._network = network
        size, alignment = network.scratch
        arrays = list(network.cut_inputs(inputs))
        arrays += [np.empty(cut.shape, cut.dtype) for cut in network.outputs]
        scratch = np.zeros(size + alignment, np.uint8)
        pointers = [array.ctypes.data for array in arrays]
        pointers.append(scratch.ctypes.data + -scratch.ctypes.data % alignment)
        self._keep = (arrays, scratch)
        self._arrays = (ctypes.c_void_p * 8)(*pointers)
        self._function = ctypes.cast(network._function, ctypes.c_void_p)

    def __call__(self, count: int) -> float:
        return self._timer.run(self._function, self._arrays, count)

    def profile(self, count: int) -> list[int]:
        """Program counters relative to the start of the entry function."""
        places = self._timer.profile(self._function, self._arrays, count)
        return [place - (self._function.value or 0) for place in places]


def interleave(ours: Runner, theirs: Mapping[str, Runner], rounds: int, seconds: float) -> Timing:
    """`rounds` turns of about `seconds` each for every side, after one that warms up."""
    sides = {"": ours, **theirs}
    counts = {name: count_runs(run, seconds) for name, run in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            times[name].append(run(counts[name]) / counts[name])
    ratios = {}
    for name in theirs:
        each = [b / a for a, b in zip(times[""], times[name], strict=True)]
        low, middle, high = statistics.quantiles(each, n=4, method="inclusive")
        ratios[name] = (low, middle, high)
    medians = {name: statistics.median(values) * 1e9 for name, values in times.items()}
    return Timing(medians.pop(""), medians, ratios)


def count_runs(run: Runner, seconds: float) -> int:
    """How often to run something so that it takes about that long."""
    count = 1
    while (taken := run(count)) < seconds / 4:
        count *= 4
    return max(1, round(count * seconds / taken))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What threads gain: code of --parallel on one thread and on several, beside code without it.

Times are of the clock on the wall, so every core that is used must be idle. All sides take turns in
one process; a speed-up is the median of its turns' ratios.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np

from bitnn.bench.machine import build_native
from bitnn.bench.measure import interleave
from bitnn.bench.networks import SHAPES, layer_network
from bitnn.compiler import Network, compile
from bitnn.errors import BitnnError
from bitnn.options import positive
from bitnn.samples import random_samples
from bitnn.values import Array

ROOT = Path(__file__).resolve().parents[1]


class Threads:
    """The loops and the pool of native/threads.c."""

    def __init__(self, count: int) -> None:
        self.library = library = ctypes.CDLL(str(build_native("threads.c")))
        library.bitnn_threads_start.restype = ctypes.c_void_p
        library.bitnn_threads_run.restype = ctypes.c_double
        library.bitnn_threads_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
        for function in (library.bitnn_threads_stop, library.bitnn_threads_count):
            function.argtypes = [ctypes.c_void_p]
        self.pool = library.bitnn_threads_start(count)
        if not self.pool or library.bitnn_threads_count(self.pool) != count:
            raise BitnnError(f"{count} threads cannot be started")

    def stop(self) -> None:
        self.library.bitnn_threads_stop(self.pool)


class Side:
    """A network with buffers of its own, and the threads that it may use."""

    def __init__(self, network: Network, threads: Threads | None, library: ctypes.CDLL) -> None:
        (sample,) = random_samples(network.reference, 1, seed=1)
        size, alignment = network.scratch
        self.outputs = [np.empty(cut.shape, cut.dtype) for cut in network.outputs]
        self._arrays: list[Array] = [*network.cut_inputs(sample), *self.outputs]
        scratch = np.zeros(size + alignment, np.uint8)
        pointers = [array.ctypes.data for array in self._arrays]
        pointers.append(scratch.ctypes.data + -scratch.ctypes.data % alignment)
        pointers.append(threads.pool if threads else 0)
        self._arrays.append(scratch)
        self._pointers = (ctypes.c_void_p * 8)(*pointers)
        self._network = network
        self._function = ctypes.cast(network._function, ctypes.c_void_p)
        self._run = library.bitnn_threads_run

    def __call__(self, count: int) -> float:
        return float(self._run(self._function, self._pointers, count))


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench parallel", description=__doc__)
    parser.add_argument("model", nargs="*", help="ONNX models (default: layers and examples)")
    parser.add_argument("--target", action="append", help="default: x86-64-v3 and x86-64-v4")
    parser.add_argument("--density", default="0.3", help="of the layers (default: 0.3)")
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true", help="3 turns instead of 15")
    options = parser.parse_args()
    networks = {Path(model).stem: partial(str, model) for model in options.model}
    if not networks:
        networks = {s.name: partial(layer_network, s, options.density) for s in SHAPES if s.size}
        for name in ("digits", "mnist", "cifar10"):
            networks[name] = partial(str, ROOT / "examples" / name / "model.onnx")
    threads = Threads(options.threads)
    try:
        for target in options.target or ("x86-64-v3", "x86-64-v4"):
            print(f"{target}, {options.threads} threads; load {os.getloadavg()[0]:.2f}")
            print(f"{'network':24}{'us':>10}{'1 thread':>10}{'threads':>10}{'speed-up':>10}")
            for name, load in networks.items():
                print(_line(name, load(), target, threads, options.quick), flush=True)
    finally:
        threads.stop()
    return 0


def _line(name: str, model: object, target: str, threads: Threads, quick: bool) -> str:
    """Microseconds without --parallel, with it on one thread and on several; the speed-up."""
    plain, shared = (compile(model, target=target, parallel=flag) for flag in (False, True))
    library = threads.library
    sides = [
        Side(plain, None, library),
        Side(shared, None, library),
        Side(shared, threads, library),
    ]
    for side in sides:
        side(1)
    for side in sides[1:]:
        if not all(map(np.array_equal, sides[0].outputs, side.outputs)):
            raise BitnnError(f"{name}: threads give other integers")
    ours, others = sides[2], {"plain": sides[0], "one": sides[1]}
    timing = interleave(ours, others, 3 if quick else 15, 0.001 if quick else 0.02)
    times = [timing.theirs["plain"], timing.theirs["one"], timing.ours]
    gain = timing.ratios["plain"][1]
    return f"{name:24}" + "".join(f"{ns / 1e3:10.1f}" for ns in times) + f"{gain:10.2f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BitnnError as error:
        sys.exit(f"bench: {error}")

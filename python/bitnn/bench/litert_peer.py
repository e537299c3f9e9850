# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""LiteRT with XNNPACK as a peer, on the published .tflite file of a network.

Those files have other weights than the ONNX files of the same networks, so integers cannot be
compared here; their own golden outputs are a test of the importer's.
"""

from __future__ import annotations

import time
from importlib import metadata

import numpy as np

from bitnn.bench.cut import Part
from bitnn.bench.peer import Kind, Question

NAME = "litert"
PACKAGE = "ai_edge_litert"


def start(isa: str) -> Kind:
    """LiteRT in this process. Raises ImportError where it is not installed."""
    from ai_edge_litert import interpreter

    assert interpreter
    return Kind(NAME, isa, metadata.version("ai-edge-litert"), 0.0, _load)


def _load(question: Question) -> LiteRT | None:
    return LiteRT(question.published) if question.published else None


class LiteRT:
    """A .tflite file, loaded; its int8 input is noise that stays the same."""

    notes = ("other weights",)

    def __init__(self, path: str) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=path, num_threads=1)
        self._interpreter.allocate_tensors()
        rng = np.random.default_rng(1)
        for entry in self._interpreter.get_input_details():
            noise = rng.integers(-128, 128, entry["shape"]).astype(entry["dtype"])
            self._interpreter.set_tensor(entry["index"], noise)

    def outputs(self, part: Part) -> None:
        """Nothing: the weights are others."""

    def run(self, count: int) -> float:
        """Seconds of CPU time of `count` runs."""
        invoke = self._interpreter.invoke
        start = time.thread_time_ns()
        for _ in range(count):
            invoke()
        return (time.thread_time_ns() - start) * 1e-9

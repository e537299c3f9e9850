# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""OpenVINO as a peer. On AVX2 it saturates in 16 bits, and its integers are then wrong."""

from __future__ import annotations

import os
import time

import numpy as np

from bitnn.bench.cut import Part
from bitnn.bench.peer import Kind, Question
from bitnn.values import Array

NAME = "openvino"


def start(isa: str) -> Kind:
    """OpenVINO in this process. Raises ImportError where it is not installed."""
    if isa == "AVX2":
        # It obeys this, so that its copy needs no mask.
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"
    import openvino

    return Kind(NAME, isa, openvino.__version__.split("-")[0], 0.0, OpenVino)


class OpenVino:
    """A part of a model, compiled for one thread."""

    notes: tuple[str, ...]

    def __init__(self, question: Question) -> None:
        import openvino

        part = question.part
        core = openvino.Core()
        model = core.read_model(part.model.SerializeToString())
        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        self._compiled = core.compile_model(model, "CPU", settings)
        self._request = self._compiled.create_infer_request()
        self._set(part)
        self.notes = part.notes

    def outputs(self, part: Part) -> list[Array]:
        """The outputs in the part's order."""
        self._set(part)
        self._request.infer()
        return [np.array(self._request.get_tensor(name).data) for name in part.outputs]

    def run(self, count: int) -> float:
        """Seconds of CPU time, of all its threads, of `count` runs."""
        infer = self._request.infer
        start = time.process_time_ns()
        for _ in range(count):
            infer()
        return (time.process_time_ns() - start) * 1e-9

    def _set(self, part: Part) -> None:
        import openvino

        for name, array in part.inputs.items():
            self._request.set_tensor(name, openvino.Tensor(np.ascontiguousarray(array)))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""onnxruntime as a peer: one thread, bound buffers, integers that are right."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from bitnn.bench.cut import Part
from bitnn.bench.peer import Kind, Question
from bitnn.peers import FLOAT
from bitnn.values import Array

NAME = "onnxruntime"


def start(isa: str) -> Kind:
    """onnxruntime in this process. Raises ImportError where it is not installed."""
    import onnxruntime

    saturates = "VNNI" not in isa
    edge = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, [1]) for name in ("input", "output")
    ]
    node = helper.make_node("Identity", ["input"], ["output"])
    graph = helper.make_graph([node], "nothing", edge[:1], edge[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    nothing = OnnxRuntime(
        saturates, Question(model, Part(model, {"input": np.zeros(1, np.uint8)}, ("output",), ()))
    )
    overhead = min(nothing.run(2000) for _ in range(5)) / 2000 * 1e9
    load = partial(OnnxRuntime, saturates)
    return Kind(NAME, isa, onnxruntime.__version__, overhead, load)


class OnnxRuntime:
    """A part of a model in onnxruntime; `operators` counts what it really runs."""

    def __init__(self, saturates: bool, question: Question) -> None:
        part = question.part
        self._session, self.operators = _session(part.model, saturates)
        self._binding = self._session.io_binding()
        # The binding holds pointers to these.
        self._inputs = {name: np.ascontiguousarray(array) for name, array in part.inputs.items()}
        for name, array in self._inputs.items():
            self._binding.bind_cpu_input(name, array)
        for output in self._session.get_outputs():
            self._binding.bind_output(output.name)
        in_float = [f"{n} {op}" for op, n in sorted(self.operators.items()) if op in FLOAT]
        self.notes = (*part.notes, *(f"runs {text} in float" for text in in_float))

    def outputs(self, part: Part) -> list[Array]:
        """The outputs in the part's order."""
        return self._session.run(list(part.outputs), dict(part.inputs))

    def run(self, count: int) -> float:
        """Seconds of CPU time of `count` runs on the bound inputs."""
        # The method of C++ itself, without the wrapper in Python.
        run, binding = self._session._sess.run_with_iobinding, self._binding._iobinding
        start = time.thread_time_ns()
        for _ in range(count):
            run(binding, None)
        return (time.thread_time_ns() - start) * 1e-9


def _session(model: onnx.ModelProto, saturates: bool) -> tuple[Any, Counter[str]]:
    """A session of one thread and the operators of its optimized model."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Without VNNI sums saturate in 16 bits and integers are wrong, unless this is asked for.
    # With VNNI it would only be slower.
    if saturates:
        options.add_session_config_entry("session.x64quantprecision", "1")
    with tempfile.TemporaryDirectory(prefix="bitnn-") as folder:
        final = Path(folder) / "final.onnx"
        options.optimized_model_filepath = str(final)
        session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return session, Counter(node.op_type for node in onnx.load(final).graph.node)

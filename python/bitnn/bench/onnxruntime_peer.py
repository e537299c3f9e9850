# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""onnxruntime as a peer: one thread, bound buffers, integers that are right."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from bitnn.errors import BitnnError
from bitnn.peers import FLOAT, FUSED
from bitnn.values import Array

NAME = "onnxruntime"


def import_onnxruntime():  # noqa: ANN201 - a module without types
    try:
        import onnxruntime
    except ImportError:
        raise BitnnError("onnxruntime is not installed: pip install bitnn[compare]") from None
    return onnxruntime


class OnnxRuntime:
    """A model in onnxruntime; `operators` counts what it really runs."""

    def __init__(
        self, model: onnx.ModelProto, inputs: Mapping[str, Array], saturates: bool
    ) -> None:
        ort = import_onnxruntime()
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
            self._session = ort.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            self.operators = Counter(node.op_type for node in onnx.load(final).graph.node)
        self._binding = self._session.io_binding()
        # The binding holds pointers to these.
        self._inputs = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        for name, array in self._inputs.items():
            self._binding.bind_cpu_input(name, array)
        for output in self._session.get_outputs():
            self._binding.bind_output(output.name)

    @property
    def in_float(self) -> list[str]:
        """Convolutions and products that run in float, as "3 Conv"."""
        return [f"{n} {op}" for op, n in sorted(self.operators.items()) if op in FLOAT]

    @property
    def fused(self) -> int:
        """Convolutions and products that run in integers."""
        return sum(n for op, n in self.operators.items() if op in FUSED or op.startswith("QLinear"))

    def outputs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name."""
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))

    def run(self, count: int) -> float:
        """Seconds of CPU time of `count` runs on the bound inputs."""
        # The bound method of C++ itself, without the wrapper in Python.
        run, binding = self._session._sess.run_with_iobinding, self._binding._iobinding
        start = time.thread_time_ns()
        for _ in range(count):
            run(binding, None)
        return (time.thread_time_ns() - start) * 1e-9


def overhead() -> float:
    """Nanoseconds of a run of the smallest network: one value, copied."""
    edge = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, [1]) for name in ("input", "output")
    ]
    node = helper.make_node("Identity", ["input"], ["output"])
    graph = helper.make_graph([node], "nothing", edge[:1], edge[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = OnnxRuntime(model, {"input": np.zeros(1, np.uint8)}, False)
    return min(session.run(2000) for _ in range(5)) / 2000 * 1e9

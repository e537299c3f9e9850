# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""onnxruntime as DESIGN.md prescribes it for cross-checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import onnx
import pytest

from bitnn.values import Array

ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: no cross-check")

FUSED = {"QLinearConv", "QLinearMatMul", "QGemm"}
FLOAT = {"Conv", "Gemm", "MatMul"}


class Session:
    """One model in onnxruntime; `operators` counts what it really runs."""

    def __init__(self, model: onnx.ModelProto, optimized: Path | None) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        # Without this, machines without VNNI saturate in 16 bits.
        options.add_session_config_entry("session.x64quantprecision", "1")
        if optimized is None:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        else:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
            options.optimized_model_filepath = str(optimized)
        self._session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.operators = Counter(
            node.op_type for node in (onnx.load(optimized) if optimized else model).graph.node
        )

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))

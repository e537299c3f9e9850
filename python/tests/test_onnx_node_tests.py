# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which node tests of ONNX compile, and pass exactly, and why the others are refused.

The table beside this file holds all of them: a change in it is a change of what bitnn supports,
and belongs into the same commit.
"""

from __future__ import annotations

from pathlib import Path

from onnx_node_tests import outcomes

TABLE = Path(__file__).with_name("onnx_node_tests.tsv")


def test_outcomes(compiler: str, mlperf_tiny: Path) -> None:
    header, *lines = TABLE.read_text().splitlines()
    expected = dict(line.split("\t") for line in lines)
    found = outcomes(mlperf_tiny.parents[1] / "onnx-node-tests")
    assert header == "test\toutcome"
    assert found == expected, "run onnx_node_tests.py, and commit the table if it is right"
    assert not any(result.startswith("wrong") for result in expected.values())

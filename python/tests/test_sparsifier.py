# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Single planes: adder graphs, and the code made of them, against upstream's sparsifier."""

from __future__ import annotations

import ctypes
import json
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sparsifier

from bitnn import BitnnError, adders
from bitnn.tools import find_tool
from bitnn.values import Array

SHAPES = [(1, 1, 1.0), (6, 9, 0.4), (16, 27, 0.7), (24, 64, 0.15), (40, 30, 1.0)]
SAMPLES = 16


@pytest.fixture(autouse=True)
def upstream() -> None:
    missing = [path for path in sparsifier.TOOLS + sparsifier.LIBRARIES if not path.exists()]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    try:
        find_tool(adders.TOOL)
    except BitnnError as error:
        pytest.skip(str(error))


@cache
def case(outputs: int, inputs: int, density: float, seed: int) -> tuple[Array, Array, Array]:
    """A matrix of -1, 0 and 1, inputs (inputs, samples) with the extremes, and the oracle's
    product of them."""
    rng = np.random.default_rng(seed)
    mask = rng.random((outputs, inputs)) < density
    matrix = rng.choice([-1, 1], (outputs, inputs)) * mask
    values = rng.integers(-128, 128, (inputs, SAMPLES))
    values[:, :2] = [-128, 127]
    return matrix, values, sparsifier.multiply(matrix, values)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_graphs(shape: tuple[int, int, float], seed: int) -> None:
    matrix, values, expected = case(*shape, seed)
    for options in ({}, {"encoding": "binary"}, {"accumulate": True}):
        graph = adders.share_adders(matrix, **options)
        starts = np.zeros((SAMPLES, graph["accumulators"]), int)
        results = adders.evaluate(graph, np.concatenate([values.T, starts], axis=1))
        assert np.array_equal(results.T, expected), options


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_code(compiler: str, tmp_path: Path, shape: tuple[int, int, float], seed: int) -> None:
    matrix, values, expected = case(*shape, seed)
    assert np.array_equal(run_compiled(compiler, tmp_path, matrix, values), expected)


def test_a_wrong_digit_is_found(seed: int) -> None:
    matrix, values, expected = case(6, 9, 1, seed)
    graph = adders.share_adders(matrix)
    graph["adders"][-1]["rhs"]["negative"] ^= True
    assert not np.array_equal(adders.evaluate(graph, values.T).T, expected)


def run_compiled(compiler: str, folder: Path, matrix: Array, values: Array) -> Array:
    """matrix @ values by code for this machine, a sample per row of a matmul."""
    (outputs, inputs), source = matrix.shape, folder / "net.mlir"
    given, result = f"tensor<{SAMPLES}x{inputs}xi8>", f"tensor<{SAMPLES}x{outputs}xi32>"
    weights = f"tensor<{inputs}x{outputs}xi8>"
    source.write_text(f"""
func.func @net(%x: {given}) -> {result} {{
  %w = arith.constant dense<{matrix.T.tolist()}> : {weights}
  %b = arith.constant dense<0> : {result}
  %y = linalg.matmul ins(%x, %w : {given}, {weights}) outs(%b : {result}) -> {result}
  return %y : {result}
}}
""")
    library, report = folder / "net.so", folder / "report.json"
    options = ["-o", library, f"--report={report}", "--schedule=straight-line"]
    subprocess.run([compiler, source, *options], check=True, capture_output=True)
    scratch = np.zeros(json.loads(report.read_text())["scratch_bytes"] + 64, np.uint8)
    start = -scratch.ctypes.data % 64
    image = np.ascontiguousarray(values.T, np.int8)
    results = np.empty((SAMPLES, outputs), np.int32)
    ctypes.CDLL(str(library)).net_run(
        *(ctypes.c_void_p(array.ctypes.data) for array in (image, results, scratch[start:]))
    )
    return results.T

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""z3 proves the code of layers equal to a product with their weights, for all inputs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from smt import CONSTANT, LLVM, Kernels, Smt, State, check, fits

from bitnn import BitnnError, adders
from bitnn.tools import find_tool
from bitnn.values import Array

HEIGHT, WIDTH = 4, 16  # Of images: one row fills the lanes of a vector.
LANES = {"rv32i": 32, "x86-64-v3": 16, "x86-64-v4": 16, "aarch64": 16}


@pytest.fixture
def bitnn_opt() -> str:
    if not shutil.which("z3") or not (LLVM / "mlir-translate").exists():
        pytest.skip("z3 or mlir-translate is not installed")
    try:
        return find_tool("bitnn-opt")
    except BitnnError as error:
        pytest.skip(str(error))


def pointwise(weights: Array, bias: Array) -> str:
    """A 1x1 convolution: a matrix (outputs, inputs) at every pixel."""
    outputs, inputs = weights.shape
    kernel = f"{outputs}x{inputs}x1x1"
    given, result = (f"1x{count}x{HEIGHT}x{WIDTH}" for count in (inputs, outputs))
    return f"""
func.func @net(%x: tensor<{given}xi8>) -> tensor<{result}xi32> {{
  %w = arith.constant dense<{weights.reshape(outputs, inputs, 1, 1).tolist()}> : tensor<{kernel}xi8>
  %b = arith.constant dense<{bias.tolist()}> : tensor<{outputs}xi32>
  %e = tensor.empty() : tensor<{result}xi32>
  %i = linalg.broadcast ins(%b : tensor<{outputs}xi32>) outs(%e : tensor<{result}xi32>)
      dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<{given}xi8>, tensor<{kernel}xi8>)
      outs(%i : tensor<{result}xi32>) -> tensor<{result}xi32>
  return %y : tensor<{result}xi32>
}}
"""


def materialize(bitnn_opt: str, folder: Path, weights: Array, bias: Array, options: str) -> str:
    source = folder / "net.mlir"
    source.write_text(pointwise(weights, bias))
    command = [bitnn_opt, source, f"--bitnn-to-kernels=schedule=straight-line {options}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def follow(module: str, width: int) -> State:
    return Kernels.parse(module).follow(Smt(width))


def input_stride(state: State, weights: Array) -> int:
    """Between the channels of an image: they are planes, or together in a pixel."""
    return HEIGHT * WIDTH if max(state.inputs) >= weights.shape[1] else 1


def equals_product(state: State, weights: Array, bias: Array) -> str:
    """z3 about the question whether a result can differ from weights @ x + bias."""
    smt, stride = state.smt, input_stride(state, weights)
    assert len(state.results) == len(weights)
    differences = []
    for output, row in enumerate(weights):
        product = smt.constant(int(bias[output]))
        for column, weight in enumerate(row):
            if stride * column in state.inputs:
                term = smt.multiply(state.inputs[stride * column], int(weight))
                product = smt.add(product, term)
            else:
                assert not weights[:, column].any()
        differences.append(smt.differ(state.results[HEIGHT * WIDTH * output], product))
    return check(smt.claim(differences))


def forms_equal(state: State, weights: Array, bias: Array) -> bool:
    """The same of integers: nothing that is widened has left its lane."""
    stride = input_stride(state, weights)
    rows = [{CONSTANT: int(value)} if value else {} for value in bias]
    for output, column in np.argwhere(weights):
        rows[output][stride * int(column)] = int(weights[output, column])
    found = [state.forms[value] for _, value in sorted(state.results.items())]
    return found == rows and not state.wrapped


def random_layer(seed: int, shape: tuple[int, int] = (6, 23)) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, shape)
    weights[rng.random(shape) < 0.2] = 0
    return weights, rng.integers(-999, 999, shape[0])


@pytest.mark.parametrize("options", ["encoding=csd", "encoding=binary", "sharing=false"], ids=str)
@pytest.mark.parametrize("target", LANES)
def test_code_blocks_equal_products(
    bitnn_opt: str, tmp_path: Path, seed: int, target: str, options: str
) -> None:
    weights, bias = random_layer(seed)
    options = f"target={target} {options}"
    module = materialize(bitnn_opt, tmp_path, weights, bias, options)
    state = follow(module, LANES[target])
    assert forms_equal(state, weights, bias)
    assert equals_product(state, weights, bias) == "unsat"


def test_what_is_proved_shares_sums(bitnn_opt: str, tmp_path: Path, seed: int) -> None:
    weights, bias = random_layer(seed)
    counts = []
    for sharing in ("true", "false"):
        options = f"target=rv32i sharing={sharing}"
        module = materialize(bitnn_opt, tmp_path, weights, bias, options)
        counts.append(len(re.findall(r"arith\.(?:addi|subi) .* : i32", module)))
    assert counts[0] < counts[1]


def graph_equals_product(graph: dict[str, Any], weights: Array) -> str:
    """z3 about a graph of `bitnn adders`, modulo 2^32."""
    smt = Smt(32)
    nodes = [smt.declare(f"x{index}") for index in range(graph["inputs"])]
    zero = smt.constant(0)

    def operand(entry: dict[str, Any] | None) -> str:
        if entry is None:
            return zero
        value = smt.shift(nodes[entry["node"]], entry["shift"])
        return smt.subtract(zero, value) if entry["negative"] else value

    for adder in graph["adders"]:
        nodes.append(smt.add(operand(adder["lhs"]), operand(adder["rhs"])))
    differences = []
    for row, output in zip(weights, graph["outputs"], strict=True):
        product = zero
        for node, weight in zip(nodes, row, strict=False):
            product = smt.add(product, smt.multiply(node, int(weight)))
        differences.append(smt.differ(operand(output), product))
    return check(smt.claim(differences))


def test_shared_graphs_equal_products(bitnn_opt: str, seed: int) -> None:
    weights, _ = random_layer(seed, (16, 16))
    graph = adders.share_adders(weights)
    assert graph["adds"] < graph["adds_without_sharing"]
    assert graph_equals_product(graph, weights) == "unsat"
    graph["adders"][-1]["rhs"]["negative"] ^= True
    assert graph_equals_product(graph, weights) == "sat"


@pytest.mark.parametrize("target", ["rv32i", "x86-64-v3"])
def test_one_flipped_digit_is_found(bitnn_opt: str, tmp_path: Path, seed: int, target: str) -> None:
    """In the code, wherever it is, or in the product."""
    weights, bias = random_layer(seed)
    module = materialize(bitnn_opt, tmp_path, weights, bias, f"target={target}")
    digits = [
        found.start()
        for found in re.finditer(r"arith\.(addi|subi) .* : (?!index)", module)
        if ".epilogue" not in module[: found.start()]
    ]
    rng = np.random.default_rng(seed)
    for place in rng.choice(digits, 3, replace=False):
        sign = module[place:].split()[0]
        flipped = "arith.subi" if sign == "arith.addi" else "arith.addi"
        wrong = module[:place] + module[place:].replace(sign, flipped, 1)
        state = follow(wrong, LANES[target])
        assert not forms_equal(state, weights, bias)
        assert equals_product(state, weights, bias) == "sat"

    row, column = np.argwhere(weights)[0]
    weights[row, column] *= -1
    assert equals_product(follow(module, LANES[target]), weights, bias) == "sat"


def test_values_that_leave_their_lane_are_noticed() -> None:
    # 257 * [-128, 127] + 128 is [-32768, 32767].
    assert fits({5: 257, CONSTANT: 128}, 16)
    assert not fits({5: 257, CONSTANT: 127}, 16)
    assert not fits({5: 257, CONSTANT: 129}, 16)
    assert not fits({5: 129, 6: -128, CONSTANT: 128}, 16)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Upstream's sparsifier as an oracle: a plane of digits times a matrix, in loops that only add.

A plane is a sparse matrix whose stored values are all 1, or all -1. The sparsifier is told so
(`explicitVal`), stores no values and leaves the product out.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np

from bitnn.values import Array

LLVM = Path("/usr/lib/llvm-22")
LIBRARIES = [LLVM / "lib" / f"libmlir_{name}.so" for name in ("c_runner_utils", "runner_utils")]
TOOLS = [LLVM / "bin" / name for name in ("mlir-opt", "mlir-runner")]


def multiply(matrix: Array, values: Array) -> Array:
    """`matrix` (outputs, inputs) of -1, 0 and 1, times `values` (inputs, samples), in int32."""
    module = run(TOOLS[0], "--sparsifier=enable-runtime-library=false", given=text(matrix, values))
    assert not re.search(r"llvm\.mul .* : i32", module), "the oracle multiplies values"
    libraries = ",".join(map(str, LIBRARIES))
    arguments = ("-e=main", "-entry-point-result=void", f"-shared-libs={libraries}")
    printed = run(TOOLS[1], *arguments, given=module)
    rows = json.loads(printed.replace("(", "[").replace(")", "]"))
    return np.array(rows, np.int32)


def run(*command: str | Path, given: str) -> str:
    finished = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return finished.stdout


def text(matrix: Array, values: Array) -> str:
    (outputs, inputs), samples = matrix.shape, values.shape[1]
    given, result = f"tensor<{inputs}x{samples}xi32>", f"tensor<{outputs}x{samples}xi32>"
    lanes = f"vector<{outputs}x{samples}xi32>"
    planes = {"plus": (matrix > 0, 1), "minus": (matrix < 0, -1)}
    # A plane without digits has no storage.
    planes = {name: (mask, sign) for name, (mask, sign) in planes.items() if mask.any()}
    last, calls = "zero", ""
    for name in planes:
        calls += f"  %{name} = call @{name}(%x, %{last}) : ({given}, {result}) -> {result}\n"
        last = name
    functions = "".join(plane(name, *entry, samples) for name, entry in planes.items())
    return f"""{functions}
func.func @main() {{
  %x = arith.constant dense<{values.tolist()}> : {given}
  %zero = arith.constant dense<0> : {result}
{calls}
  %c0 = arith.constant 0 : index
  %n = arith.constant 0 : i32
  %v = vector.transfer_read %{last}[%c0, %c0], %n : {result}, {lanes}
  vector.print %v : {lanes}
  return
}}
"""


def plane(name: str, mask: Array, sign: int, samples: int) -> str:
    """A function that adds `sign` times the plane times a matrix to another."""
    outputs, inputs = mask.shape
    columns = np.nonzero(mask)[1]
    starts = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
    given, result = f"tensor<{inputs}x{samples}xi32>", f"tensor<{outputs}x{samples}xi32>"
    positions, coordinates = f"tensor<{outputs + 1}xi32>", f"tensor<{len(columns)}xi32>"
    sparse = f"tensor<{outputs}x{inputs}xi32, #{name}>"
    return f"""
#{name} = #sparse_tensor.encoding<{{
  map = (d0, d1) -> (d0 : dense, d1 : compressed), posWidth = 32, crdWidth = 32,
  explicitVal = {sign} : i32
}}>
func.func private @{name}(%x: {given}, %y: {result}) -> {result} {{
  %positions = arith.constant dense<{starts.tolist()}> : {positions}
  %coordinates = arith.constant dense<{columns.tolist()}> : {coordinates}
  %values = arith.constant dense<{sign}> : {coordinates}
  %a = sparse_tensor.assemble (%positions, %coordinates), %values
      : ({positions}, {coordinates}), {coordinates} to {sparse}
  %r = linalg.matmul ins(%a, %x : {sparse}, {given}) outs(%y : {result}) -> {result}
  return %r : {result}
}}
"""

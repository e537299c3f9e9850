# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels as text: a layer in MLIR, and the additions that its kernels execute."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np


def convolution(
    seed: int, channels: int, size: int, density: float, live: int | None = None
) -> str:
    """A 3x3 convolution, padded, `channels` to `channels`, as the importer writes it. Only the
    first `live` outputs have weights."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (channels, channels, 3, 3))
    weights[rng.random(weights.shape) > density] = 0
    weights[live or channels :] = 0
    image = f"1x{channels}x{size}x{size}"
    padded = f"1x{channels}x{size + 2}x{size + 2}"
    kernel = f"{channels}x{channels}x3x3"
    return f"""
func.func @net(%x: tensor<{image}xi8>) -> tensor<{image}xi32> {{
  %w = arith.constant dense<{weights.tolist()}> : tensor<{kernel}xi8>
  %b = arith.constant dense<{rng.integers(1, 99, channels).tolist()}> : tensor<{channels}xi32>
  %z = arith.constant 3 : i8
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {{
  ^bb0(%n: index, %c: index, %h: index, %v: index):
    tensor.yield %z : i8
  }} : tensor<{image}xi8> to tensor<{padded}xi8>
  %e = tensor.empty() : tensor<{image}xi32>
  %i = linalg.broadcast ins(%b : tensor<{channels}xi32>) outs(%e : tensor<{image}xi32>)
      dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw ins(%p, %w : tensor<{padded}xi8>, tensor<{kernel}xi8>)
      outs(%i : tensor<{image}xi32>) -> tensor<{image}xi32>
  return %y : tensor<{image}xi32>
}}
"""


@dataclass
class Function:
    """What one call of a function executes."""

    adds: int = 0
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def executed_adds(module: str, entry: str, names: str = r"\.w\d+$") -> int:
    """Additions and subtractions of integers that are no index, in functions of these names (by
    default code blocks, which end with .w and a number), times the trip counts of the loops around
    them and the lanes of a vector."""
    functions: dict[str, Function] = {}
    constants: dict[str, int] = {}
    function = Function()
    trips = [1]
    for line in module.splitlines():
        if found := re.search(r"func\.func .*@([\w.]+)\(", line):
            function = functions[found[1]] = Function()
            trips = [1]
        elif found := re.search(r"(%[\w-]+) = arith\.constant (-?\d+) : index", line):
            constants[found[1]] = int(found[2])
        elif found := re.search(r"scf\.for %\w+ = (%\w+) to (%\w+) step (%\w+)", line):
            start, stop, step = (constants[name] for name in found.groups())
            trips.append(trips[-1] * len(range(start, stop, step)))
        elif line.strip().startswith("}") and len(trips) > 1:
            trips.pop()
        elif found := re.search(r"call @([\w.]+)\(", line):
            function.calls[found[1]] += trips[-1]
        elif found := re.search(r"arith\.(?:addi|subi) .* : (?!index)(?:vector<(\d+)x)?", line):
            function.adds += trips[-1] * int(found[1] or 1)

    def count(name: str) -> int:
        adds = functions[name].adds if re.search(names, name) else 0
        return adds + sum(times * count(call) for call, times in functions[name].calls.items())

    return count(entry)


def table(module: str, name: str) -> list[int]:
    """The values of a constant table, unsigned."""
    found = re.search(rf'@{re.escape(name)} : memref<(\d+)xi(\d+)> = dense<"?([^>"]*)', module)
    assert found, f"no table {name}"
    size, bits, text = int(found[1]), int(found[2]), found[3]
    if text.startswith("0x"):
        return np.frombuffer(bytes.fromhex(text[2:]), f"<u{bits // 8}").tolist()
    values = [int(value) % 2**bits for value in text.strip("[]").split(",")]
    return values * size if len(values) == 1 else values

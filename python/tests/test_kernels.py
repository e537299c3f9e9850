# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The code of kernels: accumulators stay in registers, and the report counts what is executed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kernels import convolution, executed_adds, table

# Per target: stack references per add, bytes per add. Without our order of instructions
# (ObjectEmitter.cpp) there are more references than adds. On rv32i each of a layer's few large
# functions saves 12 registers.
LIMITS = {
    "x86-64": (0.1, 7.5),
    "x86-64-v3": (0.03, 9),
    "x86-64-v4": (0.01, 10.5),
    "aarch64": (0.03, 7),
    "rv32i": (0.12, 6.5),
}
STACK = re.compile(r"\(%[re]sp\)|\(%rbp\)|\[sp|\(sp\)")


def compile_layer(
    compiler: str, folder: Path, text: str, *options: str, output: str = "net.s"
) -> dict[str, Any]:
    source = folder / "net.mlir"
    source.write_text(text)
    report = folder / "report.json"
    subprocess.run(
        [compiler, source, "-o", folder / output, f"--report={report}", *options],
        check=True,
        capture_output=True,
    )
    return json.loads(report.read_text())


@pytest.mark.parametrize("target", LIMITS)
def test_accumulators_stay_in_registers(compiler: str, tmp_path: Path, target: str) -> None:
    options = (f"--target={target}", "--schedule=straight-line")
    text = convolution(1, 16, 16, 0.3)
    compile_layer(compiler, tmp_path, text, *options)
    lines = (tmp_path / "net.s").read_text().splitlines()
    references = sum(bool(STACK.search(line)) for line in lines)
    report = compile_layer(compiler, tmp_path, text, *options, output="net.o")
    (layer,) = report["layers"]
    most_references, most_bytes = LIMITS[target]
    assert references <= most_references * layer["digits"]
    assert layer["code_bytes"] <= most_bytes * layer["digits"]


def final_module(folder: Path) -> str:
    (path,) = folder.glob("*bitnn-lower-adder-graphs.mlir")
    return path.read_text()


@pytest.mark.parametrize("encoding", ["csd", "binary"])
@pytest.mark.parametrize("sharing", ["on", "off"])
def test_straight_line_adds_are_those_executed(
    compiler: str, tmp_path: Path, encoding: str, sharing: str
) -> None:
    report = compile_layer(
        compiler,
        tmp_path,
        convolution(2, 6, 9, 0.5),
        "--target=rv32i",
        "--schedule=straight-line",
        f"--encoding={encoding}",
        f"--sharing={sharing}",
        f"--save-stages={tmp_path}",
    )
    (layer,) = report["layers"]
    assert executed_adds(final_module(tmp_path), "net_run") == layer["adds"] == report["adds"]
    # 32-bit accumulators start at the bias: without sharing each digit is one addition.
    unshared = layer["digits"] * 81
    assert layer["unshared_adds"] == report["unshared_adds"] == unshared
    assert layer["adds"] < unshared if sharing == "on" else layer["adds"] == unshared
    assert report["adds_per_mac"] == pytest.approx(layer["adds"] / (6 * 6 * 9 * 81))


def test_vector_adds_are_those_of_a_position(compiler: str, tmp_path: Path) -> None:
    report = compile_layer(
        compiler,
        tmp_path,
        convolution(3, 16, 16, 0.3),
        "--target=x86-64-v3",
        "--schedule=straight-line",
        f"--save-stages={tmp_path}",
    )
    # Before a requantize becomes additions of its own.
    (path,) = tmp_path.glob("*bitnn-lower-kernels.mlir")
    kernels = re.findall(
        r"func\.func private @[\w.]+\.(?:w\d+|epilogue)\(.*?\n  }", path.read_text(), re.DOTALL
    )
    adds = sum(len(re.findall(r"arith\.(?:addi|subi) .* : vector", code)) for code in kernels)
    assert report["layers"][0]["adds"] == adds * 256


def test_outputs_without_digits_are_not_touched(compiler: str, tmp_path: Path) -> None:
    report = compile_layer(
        compiler,
        tmp_path,
        convolution(5, 12, 16, 1, live=1),
        "--target=x86-64-v3",
        "--schedule=straight-line",
    )
    (layer,) = report["layers"]
    assert layer["groups"] > 1
    # One output joins its partial sums in every code block, the seven others of its block their
    # bias in the first one; all eight in every code block would be 8 * groups. Planes that are
    # added apart may have fewer digits than the weights.
    assert layer["unshared_adds"] <= (layer["digits"] + layer["groups"] + 7) * 256
    assert layer["groups"] + 7 < 8 * layer["groups"] - 16


def test_table_adds_are_its_digits_and_the_bias(compiler: str, tmp_path: Path) -> None:
    report = compile_layer(
        compiler,
        tmp_path,
        convolution(4, 8, 7, 0.5),
        "--target=rv32i",
        "--schedule=table",
        f"--save-stages={tmp_path}",
    )
    (layer,) = report["layers"]
    counts = table(final_module(tmp_path), f"{layer['kernel']}.counts")
    assert sum(counts) == layer["digits"]
    assert layer["adds"] == (layer["digits"] + 8) * 49


def test_lookup_adds_are_those_executed(compiler: str, tmp_path: Path) -> None:
    report = compile_layer(
        compiler,
        tmp_path,
        convolution(4, 8, 7, 0.5),
        "--target=x86-64-v3",
        "--schedule=table",
        f"--save-stages={tmp_path}",
    )
    (layer,) = report["layers"]
    module = final_module(tmp_path)
    lanes = executed_adds(module, "net_run", r"\.(tables|sums)$")
    assert layer["adds"] == lanes == report["adds"]
    # 18 groups of 4 inputs, of which each is added to 16 sums; 8 planes in two parts of bytes in 32
    # lanes, three chunks of which are widened; 32 bits of each plane.
    tables = 18 * 16 * (3 + 1)
    assert layer["adds"] == 49 * (tables + 8 * 2 * 32 * 18 + 3 * 8 * 2 * 32 + 8 * 32)
    assert layer["unshared_adds"] == 49 * (layer["digits"] + 8)
    # Offsets of 72 inputs, 18 groups in 4 vectors, the bias.
    assert layer["table_bytes"] == 72 * 4 + 18 * 4 * 32 + 32 * 4

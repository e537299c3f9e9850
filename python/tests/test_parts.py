# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Code generated in parts is the code that is generated at once, joined."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import bitnn
from bitnn import Reference
from bitnn.npz import read_npz

EXAMPLE = ROOT / "examples" / "digits"
MODEL = EXAMPLE / "model.onnx"
OBJDUMP = "llvm-objdump-22"


def build(compiler: str, path: Path, *options: str) -> Path:
    command = [compiler, str(MODEL), "-o", str(path), *options]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize("target", ["x86-64-v3", "aarch64", "rv32i"])
def test_bytes(compiler: str, tmp_path: Path, target: str) -> None:
    """The same object on any number of threads; one global symbol, and nothing undefined."""
    flags = (f"--target={target}", "--part-size=300")
    objects = [
        build(compiler, tmp_path / f"{threads}.o", *flags, f"--threads={threads}").read_bytes()
        for threads in (1, 2, 5)
    ]
    assert objects[0] == objects[1] == objects[2]
    symbols = subprocess.run(
        ["llvm-nm-22", tmp_path / "1.o"], check=True, capture_output=True, text=True
    ).stdout
    assert re.findall(r" ([A-Z]) (\S+)", symbols) == [("T", "model_run")]


@pytest.mark.parametrize("schedule", ["straight-line", "table"])
@pytest.mark.parametrize("target", ["host", "aarch64", "rv32i"])
def test_integers(
    compiler: str, emulator_tools: None, tmp_path: Path, target: str, schedule: str
) -> None:
    samples = [{"image": image[None]} for image in read_npz(EXAMPLE / "heldout.npz")["image"][:20]]
    reference = Reference(MODEL)
    network = bitnn.compile(MODEL, target=target, schedule=schedule, part_size=300)
    for sample, y in zip(samples, network.run(samples), strict=True):
        assert np.array_equal(y["scores"], reference(sample)["scores"])


@pytest.mark.parametrize("target", ["x86-64-v3", "rv32i"])
def test_functions(compiler: str, tmp_path: Path, target: str) -> None:
    """Every function has the instructions that it has in one piece, but for addresses."""

    def functions(path: Path) -> dict[str, list[str]]:
        text = subprocess.run(
            [OBJDUMP, "-d", "--no-show-raw-insn", "--no-leading-addr", path],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found: dict[str, list[str]] = {}
        for line in text.splitlines():
            if named := re.match(r"<(.*)>:", line):
                code = found[named[1]] = []
            elif line.startswith("\t"):
                # What follows a function's end only fills up.
                code += [line.split()[0]] * ("nop" not in line)
        return found

    flags = (f"--target={target}",)
    whole = functions(build(compiler, tmp_path / "whole.o", *flags))
    parts = functions(build(compiler, tmp_path / "parts.o", *flags, "--part-size=300"))
    assert list(whole) == list(parts)
    entry = "model_run"
    for name in whole.keys() - {entry}:
        assert whole[name] == parts[name], name

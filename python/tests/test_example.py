# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The shipped example: its reference, onnxruntime's opinion, and every target and schedule."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import bitnn
from bitnn import Reference
from bitnn.compiler import Network
from bitnn.npz import read_npz
from bitnn.values import Array

EXAMPLE = ROOT / "examples" / "digits"
MODEL = EXAMPLE / "model.onnx"
SCHEDULES = ("auto", "straight-line", "table", "multiply")


@pytest.fixture(scope="module")
def samples() -> list[dict[str, Array]]:
    return [{"image": image[None]} for image in read_npz(EXAMPLE / "heldout.npz")["image"]]


@pytest.fixture(scope="module")
def expected(samples: list[dict[str, Array]]) -> list[Array]:
    reference = Reference(MODEL)
    return [reference(sample)["scores"] for sample in samples]


def test_accuracy(expected: list[Array]) -> None:
    labels = read_npz(EXAMPLE / "heldout.npz")["label"]
    right = sum(int(y.argmax()) == int(label) for y, label in zip(expected, labels, strict=True))
    assert (right, len(labels)) == (354, 360)


def test_onnxruntime_gives_the_same(samples: list[dict[str, Array]], expected: list[Array]) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: no cross-check")
    import onnx

    from bitnn.peers import FLOAT, Session

    session = Session(onnx.load(MODEL), optimize=True)
    assert not any(session.operators[op] for op in FLOAT), "a layer runs in float"
    for sample, scores in zip(samples, expected, strict=True):
        assert np.array_equal(session(sample)["scores"], scores)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("target", ["host", "x86-64", "rv32i"])
def test_compiled(
    compiler: str,
    emulator_tools: None,
    samples: list[dict[str, Array]],
    expected: list[Array],
    target: str,
    schedule: str,
) -> None:
    network = bitnn.compile(MODEL, target=target, schedule=schedule)
    results = network.run(samples)
    for result, scores in zip(results, expected, strict=True):
        assert np.array_equal(result["scores"], scores)
    check_report(network)


def check_report(network: Network) -> None:
    layers = network.report["layers"]
    names = ["first", "depthwise", "pointwise", "residual", "strided", "scores"]
    assert [layer["name"] for layer in layers] == names
    # Images x outputs x window: 64 x 8 x 9 and so on.
    macs = [64 * 8 * 9, 64 * 8 * 9, 64 * 16 * 8, 16 * 16 * 144, 4 * 32 * 144, 10 * 32]
    assert [layer["macs"] for layer in layers] == macs


def test_c_program(compiler: str, samples: list[dict[str, Array]], tmp_path: Path) -> None:
    grey = np.rint(samples[0]["image"] * 16).astype(np.uint8)
    (tmp_path / "image.bin").write_bytes(grey.tobytes())
    (tmp_path / "main.c").write_bytes((EXAMPLE / "main.c").read_bytes())
    commands = [
        [compiler, str(MODEL), "-o", "model.o"],
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "main.c", "model.o", "-o", "classify"],
        ["./classify", "image.bin"],
    ]
    output = ""
    for command in commands:
        output = subprocess.run(
            command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    scores = Reference(MODEL)(samples[0])["scores"][0]
    lines = [f"{digit}: {score:6.2f}" for digit, score in enumerate(scores)]
    assert output.splitlines() == [*lines, f"the image shows a {scores.argmax()}"]

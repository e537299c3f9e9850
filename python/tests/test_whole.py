# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole networks: compiled with every tensor, and in optimized onnxruntime operator by operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import ROOT

import bitnn
from bitnn import Reference
from bitnn.command import main
from bitnn.samples import random_samples
from bitnn.values import Accumulator, Array

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: no cross-check")

from bitnn.whole import compare_whole, last_places

NETWORKS = {
    "anomaly_detection": 10,
    "image_classification": 14,
    "keyword_spotting": 11,
    "visual_wake_words": 29,
}
DIGITS = ROOT / "examples" / "digits" / "model.onnx"


@pytest.mark.parametrize("name", NETWORKS)
def test_mlperf_tiny(
    compiler: str,
    emulator_tools: None,
    mlperf_tiny: Path,
    capsys: pytest.CaptureFixture[str],
    seed: int,
    name: str,
) -> None:
    """A sample of `./dev check networks`: index lists compile in a moment."""
    arguments = [str(mlperf_tiny / f"{name}.onnx"), "--schedules=table", "--targets=host,rv32i"]
    arguments += ["--samples=2", "--emulated-samples=1", f"--seed={seed}", "--all-tensors"]
    assert main(["compare", *arguments]) == 0
    text = capsys.readouterr().out
    assert text.count(f"values of {NETWORKS[name]} inner tensors\n") == 2
    assert f"values of {NETWORKS[name] + 1} inner tensors traced" in text


def test_the_schedule_that_auto_chose(
    compiler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is compared once: where all layers have it, the object is the same."""
    objects = [tmp_path / f"{schedule}.o" for schedule in ("auto", "straight-line")]
    for path in objects:
        bitnn.compile(DIGITS, schedule=path.stem, target="x86-64").save(path)
    assert objects[0].read_bytes() == objects[1].read_bytes()
    arguments = ["compare", str(DIGITS), "--schedules=auto,straight-line,table", "--samples=2"]
    arguments += ["--targets=x86-64"]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.replace("reference, x86-64 ", "").splitlines()
    assert lines[0].startswith("auto: equal, 20 values")
    assert lines[1] == "straight-line: auto chose it for every layer: the same code"
    assert lines[2].startswith("table: equal, 20 values")


def test_a_difference_is_traced_to_its_operator(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(DIGITS)
    reference = Reference(model)
    samples = random_samples(reference, 2, seed)
    right = compare_whole(model, reference, samples)
    assert right.operators["QLinearConv"] and not right.in_float
    assert not right.different and not right.reordered and not right.different_outputs
    requantize, calls = Accumulator.requantize, []

    def wrong(self: Accumulator, *arguments: Any) -> Array:  # noqa: ANN401
        """The first sum of every evaluation is off by one."""
        y = requantize(self, *arguments)
        calls.append(y.shape)
        return y ^ 1 if y.shape == calls[0] else y

    monkeypatch.setattr(Accumulator, "requantize", wrong)
    found = compare_whole(model, reference, samples)
    wrong_names = {str(node) for node in reference.graph.nodes if str(node) in found.different}
    assert found.different and wrong_names == set(found.different)
    assert all("Conv" in name for name in wrong_names)
    assert len(wrong_names) < right.operators["QLinearConv"]


def test_last_places() -> None:
    one = np.float32([1, -1, 0])
    assert last_places(one, one.copy()) == 0
    assert last_places(np.nextafter(one, np.float32(9)), one) == 1
    assert last_places(np.float32([-0.0]), np.float32([0.0])) == 0
    tiny = np.finfo(np.float32).smallest_subnormal
    assert last_places(np.float32([tiny]), np.float32([-tiny])) == 2

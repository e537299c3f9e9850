# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`bitnn export`: the network of a run, finished or interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from bitnn.command import main

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from bitnn.training import config  # noqa: E402
from bitnn.training.digits import count_digits  # noqa: E402
from bitnn.training.distributed import World  # noqa: E402
from bitnn.training.run import Run  # noqa: E402


def digits_per_weight(path: Path) -> float:
    weights = [
        torch.tensor(numpy_helper.to_array(tensor))
        for tensor in onnx.load(path).graph.initializer
        if tensor.name.endswith("weight.integers")
    ]
    return sum(int(count_digits(w).sum()) for w in weights) / sum(w.numel() for w in weights)


def test_an_interrupted_run_is_exported_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "run", tmp_path / "model.onnx"
    settings = {"data": "digits", "model": "mlp", "method": "bit-pruning", "budget": 0.5}
    made = config.from_settings(settings | {"epochs": 2, "out": str(folder)}, "test")
    run = Run(made, World())
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(made.json()))
    for step in range(3):
        run._step(0, step)
    run._save()
    before = (folder / "checkpoint.pt").read_bytes()

    assert main(["export", str(folder), "-o", str(out)]) == 0
    assert f"the network after {run.done} of {run.total} steps" in capsys.readouterr().out
    assert digits_per_weight(out) <= 0.5
    assert (folder / "checkpoint.pt").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.pt", "config.json"]


def test_a_finished_run_gives_its_file(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"network")
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "copy.onnx")]) == 0
    assert (tmp_path / "copy.onnx").read_bytes() == b"network"


def test_a_folder_without_a_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "x.onnx")]) == 1
    assert "it holds no run" in capsys.readouterr().err

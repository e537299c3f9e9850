# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs: configuration, resume equality, interruption, several processes, sweeps, commands."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bitnn import BitnnError
from bitnn.training.config import Config

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from bitnn.training import files  # noqa: E402
from bitnn.training.digits import count_digits  # noqa: E402
from bitnn.training.distributed import World  # noqa: E402
from bitnn.training.run import Run, train  # noqa: E402

QUICK = {"epochs": 3, "lr": 0.01, "method": "bit-pruning", "budget": 0.5, "threads": 1}
PYTHON = Path(__file__).resolve().parents[1]


def quick(out: Path, **changes: object) -> Config:
    return Config(**{**QUICK, "out": str(out), **changes})


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(PYTHON), "OMP_NUM_THREADS": "1"} | more


# --- A run --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without interruption."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(quick(out))
    return out


def test_folder_of_a_run(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {
        "config.json",
        "log.csv",
        "metrics.json",
        "model.onnx",
        "weights.pt",
    }
    metrics = json.loads((whole / "metrics.json").read_text())
    assert metrics["accuracy"] > 90
    assert metrics["evaluated_on"] == "test"
    assert 0.97 * 0.5 <= metrics["adds_per_mac"] <= 0.5
    rows = list(csv.DictReader((whole / "log.csv").open()))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_budget_in_the_file_that_is_deployed(whole: Path) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(whole / "model.onnx").graph
    digits = macs = 0
    for tensor in graph.initializer:
        values = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        if values.dtype == torch.int8 and values.dim() > 1:
            digits += int(count_digits(values).sum())
            macs += values.numel()  # Linear layers have one output position.
    assert macs == 64 * (64 + 64 + 64 + 10)
    assert 0.97 * 0.5 <= digits / macs <= 0.5


def test_statistics_are_taken_after_the_last_step(whole: Path, tmp_path: Path) -> None:
    """Over one batch of every step of an epoch, not over all that the run saw."""
    steps = Run(quick(tmp_path), World()).batches.steps
    state = files.read_tensors(whole / "weights.pt")
    seen = [int(v) for name, v in state.items() if name.endswith("num_batches_tracked")]
    assert seen
    assert set(seen) == {steps}


def test_equal_configurations_give_equal_files(whole: Path, tmp_path: Path) -> None:
    train(quick(tmp_path / "again"))
    for name in ("model.onnx", "weights.pt"):
        assert (tmp_path / "again" / name).read_bytes() == (whole / name).read_bytes()
    train(quick(tmp_path / "other", seed=1))
    assert (tmp_path / "other" / "model.onnx").read_bytes() != (whole / "model.onnx").read_bytes()


class Stop(Exception):
    pass


@pytest.mark.parametrize("method", ["budget", "regularizer"])
def test_resumed_is_as_never_interrupted(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved in the middle of an epoch, lost two steps later, continued: the same bytes."""
    changes = {}
    if method == "regularizer":
        changes = {"budget": 0.0, "strength": 2.0, "form": "activation"}
    whole = tmp_path / "whole"
    train(quick(whole, **changes))
    step = Run._step

    def stops(run: Run, epoch: int, number: int) -> None:
        if run.done == 17:
            raise Stop
        step(run, epoch, number)
        if run.done == 15:
            run._save()

    broken = quick(tmp_path / "broken", **changes)
    monkeypatch.setattr(Run, "_step", stops)
    with pytest.raises(Stop):
        train(broken)
    monkeypatch.setattr(Run, "_step", step)
    train(broken)
    for name in ("model.onnx", "weights.pt"):
        assert (tmp_path / "broken" / name).read_bytes() == (whole / name).read_bytes()
    logs = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(path.open())]
        for path in (tmp_path / "broken" / "log.csv", whole / "log.csv")
    ]
    assert logs[0] == logs[1]


def test_interrupted_run_is_saved_and_continues(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "bitnn", "train", "--out", str(out), "--epochs", "400"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not (out / "checkpoint.pt").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the same command continues" in errors
    saved = files.read_tensors(out / "checkpoint.pt")["done"]
    assert saved > 0
    again = Run(Config(out=str(out), epochs=400), World())
    assert again.done == saved
    assert len(again.log.rows) == saved // again.batches.steps


def test_folder_of_another_run_is_refused(whole: Path) -> None:
    with pytest.raises(BitnnError, match=r"holds another run \(epochs: 3 / 4\)"):
        train(quick(whole, epochs=4))


def test_finished_run_is_only_read(whole: Path) -> None:
    before = (whole / "weights.pt").stat().st_mtime_ns
    assert train(quick(whole)) == json.loads((whole / "metrics.json").read_text())
    assert (whole / "weights.pt").stat().st_mtime_ns == before


def test_held_out_images_instead_of_the_test_set(tmp_path: Path) -> None:
    metrics = train(quick(tmp_path / "r", hold_out=200, epochs=1))
    assert metrics["evaluated_on"] == "200 held-out"
    row = next(csv.DictReader((tmp_path / "r" / "log.csv").open()))
    # A run of one epoch ends with an allocation that its row has not seen.
    assert 50 < metrics["accuracy"] <= 100 and 50 < float(row["held_out_accuracy"]) <= 100


def test_start_from_the_weights_of_a_float_run(tmp_path: Path) -> None:
    train(quick(tmp_path / "float", method="float", budget=0.0, epochs=4))
    assert not (tmp_path / "float" / "model.onnx").exists()
    start = {"init": str(tmp_path / "float" / "weights.pt"), "method": "dense", "budget": 0.0}
    metrics = train(quick(tmp_path / "dense", **start, epochs=1, lr=1e-4))
    assert metrics["accuracy"] > 94


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision(tmp_path: Path, precision: str) -> None:
    metrics = train(quick(tmp_path / "r", precision=precision))
    assert metrics["accuracy"] > 90
    assert metrics["adds_per_mac"] <= 0.5


def test_loss_that_is_not_finite_is_named(tmp_path: Path) -> None:
    settings = {"method": "float", "budget": 0.0, "optimizer": "sgd", "lr": 1e30}
    with pytest.raises(BitnnError, match=r"is not finite: lower --lr"):
        train(quick(tmp_path / "r", **settings))


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(quick(tmp_path / "r", tensorboard=True, epochs=1))
    assert list((tmp_path / "r" / "tensorboard").glob("events*"))


def test_two_processes_make_the_steps_of_one(tmp_path: Path) -> None:
    """Without BatchNorm and augmentation, half batches average to the whole one."""
    code = (
        "import sys; import torch; from torch import nn; from bitnn.training import models\n"
        "models.MODELS['plain'] = lambda channels, classes, size: nn.Sequential("
        "nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))\n"
        "from bitnn.command import main; sys.exit(main(sys.argv[1:]))\n"
    )
    script = tmp_path / "plain.py"
    script.write_text(code)
    options = ["train", "--model", "plain", "--method", "bit-pruning", "--budget", "0.8"]
    options += ["--epochs", "2", "--lr", "0.01", "--threads", "1"]
    torchrun = ["--nproc-per-node", "2", "--master-port", str(29500 + os.getpid() % 2000)]
    starts = {
        "one": [sys.executable, str(script)],
        "two": [sys.executable, "-m", "torch.distributed.run", *torchrun, str(script)],
    }
    losses, weights = {}, {}
    for name, start in starts.items():
        out = tmp_path / name
        subprocess.run(
            [*start, *options, "--out", str(out)], env=environment(), check=True, timeout=120
        )
        rows = list(csv.DictReader((out / "log.csv").open()))
        losses[name] = [float(row["loss"]) for row in rows]
        weights[name] = files.read_tensors(out / "weights.pt")["1.weight"]
    assert losses["two"] == pytest.approx(losses["one"], rel=2e-2)
    assert float((weights["one"] - weights["two"]).abs().mean()) < 2e-3

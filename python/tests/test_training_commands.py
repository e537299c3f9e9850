# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Configuration, sweeps, plots, and what the commands say to bad input."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bitnn import BitnnError
from bitnn.command import main
from bitnn.training import config as configuration
from bitnn.training import sweep
from bitnn.training.config import Config

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed: pip install bitnn[train]",
)
PYTHON = Path(__file__).resolve().parents[1]


# --- Configuration ------------------------------------------------------------------------------


def test_command_line_overrides_file_overrides_default(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('epochs = 7\nlr = 1\ndata-root = "x"\n')
    parser = argparse.ArgumentParser()
    configuration.add_arguments(parser)
    options = parser.parse_args(["--lr", "0.5", "--power-of-two"])
    made = configuration.from_arguments(options, str(file))
    assert (made.epochs, made.lr, made.data_root, made.power_of_two) == (7, 0.5, "x", True)
    assert made.batch == Config().batch
    assert configuration.from_settings(made.json(), "itself") == made


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "no setting 'epoch'"),
        ({"epochs": "3"}, "'epochs' must be of type int"),
        ({"epochs": 3.5}, "'epochs' must be of type int"),
        ({"method": "magic"}, "'magic' is not one of"),
        ({"method": "bit-pruning"}, "either --budget"),
        ({"method": "bit-pruning", "budget": 0.3, "strength": 1.0}, "either --budget"),
        ({"method": "weight-pruning"}, "takes --strength"),
        ({"weight_bits": 9}, "2 to 8"),
        (
            {"method": "bit-pruning", "budget": 0.3, "settle": 0.6},
            r"'settle' is no longer a setting.*version",
        ),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(BitnnError, match=message):
        configuration.from_settings(settings, "file.toml")


@pytest.mark.parametrize(
    "settings",
    [{"method": "dense", "settle": 0.6}, {"method": "bit-pruning", "budget": 0.3, "settle": 1.0}],
)
def test_settings_of_earlier_versions(settings: dict[str, Any]) -> None:
    """Where they did nothing, an old config.json is read and is the same run as one of today."""
    today = configuration.from_settings(settings, "config.json")
    assert configuration.same_run(settings, today.json())


def test_another_setting_of_an_earlier_version_is_another_run() -> None:
    today = Config(method="bit-pruning", budget=0.3).json()
    assert configuration.differing(today | {"settle": 0.6}, today) == "settle: 0.6 / 1.0"


@needs_torch
def test_bad_commands(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("epochs = ")
    for arguments, message in (
        (["train"], "--out"),
        (["train", "--out", str(tmp_path / "x"), "--model", "vgg"], "there is no model 'vgg'"),
        (["train", "--out", str(tmp_path / "x"), "--batch", "5000"], "lower --batch"),
        (["train", str(tmp_path / "none.toml")], "No such file"),
        (["train", str(broken)], "broken.toml"),
        (["train", "--epochs", "many"], "--epochs"),
        (["sweep", str(broken)], "broken.toml"),
        (["plot", str(tmp_path)], "no finished run"),
    ):
        assert main(arguments) == 1
        assert message in capsys.readouterr().err


def test_commands_import_no_torch() -> None:
    code = "import sys; from bitnn.command import main; main(['train', '--epochs', 'x']);"
    code += "print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(PYTHON)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


# --- Sweeps -------------------------------------------------------------------------------------

SWEEP = """
out = "{out}"
[common]
epochs = 1
threads = 1
lr = 0.01
[[run]]
name = "float"
method = "float"
[[run]]
name = "b{{budget}}-s{{seed}}"
method = "bit-pruning"
init = "{out}/float/weights.pt"
budget = [0.5, 0.3]
seed = [0, 1]
"""


SWEEPS = sorted((PYTHON.parent / "benchmarks" / "training").glob("*.toml"))


@pytest.mark.parametrize("file", SWEEPS, ids=lambda path: path.stem)
def test_shipped_sweeps_are_valid(file: Path) -> None:
    assert len(sweep.runs(file)) >= 9


def test_sweep_expands_lists_in_order(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(SWEEP.format(out="runs/x"))
    made = sweep.runs(file)
    names = ["float", "b0.5-s0", "b0.5-s1", "b0.3-s0", "b0.3-s1"]
    assert [one.out for one in made] == [f"runs/x/{name}" for name in names]
    assert [one.seed for one in made] == [0, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs 'out'"),
        ('out = "x"\n[[run]]\nepochs = 1', "no name"),
        ('out = "x"\n[[run]]\nname = "a"\nseed = [0, 1]', "two runs are named x/a"),
        ('out = "x"\n[[run]]\nname = "{sed}"', "'sed', not set there"),
        ('out = "x"\nruns = 1', "'runs' is not"),
    ],
)
def test_bad_sweeps(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(text)
    with pytest.raises(BitnnError, match=message):
        sweep.runs(file)


@needs_torch
def test_sweep_continues_and_plots(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(SWEEP.format(out=tmp_path / "runs"))
    assert main(["sweep", str(file), "--list"]) == 0
    assert capsys.readouterr().out.count("to do") == 5
    assert main(["sweep", str(file)]) == 0
    assert "5/5" in capsys.readouterr().err
    (tmp_path / "runs" / "b0.3-s1" / "metrics.json").unlink()
    assert main(["sweep", str(file)]) == 0
    assert capsys.readouterr().err.count("finished before") == 4
    folders = [str(path) for path in sorted((tmp_path / "runs").iterdir())]
    picture = tmp_path / "picture.svg"
    assert main(["plot", *folders, "--out", str(picture), "--title", "digits"]) == 0
    first = picture.read_bytes()
    assert b"<svg" in first
    assert main(["plot", *folders, "--out", str(picture), "--title", "digits"]) == 0
    assert picture.read_bytes() == first

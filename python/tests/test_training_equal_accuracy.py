# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Costs at equal accuracy: on the front of a method's points, between neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import ROOT

from bitnn.command import main

pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")
pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install bitnn[train]")

from bitnn.training.equal_accuracy import at_accuracy

RUNS = ROOT / "benchmarks" / "training" / "mnist-methods"


def test_between_neighbours_the_logarithm_is_linear() -> None:
    points = [(8.0, 95.0), (2.0, 91.0)]
    assert at_accuracy(points, 93.0) == pytest.approx(4.0)
    assert at_accuracy(points, 92.0) == pytest.approx(2 * 2**0.5)
    assert at_accuracy(points, 91.0) == pytest.approx(2.0)
    assert at_accuracy(points, 95.0) == pytest.approx(8.0)


def test_nothing_is_extrapolated() -> None:
    points = [(8.0, 95.0), (2.0, 91.0)]
    assert at_accuracy(points, 95.1) is None and at_accuracy(points, 90.9) is None
    assert at_accuracy([], 90.0) is None
    assert at_accuracy([(3.0, 90.0)], 90.0) == 3.0
    assert at_accuracy([(3.0, 90.0)], 91.0) is None


def test_points_that_a_cheaper_one_reaches_do_not_count() -> None:
    front = [(1.0, 90.0), (4.0, 94.0)]
    worse = [(2.0, 89.0), (4.0, 93.0), (9.0, 94.0)]
    for accuracy in (90.0, 91.7, 93.9):
        assert at_accuracy(front + worse, accuracy) == at_accuracy(front, accuracy)


def test_table_of_the_shipped_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At the accuracy of one run its own costs, and those that others reach it with."""
    metrics = json.loads((RUNS / "budget-0.3-seed-0" / "metrics.json").read_text())
    runs = [str(path) for path in RUNS.iterdir()]
    picture = ["--out", str(tmp_path / "x.svg"), "--at", str(metrics["accuracy"])]
    assert main(["plot", *runs, *picture]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split("  ")[0]: line.split()[-3:] for line in lines}
    energy = metrics["energy_pj"]["horowitz-45nm"]["add-shift-add"]["all"]["total"]
    assert float(rows["bit-pruning to a budget"][0]) == pytest.approx(0.3, rel=1e-3)
    assert float(rows["bit-pruning to a budget"][1]) == pytest.approx(energy / 1e3, rel=1e-3)
    assert float(rows["weight-pruning"][0]) > 0.3
    assert rows["weight-pruning, on multipliers"][0] == "-"
    assert rows["dense"] == ["-", "-", "-"]

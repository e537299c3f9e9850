# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmark of adder graphs: its matrices are the public ones, its tables what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import ROOT

from bitnn import BitnnError, adders
from bitnn.tools import find_tool

FOLDER = ROOT / "benchmarks" / "adders"
sys.path.insert(0, str(FOLDER))
import matrices  # noqa: E402 - found through the path above
import report  # noqa: E402


def test_matrices_are_the_public_ones() -> None:
    """Those of networks too, where the data is there: `matrix` compares their SHA-256."""
    cases = {case.name: case for case in matrices.public_cases()}
    random = [name for name in matrices.HASHES if not name.startswith("real")]
    assert len(random) == 12 and set(random) <= set(cases)
    for name in matrices.HASHES:
        if name in cases:
            rows, columns = name.split("_")[-1 if name.startswith("real") else 1].split("x")
            assert cases[name].matrix().shape == (int(rows), int(columns))


def test_another_matrix_is_refused() -> None:
    case = matrices.Case("rand_8x8_b8_s0", lambda: matrices.random(8, 8, 1))
    with pytest.raises(ValueError, match="rand_8x8_b8_s0 is not the public matrix"):
        case.matrix()


def measured(adders_: int, seconds: float) -> dict[str, object]:
    return {"adders": adders_, "depth": 5, "seconds": seconds, "megabytes": 60.0, "exact": True}


def test_losses_are_said() -> None:
    rows = {"bitnn annealed": measured(100, 2.0), "da4ml mc": measured(99, 1.0)}
    rows["bitnn greedy"] = measured(101, 0.1)
    for row in rows.values():
        row["without_sharing"] = 168
    results = {"machine": {"cpu": "x", "da4ml": "1"}, "rows": {"rand_8x8_b8_s0": rows}}
    table = report.write_report(results)
    assert "| rand_8x8_b8 | 1 | 168 | - | 99 (mc) | 101 | 100 | - | 1.010 | - |" in table
    assert "* rand_8x8_b8: 100 adders, da4ml mc 99" in table
    assert "* rand_8x8_b8: annealed takes 2 CPU seconds, da4ml mc 1, for 99 adders" in table
    rows["bitnn annealed"].update(adders=90, seconds=0.5)
    assert "nowhere" in report.write_report(results)
    # A graph that is not its matrix counts for nothing.
    rows["da4ml mc"]["exact"] = False
    assert "| rand_8x8_b8 | 1 | 168 | - | - | 101 | 90 | - | - | - |" in report.write_report(
        results
    )


def test_it_measures_and_goes_on(tmp_path: Path) -> None:
    try:
        find_tool(adders.TOOL)
    except BitnnError as error:
        pytest.skip(str(error))
    command = [sys.executable, FOLDER / "bench.py", tmp_path, "--matrices=rand_8x8_b8_s[01]"]
    command += ["--settings=bitnn (greedy|dc0)$"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert {name: set(row) for name, row in rows.items()} == {
        f"rand_8x8_b8_s{seed}": {"bitnn greedy", "bitnn dc0"} for seed in (0, 1)
    }
    assert all(row["exact"] for settings in rows.values() for row in settings.values())
    assert first.stdout.count(" | exact\n") == 4
    assert "rand_8x8_b8 | 2 |" in (tmp_path / "table.md").read_text()
    ET.parse(tmp_path / "picture.svg")
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert second.stdout.count(" | exact\n") == 0

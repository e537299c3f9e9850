# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`./dev test` counts what the suites report, and takes nothing unknown for passed."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

from conftest import ROOT

SPEC = importlib.util.spec_from_file_location("suites", ROOT / "test" / "run.py")
suites = importlib.util.module_from_spec(SPEC)
sys.modules["suites"] = suites  # Dataclasses look their module up.
SPEC.loader.exec_module(suites)


def test_lit(tmp_path: Path) -> None:
    codes = ["PASS", "XFAIL", "FLAKYPASS", "FAIL", "XPASS", "UNRESOLVED", "TIMEOUT", "NEW"]
    tests = [{"name": code, "code": code, "output": ""} for code in codes]
    tests.append({"name": "away", "code": "UNSUPPORTED", "output": "needs\n  z3"})
    (tmp_path / "lit.json").write_text(json.dumps({"tests": tests}))
    result = suites.read(tmp_path / "lit.json")
    assert result.passed == 3
    assert result.failed == ["FAIL", "XPASS", "UNRESOLVED", "TIMEOUT", "NEW"]
    assert result.skipped == [("needs z3", "away")]


def test_junit(tmp_path: Path) -> None:
    cases = {
        "good": "",
        "bad": "<failure/>",
        "broken": "<error/>",
        "away": '<skipped message="x"/>',
    }
    body = "".join(f'<testcase classname="c" name="{n}">{b}</testcase>' for n, b in cases.items())
    (tmp_path / "pytest.xml").write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")
    result = suites.read(tmp_path / "pytest.xml")
    assert (result.passed, result.failed) == (1, ["c::bad", "c::broken"])
    assert result.skipped == [("x", "c::away")]


def test_a_suite_that_dies_has_failed(tmp_path: Path) -> None:
    silent = suites.Suite("silent", ["true"], tmp_path / "none.xml")
    assert suites.run(silent).failed == ["none wrote no results"]
    assert suites.run(suites.Suite("dead", ["false"])).failed == ["dead ended with exit code 1"]
    assert suites.run(suites.Suite("well", ["true"])).passed == 1

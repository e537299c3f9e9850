# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run every suite of a finished build and end with one line: N passed, N failed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "results"
RUFF = str(Path(sys.executable).with_name("ruff"))


@dataclass
class Suite:
    """A command and, where it counts its tests, the file that it writes about them."""

    name: str
    command: list[str]
    report: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """What became of a suite."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # reason and name


def suites() -> list[Suite]:
    lit, pytest = RESULTS / "lit.json", RESULTS / "pytest.xml"
    options = f"{os.environ.get('LIT_OPTS', '')} --output={lit}"
    run_pytest = [sys.executable, "-m", "pytest", "--continue-on-collection-errors", "python"]
    # The random layers are a few long tests: whoever is idle takes the next.
    run_pytest += ["-n", os.environ.get("JOBS", "auto"), "--dist=worksteal"]
    return [
        Suite("ruff check", [RUFF, "check", "."]),
        Suite("ruff format", [RUFF, "format", "--check", "."]),
        Suite(
            "lit and GoogleTest",
            ["ninja", "-C", "build", "check-bitnn"],
            lit,
            {"LIT_OPTS": options},
        ),
        Suite("pytest", [*run_pytest, f"--junitxml={pytest}"], pytest),
    ]


def run(suite: Suite) -> Result:
    """Run one suite, its output shown as it comes."""
    print(f"\n== {suite.name}", flush=True)
    if suite.report:
        suite.report.unlink(missing_ok=True)
    start = time.monotonic()
    environment = {**os.environ, **suite.environment}
    code = subprocess.run(suite.command, cwd=ROOT, env=environment).returncode
    result = read(suite.report) if suite.report else Result(passed=int(code == 0))
    if code and not result.failed:
        result.failed.append(f"{suite.name} ended with exit code {code}")
    print(f"== {suite.name}: {time.monotonic() - start:.0f} s", flush=True)
    return result


def read(report: Path) -> Result:
    """The counts of a report; a suite that wrote none has failed."""
    result = Result()
    if not report.exists():
        result.failed.append(f"{report.stem} wrote no results")
        return result
    outcomes = of_lit(report) if report.suffix == ".json" else of_junit(report)
    for name, outcome, reason in outcomes:
        if outcome == "passed":
            result.passed += 1
        elif outcome == "skipped":
            result.skipped.append((reason or "no reason given", name))
        else:
            result.failed.append(name)
    return result


def of_lit(report: Path) -> Iterator[tuple[str, str, str]]:
    """Name, outcome and reason of every test; what is neither known word has failed."""
    words = {
        **dict.fromkeys(("PASS", "FLAKYPASS", "XFAIL"), "passed"),
        **dict.fromkeys(("UNSUPPORTED", "SKIPPED", "EXCLUDED"), "skipped"),
    }
    for test in json.loads(report.read_text())["tests"]:
        reason = " ".join(test["output"].split())
        yield test["name"], words.get(test["code"], "failed"), reason


def of_junit(report: Path) -> Iterator[tuple[str, str, str]]:
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed", ""
        elif skip is not None:
            yield name, "skipped", " ".join((skip.get("message") or "").split())
        else:
            yield name, "passed", ""


def main() -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = [run(suite) for suite in suites()]
    print()
    skipped = sorted(entry for result in results for entry in result.skipped)
    for reason, tests in groupby(skipped, key=itemgetter(0)):
        print(f"skipped: {reason}")
        for _, name in tests:
            print(f"  {name}")
    for name in (name for result in results for name in result.failed):
        print(f"FAILED: {name}")
    passed = sum(result.passed for result in results)
    failed = sum(len(result.failed) for result in results)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

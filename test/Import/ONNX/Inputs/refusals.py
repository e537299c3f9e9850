# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Import every model of a test and check how each is refused: `refusals.py TEST`.

The comment `# error: TEXT` of a model is part of the one error that it gives, `# options: ...`
are options of the import.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from model import build, models


def comment(body: str, key: str) -> str:
    """What follows `# key: ` in a model, or nothing."""
    prefix = f"# {key}: "
    lines = [line.removeprefix(prefix) for line in body.splitlines() if line.startswith(prefix)]
    return lines[0] if lines else ""


def check(name: str, body: str, folder: Path) -> list[str]:
    """What is wrong with the refusal of a model."""
    path = folder / f"{name}.onnx"
    path.write_bytes(build(body).SerializeToString())
    options = comment(body, "options").split()
    command = ["bitnn-translate", "--import-onnx", *options, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    expected, errors = comment(body, "error"), result.stderr.count("error:")
    problems = []
    if result.returncode != 1:
        problems.append(f"exit code {result.returncode}")
    if errors != 1:
        problems.append(f"{errors} errors")
    if not expected or expected not in result.stderr:
        problems.append(f"expected {expected!r}")
    if f"{name}.onnx" not in result.stderr:
        problems.append("the file is not named")
    if result.stdout:
        problems.append("there is output")
    return [f"{name}: {problem}, got {result.stderr.strip()!r}" for problem in problems]


if __name__ == "__main__":
    sections = models(Path(sys.argv[1]).read_text())
    with tempfile.TemporaryDirectory() as folder:
        problems = [
            problem
            for name, body in sections.items()
            for problem in check(name, body, Path(folder))
        ]
    print("\n".join(problems) or f"{len(sections)} models refused")
    sys.exit(bool(problems))

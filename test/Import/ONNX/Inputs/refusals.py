# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Import every model of a test and check how each is refused: `refusals.py TEST`.

The comment `# error: TEXT` of a model is part of an error that it gives: the only one, unless
`# errors: N` says how many there are. `# options: ...` are options of the import.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from model import build, models


def comments(body: str, key: str) -> list[str]:
    """What follows each `# key: ` in a model."""
    prefix = f"# {key}: "
    return [line.removeprefix(prefix) for line in body.splitlines() if line.startswith(prefix)]


def check(name: str, body: str, folder: Path) -> list[str]:
    """What is wrong with the refusal of a model."""
    path = folder / f"{name}.onnx"
    path.write_bytes(build(body).SerializeToString())
    options = [option for line in comments(body, "options") for option in line.split()]
    command = ["bitnn-translate", "--import-onnx", *options, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    expected, errors = comments(body, "error"), result.stderr.count("error:")
    count = int((comments(body, "errors") or ["1"])[0])
    problems = []
    if result.returncode != 1:
        problems.append(f"exit code {result.returncode}")
    if errors != count:
        problems.append(f"{errors} errors")
    if not expected:
        problems.append("no error is expected")
    problems += [f"expected {text!r}" for text in expected if text not in result.stderr]
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

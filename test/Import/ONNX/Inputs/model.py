# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write one of the ONNX models in a test: `model.py TEST NAME > model.onnx`.

A model begins with the line `#--- NAME` and is in ONNX's textual syntax, where `#` begins a
comment; the header with versions may be left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import onnx.parser

HEADER = '<ir_version: 9, opset_import: ["" : 19, "com.microsoft" : 1]>\n'


def models(text: str) -> dict[str, str]:
    """The models in a test by their names."""
    sections = text.split("#--- ")[1:]
    return {name: body for name, _, body in (section.partition("\n") for section in sections)}


def build(body: str) -> onnx.ModelProto:
    """Parse a model."""
    lines = [line for line in body.splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).strip()
    return onnx.parser.parse_model(text if text.startswith("<") else HEADER + text)


if __name__ == "__main__":
    test, name = sys.argv[1:]
    sys.stdout.buffer.write(build(models(Path(test).read_text())[name]).SerializeToString())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the tools of the build are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from bitnn.errors import BitnnError


def find_tool(name: str = "bitnn-compile") -> str:
    """A tool: in $BITNN_BIN, beside the virtual environment, in build/bin, or on PATH."""
    if folder := os.environ.get("BITNN_BIN"):
        path = Path(folder) / name
        if not path.is_file():
            raise BitnnError(f"BITNN_BIN is '{folder}', but it holds no {name}")
        return str(path)
    for folder in (Path(sys.prefix).parent / "bin", Path(__file__).parents[2] / "build" / "bin"):
        if (folder / name).is_file():
            return str(folder / name)
    if path := shutil.which(name):
        return path
    raise BitnnError(f"{name} is not built: run ./dev build, or set BITNN_BIN to its folder")

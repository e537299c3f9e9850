# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files of a run: each is written beside its place and then renamed, so none is ever half."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bitnn.errors import BitnnError


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file in the same folder, then put it in place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 (whatever JSON can hold)
    text = json.dumps(value, indent=2) + "\n"
    replace_file(path, lambda file: file.write_text(text))


def read_json(path: Path) -> Any:  # noqa: ANN401
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise BitnnError(f"{path}: {error}") from error


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """One line per row; the columns are those of the first row."""

    def write(file: Path) -> None:
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    replace_file(path, write)


def write_tensors(path: Path, state: dict[str, Any]) -> None:
    replace_file(path, lambda file: torch.save(state, file))


def read_tensors(path: Path) -> dict[str, Any]:
    """Tensors and plain values only: reading such a file runs no code of it."""
    return torch.load(path, map_location="cpu", weights_only=True)

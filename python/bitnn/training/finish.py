# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The end of a run: model.onnx, and what its integers cost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import fx

from bitnn.compiler import find_tool
from bitnn.errors import BitnnError
from bitnn.training.energy import measure_cost
from bitnn.training.export import export


def export_and_measure(
    model: fx.GraphModule, sample: torch.Tensor, folder: Path, encoding: str
) -> dict[str, Any]:
    """Write model.onnx, checked on `sample`, and return its costs for metrics.json.

    Adds after sharing are those of the compiler, where it is built.
    """
    path = folder / "model.onnx"
    export(model, sample, path)
    try:
        find_tool()
        compiled: Path | None = path
    except BitnnError:
        compiled = None
    try:
        cost = measure_cost(model, sample, encoding=encoding, compiled=compiled)
    except BitnnError as error:
        print(f"bitnn: note: adds after sharing are not known: {error}", file=sys.stderr)
        cost = measure_cost(model, sample, encoding=encoding)
    return cost.to_dict()

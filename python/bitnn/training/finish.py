# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The end of a run: model.onnx, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn


def export_and_measure(model: nn.Module, sample: torch.Tensor, folder: Path) -> dict[str, Any]:
    """Write model.onnx and return the measures of its integers."""
    raise NotImplementedError

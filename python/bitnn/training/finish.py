# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The end of a run: model.onnx, and what its integers cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import fx

from bitnn.training.digits import count_digits
from bitnn.training.export import export
from bitnn.training.layers import QuantizedLayer, iter_quantized_layers


def export_and_measure(
    model: fx.GraphModule, sample: torch.Tensor, folder: Path, encoding: str
) -> dict[str, Any]:
    """Write model.onnx, checked on `sample`, and return the measures for metrics.json."""
    export(model, sample, folder / "model.onnx")
    layers = [
        {"layer": name, **measure(layer, encoding)} for name, layer in iter_quantized_layers(model)
    ]

    def total(name: str) -> int:
        return sum(layer[name] for layer in layers)

    return {
        "adds_per_mac": total("adds") / total("macs"),
        "digits_per_weight": total("digits") / total("weights"),
        "nonzero_macs_per_mac": total("nonzero_macs") / total("macs"),
        "encoding": encoding,
        **{name: total(name) for name in ("weights", "digits", "macs", "adds", "nonzero_macs")},
        "layers": layers,
    }


def measure(layer: QuantizedLayer, encoding: str) -> dict[str, int]:
    """Counts of one layer for one sample: its digits, and what runs without sharing."""
    integers = layer.integer_weight()
    digits = int(count_digits(integers, encoding).sum())
    nonzero = int((integers != 0).sum())
    return {
        "weights": integers.numel(),
        "nonzero": nonzero,
        "digits": digits,
        "macs": layer.macs,
        "nonzero_macs": nonzero * layer.positions,
        "adds": digits * layer.positions,
    }

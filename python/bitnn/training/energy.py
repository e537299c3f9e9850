# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts what the integers of a prepared model cost; costs.py says what the numbers mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from bitnn.compiler import compile
from bitnn.errors import BitnnError
from bitnn.training.costs import (
    ENERGY_MODELS,
    FORMS,
    CostReport,
    EnergyModel,
    LayerCost,
    Operations,
)
from bitnn.training.digits import count_digits
from bitnn.training.layers import QuantizedLayer, iter_quantized_layers

__all__ = [
    "ENERGY_MODELS",
    "FORMS",
    "CostReport",
    "EnergyModel",
    "LayerCost",
    "Operations",
    "compiled_adds",
    "measure_cost",
]


def measure_cost(
    model: fx.GraphModule,
    sample: Tensor | None = None,
    *,
    encoding: str = "csd",
    adder_bits: int | None = 32,
    compiled: str | Path | None = None,
) -> CostReport:
    """Count what a prepared model's integers cost now.

    sample: real inputs on which zero activations are counted. adder_bits: the width of additions
    and shifts in the energy models; None prices each layer at the width that its accumulator needs.
    compiled: the exported ONNX file; the compiler then tells the additions that are left when
    partial sums are shared.
    """
    active = {} if sample is None else _active_operations(model, sample, encoding)
    shared = {} if compiled is None else compiled_adds(compiled, encoding)
    layers = tuple(
        _layer_cost(path, layer, encoding, active.get(path), shared.get(path))
        for path, layer in iter_quantized_layers(model)
    )
    if not layers:
        raise BitnnError("the model has no quantized layers: give what bitnn.prepare returned")
    return CostReport(encoding, adder_bits, layers)


def compiled_adds(path: str | Path, encoding: str = "csd") -> dict[str, int]:
    """Executed additions per layer of an exported network as bitnn-compile makes it here, in
    straight-line code: tables would count what the machine's lookups add."""
    report = compile(str(path), encoding=encoding, schedule="straight-line").report
    return {layer["name"]: int(layer["adds"]) for layer in report["layers"] if "adds" in layer}


def _layer_cost(
    path: str,
    layer: QuantizedLayer,
    encoding: str,
    active: dict[str, Operations] | None,
    shared: int | None,
) -> LayerCost:
    weight = layer.integer_weight()
    digits = count_digits(weight, encoding)
    nonzero = int((weight != 0).sum())
    shifts = _shifts(weight, encoding) * layer.positions
    return LayerCost(
        path=path,
        weights=weight.numel(),
        nonzero=nonzero,
        digits=int(digits.sum()),
        positions=layer.positions,
        macs=layer.macs,
        accumulator_bits=_accumulator_bits(layer),
        factor_bits=max(layer.weight_bits, layer.source.bits),
        operations={
            "dense": Operations(layer.macs, layer.macs),
            "mult-add": Operations(nonzero * layer.positions, nonzero * layer.positions),
            "add-shift-add": Operations(0, int(digits.sum()) * layer.positions, shifts),
        },
        active=active,
        shared_adds=shared,
    )


def _planes(weight: Tensor, encoding: str) -> Iterator[Tensor]:
    """[out] bool of planes 1, 2, ..: whether any weight of the output has a digit there."""
    magnitude = weight.long().abs().flatten(1)
    # In the canonical signed digit form bit i of (3w ^ w) / 2 says that there is a digit at i.
    places = (magnitude ^ 3 * magnitude) >> 1 if encoding == "csd" else magnitude
    for plane in range(1, int(places.max()).bit_length()):
        yield ((places >> plane) & 1).any(1)


def _shifts(weight: Tensor, encoding: str) -> int:
    """Per position: outputs times planes above 0 that have digits."""
    return sum(int(plane.sum()) for plane in _planes(weight, encoding))


def _accumulator_bits(layer: QuantizedLayer) -> int:
    """The width of a signed integer that holds every sum of the layer with its bias."""
    integers = layer.integers()
    weight = integers.weight.double().flatten(1)
    source, bias = layer.source, integers.bias.double()
    positive, negative = weight.clamp(min=0).sum(1), weight.clamp(max=0).sum(1)
    highest = positive * source.upper + negative * source.lower + bias
    lowest = positive * source.lower + negative * source.upper + bias
    largest = max(int(highest.max()), -int(lowest.min()) - 1, 0)
    return largest.bit_length() + 1


@torch.no_grad()
def _active_operations(
    model: nn.Module, sample: Tensor, encoding: str
) -> dict[str, dict[str, Operations]]:
    """Per layer and sample, the operations that have an activation other than zero."""
    found: dict[str, dict[str, Operations]] = {}

    def count(path: str, layer: QuantizedLayer, x: Tensor) -> None:
        present = (x != 0).double()
        weight = layer.integer_weight()
        digits = count_digits(weight, encoding)
        sums = [
            float(layer._sums(present, factors.double()).sum()) / len(x)
            for factors in (torch.ones_like(digits), (weight != 0).long(), digits)
        ]
        dense, pruned, added = sums
        # Shifts work on sums, which have zeros only by accident: all of them count.
        shifts = _shifts(weight, encoding) * layer.positions
        found[path] = {
            "dense": Operations(dense, dense),
            "mult-add": Operations(pruned, pruned),
            "add-shift-add": Operations(0, added, shifts),
        }

    with _eval_mode(model):
        hooks = [
            layer.register_forward_pre_hook(
                lambda module, inputs, path=path: count(path, module, inputs[0])
            )
            for path, layer in iter_quantized_layers(model)
        ]
        try:
            model(sample)
        finally:
            for hook in hooks:
                hook.remove()
    return found


@contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode

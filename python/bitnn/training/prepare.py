# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a PyTorch model to one whose every operator is a quantized one, ready to train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

import torch
from torch import Tensor, fx, nn

from bitnn.errors import BitnnError
from bitnn.training.convert import convert
from bitnn.training.graph_builder import GraphBuilder, Quantization
from bitnn.training.layers import iter_quantized_layers
from bitnn.training.quantizers import ActivationQuantizer
from bitnn.training.tracing import trace


def prepare(
    model: nn.Module,
    sample: Tensor,
    *,
    weight_bits: int = 8,
    activation_bits: int = 8,
    per_channel: bool = True,
    power_of_two: bool = False,
    layers: Mapping[str, Mapping[str, int | bool]] | None = None,
) -> fx.GraphModule:
    """A quantized copy of a model, to be trained as any other and exported by `export`.

    sample: a batch of real inputs; the first steps of all activations are taken from it, so some
    dozens of examples are better than one. weight_bits, activation_bits: 2 to 8; the network's
    input and outputs always have 8. per_channel: one weight scale per output channel, or one per
    layer. power_of_two: every multiplier between two layers is a power of two. layers: other
    settings for the layers whose path matches, as {"stem": {"weight_bits": 8}, "*.conv1": {..}}.

    Raises BitnnError that lists every module that has no quantized form, with its path.
    """
    general = Quantization(weight_bits, activation_bits, per_channel, power_of_two)
    patterns = dict(layers or {})
    for changes in patterns.values():
        for unknown in changes.keys() - vars(general).keys():
            names = ", ".join(vars(general))
            raise BitnnError(f"there is no setting '{unknown}' of a layer, only {names}")
    used: set[str] = set()

    def settings(path: str) -> Quantization:
        chosen = general
        for pattern, changes in patterns.items():
            if fnmatchcase(path, pattern):
                used.add(pattern)
                chosen = replace(chosen, **changes)
        return chosen

    # Everything is built on the CPU and goes where the model was.
    device = next((tensor.device for tensor in model.parameters()), sample.device)
    sample = sample.detach().cpu()
    traced = trace(model, sample)
    prepared = convert(GraphBuilder(traced, sample, settings, general))
    unused = [pattern for pattern in patterns if pattern not in used]
    if unused:
        paths = ", ".join(name for name, _ in iter_quantized_layers(prepared))
        raise BitnnError(f"no layer matches {', '.join(unused)}; the layers are {paths}")
    calibrate(prepared, sample)
    return prepared.to(device).train(model.training)


@torch.no_grad()
def calibrate(model: fx.GraphModule, sample: Tensor) -> None:
    """Take the first steps of all activations from one pass of the sample, unrounded.

    A BatchNorm that has seen no data takes its statistics from the sample too. Also measures the
    output positions of every layer.
    """
    quantizers = [m for m in model.modules() if isinstance(m, ActivationQuantizer)]
    layers = list(iter_quantized_layers(model))
    hooks = [layer.register_forward_hook(_measure) for _, layer in layers]
    fresh = [layer.norm for _, layer in layers if layer.norm is not None and _is_fresh(layer.norm)]
    if fresh and len(sample) < 2:
        raise BitnnError(
            "the sample must have several examples: BatchNorm's statistics come from it, as the"
            " model has seen no data yet"
        )
    momenta = [norm.momentum for norm in fresh]
    model.eval()
    for norm in fresh:
        norm.momentum = 1.0
    for _, layer in layers:
        layer.train(layer.norm in fresh)
    for quantizer in quantizers:
        quantizer.calibrating = True
    try:
        model(sample)
    finally:
        for quantizer in quantizers:
            quantizer.calibrating = False
        for hook in hooks:
            hook.remove()
        for norm, momentum in zip(fresh, momenta, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.zero_()
    for quantizer in quantizers:
        if quantizer.locked:  # One step for both: it has to reach the larger values.
            shared = quantizer.base.log_step
            shared.copy_(torch.maximum(shared, quantizer.log_step))
    for quantizer in quantizers:
        quantizer.follow(at_once=True)


def _is_fresh(norm: nn.Module) -> bool:
    return norm.num_batches_tracked is not None and int(norm.num_batches_tracked) == 0


def _measure(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    layer.positions = output[0, 0].numel()

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The methods of Sekikawa and Yashima, "Bit-Pruning" (ICLR 2023), as losses.

Both are a squared Hoyer measure of three layers drawn at every step: of the distance of the
weights to integers with fewer digits (Bit-Pruning), or of the weights (Weight-Pruning). Their
strength has to be swept; see `rate_distortion` for the method with a budget.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bitnn.errors import BitnnError
from bitnn.training.digits import count_digits
from bitnn.training.layers import QuantizedConv1d, QuantizedConv2d, QuantizedLayer
from bitnn.training.methods.base import Quiet, adds_per_mac, quantized_layers

DRAWN_LAYERS = 3
POWER = 0.5
EPSILON = 1e-12


@cache
def proximal_targets(limit: int, price: float, encoding: str) -> Tensor:
    """argmin over v of price * digits(v) + | sgn(w)|w|^p - sgn(v)|v|^p |, at index w + limit.

    Of equally good targets the smallest magnitude is taken. float32, `2 * limit + 1` entries.
    """
    w = torch.arange(-limit, limit + 1)
    v = w[w.abs().argsort(stable=True)]
    bend = [x.sign() * x.abs().double().pow(POWER) for x in (w, v)]
    cost = price * count_digits(v, encoding) + (bend[0][:, None] - bend[1][None]).abs()
    # argmin may return any of equal costs, so the first one is searched.
    first = (cost <= cost.amin(1, keepdim=True) + 1e-9).int().argmax(1)
    return v[first].float()


def squared_hoyer(values: Tensor) -> Tensor:
    """(sum |x|)^2 / sum x^2: the number of nonzeros, where all have one size; 0-dimensional."""
    return values.abs().sum().square() / (values.square().sum() + EPSILON)


class Regularizer:
    """Draws layers, weighs them by their output positions, divides by their dense MACs."""

    def __init__(
        self, model: nn.Module, strength: float, seed: int = 0, steps: int | None = None
    ) -> None:
        self._layers = list(quantized_layers(model).values())
        self.strength = strength
        self._generator = torch.Generator().manual_seed(seed)
        self._macs = torch.tensor([float(layer.macs) for layer in self._layers])
        self._drawn = self._draw()
        self._quiet = Quiet(model, steps, largest_weight_scale)
        self._quiet.refresh()

    def loss(self) -> Tensor:
        drawn = [self._layers[k] for k in self._drawn]
        measures = [squared_hoyer(self.distance(layer)) * layer.positions for layer in drawn]
        return self.strength * torch.stack(measures).sum() / sum(layer.macs for layer in drawn)

    def distance(self, layer: QuantizedLayer) -> Tensor:
        """What should become sparse, in the weights' shape."""
        raise NotImplementedError

    def step(self) -> None:
        self._drawn = self._draw()
        self._quiet.step()

    def finish(self) -> None:
        """Rounding is what is trained with: nothing to do."""

    def measures(self) -> dict[str, float]:
        return {"adds_per_mac": adds_per_mac(self._layers)}

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator": self._generator.get_state(),
            "drawn": self._drawn,
            "done": self._quiet.done,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._generator.set_state(state["generator"])
        self._drawn = state["drawn"]
        self._quiet.resume(state["done"])

    def _draw(self) -> list[int]:
        count = min(DRAWN_LAYERS, len(self._layers))
        return torch.multinomial(self._macs, count, generator=self._generator).tolist()


def largest_weight_scale(layer: QuantizedLayer) -> Tensor:
    """The paper's grid: the largest weight of a channel is at its end; [out]."""
    largest = layer.weight.detach().abs().flatten(1).amax(1)
    floor = largest.max().clamp(min=1e-6) / 1e6
    return largest.clamp(min=floor) / (layer.limit + 1)


class WeightPruning(Regularizer):
    """The paper's baseline: the Hoyer measure of the weights themselves."""

    def distance(self, layer: QuantizedLayer) -> Tensor:
        return layer.grid_weight()


class Proximal(Regularizer):
    """The paper's method: weights are drawn to the integers that fewer digits give.

    form "weight" counts every weight alike; "activation" weighs it by the mean magnitude of the
    inputs it meets, over the batch and all output positions.
    """

    def __init__(
        self,
        model: nn.Module,
        strength: float,
        prox_lambda: float = 1.0,
        form: str = "weight",
        encoding: str = "csd",
        seed: int = 0,
        steps: int | None = None,
    ) -> None:
        super().__init__(model, strength, seed, steps)
        self._met: dict[QuantizedLayer, Tensor] = {}
        if form not in ("weight", "activation"):
            raise BitnnError(f"form '{form}' is neither 'weight' nor 'activation'")
        self._price, self._encoding = prox_lambda, encoding
        if form == "activation":
            for index, layer in enumerate(self._layers):
                layer.register_forward_pre_hook(self._watch(index))
        self._form = form

    def distance(self, layer: QuantizedLayer) -> Tensor:
        targets = proximal_targets(layer.limit, self._price, self._encoding)
        grid = layer.grid_weight()
        nearest = grid.detach().round().clamp(-layer.limit, layer.limit).long()
        away = targets.to(grid.device)[nearest + layer.limit] - grid
        residual = F.softshrink(away, 0.5) / 256
        return residual * self._met[layer] if self._form == "activation" else residual

    def step(self) -> None:
        self._met.clear()  # Else the graphs of past steps would stay in memory.
        super().step()

    def _watch(self, index: int) -> Any:  # noqa: ANN401 (torch's type of a hook)
        def note(layer: QuantizedLayer, arguments: tuple[Tensor, ...]) -> None:
            if layer.training and index in self._drawn:
                self._met[layer] = met_activations(layer, arguments[0])

        return note


def met_activations(layer: QuantizedLayer, x: Tensor) -> Tensor:
    """Mean magnitude of the inputs that each weight meets: broadcasts to the weights' shape."""
    mean = x.float().abs().mean(0, keepdim=True)
    if not isinstance(layer, QuantizedConv1d | QuantizedConv2d):
        return mean
    if isinstance(layer, QuantizedConv1d):  # One-dimensional: a height of 1.
        mean = mean.unsqueeze(2)
    kernel, stride, dilation, padding = (
        (default,) * (4 - layer.weight.dim()) + tuple(values)
        for values, default in (
            (layer.kernel_size, 1),
            (layer.stride, 1),
            (layer.dilation, 1),
            (layer.padding, 0),
        )
    )
    columns = F.unfold(mean, kernel, dilation, padding, stride).mean(2)
    groups = cast(int, layer.groups)
    per_group = columns.view(groups, 1, *layer.weight.shape[1:])
    outputs = len(layer.weight) // groups
    return per_group.expand(-1, outputs, *per_group.shape[2:]).reshape(layer.weight.shape)

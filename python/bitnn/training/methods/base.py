# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a training method is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bitnn.errors import BitnnError
from bitnn.training.digits import count_digits
from bitnn.training.layers import QuantizedLayer, freeze_statistics, iter_quantized_layers


class Method(Protocol):
    """Decides which digits of the weights stay, beside an ordinary training loop:

        loss = criterion(model(x), y) + method.loss()
        loss.backward(); optimizer.step(); method.step()

    and, before the export, `method.finish()`.
    """

    def loss(self) -> Tensor:
        """What the method adds to the loss of this step; 0-dimensional."""
        ...

    def step(self) -> None:
        """Called after every step of the optimizer."""
        ...

    def finish(self) -> None:
        """Fix the integers for the export."""
        ...

    def measures(self) -> dict[str, float]:
        """What the log should say about the method, by name."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Float:
    """Ordinary training of a model that is not quantized."""

    def loss(self) -> Tensor:
        return torch.zeros(())

    def step(self) -> None:
        pass

    def finish(self) -> None:
        pass

    def measures(self) -> dict[str, float]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Dense(Float):
    """Quantization-aware training without pruning: all digits that rounding gives stay.

    `steps` is the number of optimizer steps to come; see `Quiet`.
    """

    def __init__(self, model: nn.Module, steps: int | None = None) -> None:
        self._quiet = Quiet(model, steps)
        self._layers = list(quantized_layers(model).values())

    def step(self) -> None:
        self._quiet.step()

    def measures(self) -> dict[str, float]:
        return {"adds_per_mac": adds_per_mac(self._layers)}

    def state_dict(self) -> dict[str, Any]:
        return {"done": self._quiet.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._quiet.resume(state["done"])


class Quiet:
    """Keeps the grids near their weights, and lets a run end quietly.

    Every few steps the scales follow the weights. Where the number of steps is known, BatchNorm's
    statistics and then the scales stay as they are for the last steps, so that what is trained
    there is what is deployed.
    """

    EVERY = 10
    FREEZE_STATISTICS = 0.95
    FREEZE_SCALES = 0.95

    def __init__(
        self,
        model: nn.Module,
        steps: int | None,
        scale: Callable[[QuantizedLayer], Tensor | None] = lambda layer: None,
    ) -> None:
        self._model, self._steps, self._scale = model, steps, scale
        self.done = 0

    def step(self) -> None:
        self.done += 1
        if self.done % self.EVERY == 0 and not self._after(self.FREEZE_SCALES):
            self.refresh()
        self.resume(self.done)

    def refresh(self) -> None:
        for _, layer in iter_quantized_layers(self._model):
            layer.refresh_scale(self._scale(layer))

    def resume(self, done: int) -> None:
        """Be in the state that `done` steps lead to."""
        self.done = done
        freeze_statistics(self._model, self._after(self.FREEZE_STATISTICS))

    def _after(self, part: float) -> bool:
        return self._steps is not None and self.done >= part * self._steps


def quantized_layers(model: nn.Module) -> dict[str, QuantizedLayer]:
    """The layers that a method works on, by path; there must be some."""
    layers = dict(iter_quantized_layers(model))
    if not layers:
        raise BitnnError("the model has no quantized layers: first bitnn.prepare(model, sample)")
    return layers


def adds_per_mac(layers: Iterable[QuantizedLayer], encoding: str = "csd") -> float:
    """Executed adds over dense MACs of the integers as they are now, before sharing."""
    adds = macs = 0
    for layer in layers:
        adds += int(count_digits(layer.integer_weight(), encoding).sum()) * layer.positions
        macs += layer.macs
    return adds / macs

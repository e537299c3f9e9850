# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a training method is."""

from __future__ import annotations

from typing import Any, Protocol

import torch


class Method(Protocol):
    """Decides which digits of the weights stay, beside an ordinary training loop:

        loss = criterion(model(x), y) + method.loss()
        loss.backward(); optimizer.step(); method.step()

    and, before the export, `method.finish()`.
    """

    def loss(self) -> torch.Tensor:
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


class Plain:
    """Ordinary training, in float or dense quantization-aware: nothing is pruned."""

    def loss(self) -> torch.Tensor:
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

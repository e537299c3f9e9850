# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The optimizer and its learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn

from bitnn.training.config import Config

# Learned steps move the whole grid of a layer; Bit-Pruning gives them 0.01 where weights have 0.05.
STEP_RATE = 0.2


def create(config: Config, model: nn.Module) -> torch.optim.Optimizer:
    """Weights decay; biases, BatchNorm and learned steps (the scalars) do not."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    scalars = [p for p in model.parameters() if p.dim() == 0]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay, "ratio": 1.0},
        {"params": vectors, "weight_decay": 0.0, "ratio": 1.0},
        {"params": scalars, "weight_decay": 0.0, "ratio": STEP_RATE},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, config.beta2))


def set_rate(optimizer: torch.optim.Optimizer, config: Config, progress: float) -> float:
    """Set the rate for the step at `progress` in [0, 1) of the run: warm-up, then a cosine."""
    if progress < config.warm_up:
        rate = config.lr * (progress / config.warm_up)
        rate = max(rate, config.lr_end)
    else:
        t = (progress - config.warm_up) / (1 - config.warm_up)
        rate = config.lr_end + (config.lr - config.lr_end) * (1 + math.cos(math.pi * t)) / 2
    for group in optimizer.param_groups:
        group["lr"] = rate * group["ratio"]
    return rate

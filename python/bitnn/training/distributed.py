# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data parallelism under torchrun: every process has the model and a part of each batch.

Gradients are averaged in one all-reduce per step, so the losses of a method may use parameters
outside of the model's forward; every process then makes the same step and stays equal. BatchNorm
normalizes with its own process's part of the batch; running statistics are averaged.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class World:
    """This process among all; a lone process is rank 0 of 1."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def share(self, count: int) -> slice:
        """The part of `count` consecutive items that this process works on."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.size == 1:
            return
        parts = [tensor for tensor in tensors if tensor.is_floating_point()]
        if not parts:
            return
        flat = torch.cat([part.detach().reshape(-1).float() for part in parts])
        dist.all_reduce(flat)
        flat /= self.size
        begin = 0
        for part in parts:
            part.detach().copy_(flat[begin : begin + part.numel()].view_as(part))
            begin += part.numel()

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def average_values(self, values: dict[str, float], device: torch.device) -> dict[str, float]:
        """The means of named numbers over all processes."""
        total = self.total(torch.tensor(list(values.values()), dtype=torch.float64, device=device))
        return dict(zip(values, (total / self.size).tolist(), strict=True))

    def any(self, flags: list[bool], device: torch.device) -> list[bool]:
        """Each flag: whether it is set in any process."""
        return [bool(flag) for flag in self.total(torch.tensor(flags, device=device).int())]

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()


def join(device: str) -> World:
    """Join the processes that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    if not dist.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
    return World(dist.get_rank(), dist.get_world_size())


def leave() -> None:
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()

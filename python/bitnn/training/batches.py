# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batches as a pure function of seed, epoch and step, so that a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from bitnn.errors import BitnnError
from bitnn.training.config import Config
from bitnn.training.data import Dataset, Splits, hold_out, load, resized
from bitnn.training.data.augment import augmentation
from bitnn.training.distributed import World


def splits(config: Config) -> Splits:
    """Training images, and those to evaluate on: the test set, or held-out training images."""
    loaded = load(config.data, config.data_root or None, config.size)
    if config.hold_out:
        loaded = hold_out(loaded.train, config.hold_out)
    train = loaded.train
    if config.limit:
        train = train.select(slice(config.limit))
    # Handwriting is bent in full resolution and scaled down after it.
    if config.augment != "warp" and not (config.augment == "standard" and config.data == "mnist"):
        train = resized(train, config.size)
    return Splits(train, resized(loaded.test, config.size))


class Batches:
    """Augmented training batches, a process's part of each."""

    def __init__(self, data: Dataset, config: Config, world: World) -> None:
        if len(data) < config.batch:
            raise BitnnError(f"{len(data)} training images are less than one batch: lower --batch")
        self._data, self._config, self._world = data, config, world
        self._augment = augmentation(config.augment, config.data, config.augment_strength)
        self._epoch, self._order = -1, torch.empty(0)
        self.steps = len(data) // config.batch

    def __call__(self, epoch: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images as the network sees them `[b, C, H, W]`, labels `[b]`."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = torch.randperm(len(self._data), generator=self._generator(epoch, -1))
        begin = step * self._config.batch
        whole = self._order[begin : begin + self._config.batch]
        chosen = whole[self._world.share(len(whole))]
        images = self._augment(self._data.images[chosen], self._generator(epoch, step))
        size = self._config.size
        if size not in (0, images.shape[-1]):
            images = F.interpolate(images, (size, size), mode="area")
        return self._data.values(images), self._data.labels[chosen]

    def _generator(self, epoch: int, step: int) -> torch.Generator:
        # Every process draws the same order; each augments its own images in its own way.
        rank = self._world.rank if step >= 0 else 0
        seed = self._config.seed
        for part in (epoch, step + 1, rank):
            seed = (seed * 1_000_003 + part + 1) % (1 << 62)
        return torch.Generator().manual_seed(seed)


def evaluation(
    data: Dataset, world: World, size: int = 500
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """This process's part of a data set in batches, as the network sees it."""
    part = data.select(world.share(len(data)))
    for images, labels in zip(part.images.split(size), part.labels.split(size), strict=True):
        yield data.values(images), labels

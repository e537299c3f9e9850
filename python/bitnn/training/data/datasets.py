# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The data sets by name.

Files are looked for in `root`, `root/NAME` and the folders inside an unpacked archive; `root`
defaults to `$BITNN_DATA`, then `../shared/data` seen from the current folder, then `data`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from bitnn.errors import BitnnError
from bitnn.training.data import files


@dataclass(frozen=True)
class Dataset:
    """Images as bytes `[N, C, H, W]` and labels `[N]`.

    The network sees `(byte - offset) / divisor`: integers divided by one number, so that an
    8-bit input quantizer with step `1 / divisor` is exact.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: int
    offset: int = 0
    divisor: int = 255

    def __len__(self) -> int:
        return len(self.labels)

    def values(self, images: torch.Tensor) -> torch.Tensor:
        """What the network sees of these bytes (float32; uint8 or already augmented floats)."""
        return (images.float() - self.offset) / self.divisor

    def select(self, indices: torch.Tensor | slice) -> Dataset:
        return replace(self, images=self.images[indices], labels=self.labels[indices])


@dataclass(frozen=True)
class Splits:
    train: Dataset
    test: Dataset


def load(name: str, root: str | Path | None = None, size: int = 0) -> Splits:
    """Both splits of a data set by name, in its own resolution, or of an image folder.

    An image folder is `folder:PATH`; its images are scaled to `size`, see `files.read_folder`.
    """
    if name.startswith("folder:"):
        return _image_folder(Path(name.removeprefix("folder:")), size)
    if name not in DATASETS:
        raise BitnnError(
            f"there is no data set '{name}'; there are {', '.join(DATASETS)} and folder:PATH"
        )
    return DATASETS[name](_folders(root, name))


def resized(data: Dataset, size: int) -> Dataset:
    """All images averaged to `size` x `size` bytes; `size` 0 leaves them as they are."""
    if size in (0, data.images.shape[-1]):
        return data
    parts = []
    for chunk in data.images.split(4096):
        scaled = F.interpolate(chunk.float(), (size, size), mode="area")
        parts.append(scaled.round().clamp(0, 255).to(torch.uint8))
    return replace(data, images=torch.cat(parts))


def hold_out(train: Dataset, count: int, seed: int = 0) -> Splits:
    """Split `count` random training images off, for choosing settings without the test set."""
    if not 0 < count < len(train):
        raise BitnnError(f"cannot hold out {count} of {len(train)} training images")
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    return Splits(train.select(order[count:]), train.select(order[:count]))


def _folders(root: str | Path | None, name: str) -> list[Path]:
    candidates = [root] if root else [os.environ.get("BITNN_DATA"), "../shared/data", "data"]
    roots = [Path(path) for path in candidates if path]
    inner = {
        "cifar10": ["cifar-10-batches-bin", "cifar-10-batches-py"],
        "cifar100": ["cifar-100-binary", "cifar-100-python"],
    }.get(name, [])
    return [
        folder
        for base in roots
        for middle in (base, base / name)
        for folder in (middle, *(middle / part for part in inner))
    ]


def _mnist_like(source: str) -> Callable[[list[Path]], Splits]:
    def read(folders: list[Path]) -> Splits:
        train, test = (files.read_idx_pair(folders, split, source) for split in ("train", "t10k"))
        return Splits(Dataset(*train, classes=10), Dataset(*test, classes=10))

    return read


def _cifar10(folders: list[Path]) -> Splits:
    source = "https://www.cs.toronto.edu/~kriz/cifar.html (the binary or the Python version)"
    first = files.find(folders, ["data_batch_1.bin", "data_batch_1"], source)
    ending = first.suffix
    train = [first.with_name(f"data_batch_{k}{ending}") for k in range(1, 6)]
    test = [first.with_name(f"test_batch{ending}")]
    return _cifar(train, test, 10, 1, "labels", source)


def _cifar100(folders: list[Path]) -> Splits:
    source = "https://www.cs.toronto.edu/~kriz/cifar.html (the binary or the Python version)"
    first = files.find(folders, ["train.bin", "train"], source)
    test = first.with_name("test" + first.suffix)
    return _cifar([first], [test], 100, 2, "fine_labels", source)


def _cifar(
    train: list[Path], test: list[Path], classes: int, label_bytes: int, label: str, source: str
) -> Splits:
    def read(paths: list[Path]) -> Dataset:
        for path in paths:
            files.find([path.parent], [path.name], source)
        binary = paths[0].suffix == ".bin"
        pair = (
            files.read_cifar_binary(paths, label_bytes)
            if binary
            else files.read_cifar_python(paths, label)
        )
        return Dataset(*pair, classes=classes, offset=128, divisor=64)

    return Splits(read(train), read(test))


def _digits(folders: list[Path]) -> Splits:
    """scikit-learn's 1,797 digits of 8x8 pixels with 17 levels; every fifth image is a test."""
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ImportError as error:
        message = "the data set 'digits' needs scikit-learn: pip install bitnn[train]"
        raise BitnnError(message) from error
    bunch = load_digits()
    images = torch.from_numpy(bunch.images.astype(np.uint8))[:, None]
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    whole = Dataset(images, labels, classes=10, divisor=16)
    test = torch.arange(len(whole)) % 5 == 0
    return Splits(whole.select(~test), whole.select(test))


def _image_folder(path: Path, size: int) -> Splits:
    """`PATH/train/CLASS/IMAGE` and `PATH/val/CLASS/IMAGE` (or `test` for `val`)."""
    held = path / "val" if (path / "val").is_dir() else path / "test"
    images, labels, classes = files.read_folder(path / "train", size)
    other, other_labels, other_classes = files.read_folder(held, size)
    if classes != other_classes:
        raise BitnnError(f"{held}: other classes than in {path / 'train'}")
    n = len(classes)
    return Splits(
        Dataset(images, labels, n, offset=128, divisor=64),
        Dataset(other, other_labels, n, offset=128, divisor=64),
    )


DATASETS: dict[str, Callable[[list[Path]], Splits]] = {
    "digits": _digits,
    "mnist": _mnist_like("https://yann.lecun.com/exdb/mnist or a mirror of it"),
    "fashion-mnist": _mnist_like("https://github.com/zalandoresearch/fashion-mnist"),
    "cifar10": _cifar10,
    "cifar100": _cifar100,
}

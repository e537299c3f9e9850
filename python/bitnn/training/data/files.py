# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Readers of the official files: IDX (MNIST), binary and Python archives (CIFAR), image folders.

Every reader returns uint8 images `[N, C, H, W]` and int64 labels `[N]`; a file that is missing or
of the wrong size raises BitnnError, which says where to get it.
"""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bitnn.errors import BitnnError

Pair = tuple[torch.Tensor, torch.Tensor]


def find(folders: list[Path], names: list[str], source: str) -> Path:
    """The first existing `folder/name`; `source` tells the user where the files come from."""
    for folder in folders:
        for name in names:
            if (folder / name).exists():
                return folder / name
    places = ", ".join(dict.fromkeys(str(folder) for folder in folders))
    raise BitnnError(
        f"no file {' or '.join(names)}: get it from {source}, unpack it, and say where it is with"
        f" --data-root or $BITNN_DATA (not found in {places})"
    )


def read_idx(path: Path) -> torch.Tensor:
    """An IDX file of uint8 values, packed with gzip or not, in the shape its header states."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise BitnnError(f"{path}: not an IDX file of unsigned bytes")
    rank = data[3]
    shape = struct.unpack_from(f">{rank}I", data, 4)
    begin = 4 + 4 * rank
    if len(data) - begin != int(np.prod(shape)):
        raise BitnnError(f"{path}: {len(data) - begin} values, its header says {shape}")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=begin).reshape(shape).copy())


def read_idx_pair(folders: list[Path], split: str, source: str) -> Pair:
    """Images and labels of one split (`train` or `t10k`) in MNIST's file names."""

    def read(kind: str) -> torch.Tensor:
        name = f"{split}-{kind}"
        return read_idx(find(folders, [f"{name}.gz", name], source))

    images, labels = read("images-idx3-ubyte"), read("labels-idx1-ubyte")
    return images[:, None], labels.long()


def read_cifar_binary(paths: list[Path], label_bytes: int) -> Pair:
    """Records of `label_bytes` labels, the last of which counts, and 3072 bytes C, H, W."""
    record = label_bytes + 3072
    parts = []
    for path in paths:
        data = np.fromfile(path, np.uint8)
        if data.size == 0 or data.size % record:
            raise BitnnError(f"{path}: {data.size} bytes are no records of {record} bytes")
        parts.append(data.reshape(-1, record))
    data = np.concatenate(parts)
    images = torch.from_numpy(data[:, label_bytes:].reshape(-1, 3, 32, 32).copy())
    return images, torch.from_numpy(data[:, label_bytes - 1].astype(np.int64))


def read_cifar_python(paths: list[Path], label: str) -> Pair:
    """The pickled batches of CIFAR's Python archive; `label` is `labels` or `fine_labels`."""
    images, labels = [], []
    for path in paths:
        with path.open("rb") as file:
            batch = _ArraysOnly(file, encoding="latin1").load()
        images.append(np.asarray(batch["data"], np.uint8).reshape(-1, 3, 32, 32))
        labels.append(np.asarray(batch[label], np.int64))
    return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels))


class _ArraysOnly(pickle.Unpickler):
    """A pickle can run any function when it is read; these batches need only numpy's arrays."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 (the base class's type)
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype"):
            return super().find_class(module, name)
        raise BitnnError(f"a CIFAR batch asks for {module}.{name}: not the official file")


def read_folder(folder: Path, size: int) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """`folder/CLASS/IMAGE` as torchvision's ImageFolder has it; classes in sorted order.

    The shorter side is scaled to `size` and the centre is cut out. Needs Pillow.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise BitnnError("image folders need Pillow: pip install pillow") from error
    if size <= 0:
        raise BitnnError("image folders need a size: --size 224, say")
    if not folder.is_dir():
        raise BitnnError(f"no folder {folder}: images belong into {folder}/CLASS/IMAGE")
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [(path, k) for k, name in enumerate(classes) for path in _images(folder / name)]
    if not files:
        raise BitnnError(f"{folder}: no images in CLASS/IMAGE folders")
    images = np.empty((len(files), size, size, 3), np.uint8)
    for n, (path, _) in enumerate(files):
        with Image.open(path) as stored:
            image = stored.convert("RGB")
            ratio = size / min(image.size)
            width, height = (max(size, round(edge * ratio)) for edge in image.size)
            left, top = (width - size) // 2, (height - size) // 2
            scaled = image.resize((width, height), Image.Resampling.BILINEAR)
            images[n] = np.asarray(scaled.crop((left, top, left + size, top + size)))
    labels = torch.tensor([k for _, k in files])
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), labels, classes


def _images(folder: Path) -> list[Path]:
    endings = {".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".webp"}
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings)

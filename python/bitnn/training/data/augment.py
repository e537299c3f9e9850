# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Augmentation of whole batches, a pure function of the images and a generator.

All of it works on bytes `[B, C, H, W]` and returns float32 pixel values of the same range, so it
runs at the speed of the tensor operations, with no worker processes to feed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
import torch.nn.functional as F

from bitnn.errors import BitnnError

KNOTS = 4

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def crop_and_flip(images: torch.Tensor, generator: torch.Generator, pad: int = 4) -> torch.Tensor:
    """Shift by up to `pad` pixels (the border repeats itself) and mirror half of the images.

    `pad` is for 32 pixels and grows with the image. The usual recipe of CIFAR-10.
    """
    count, _, height, width = images.shape
    pad = max(1, round(pad * height / 32))

    def offsets() -> torch.Tensor:
        return torch.randint(-pad, pad + 1, (count, 1), generator=generator)

    rows = (torch.arange(height) + offsets()).clamp(0, height - 1)
    columns = (torch.arange(width) + offsets()).clamp(0, width - 1)
    mirrored = torch.rand(count, 1, generator=generator) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    sample = torch.arange(count)[:, None, None]
    # Indices around the channel axis put it last: a channels-last batch, as convolutions like it.
    picked = images[sample, :, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2).float()


def warp(
    images: torch.Tensor,
    generator: torch.Generator,
    clean: float = 0.2,
    degrees: float = 9.0,
    scale: float = 0.09,
    shift: float = 1.5 / 28,
    elastic: float = 0.5 / 28,
    strength: float = 1.0,
) -> torch.Tensor:
    """Rotate, scale, shift and bend handwritten figures.

    Standard deviations: rotation in degrees, relative size, shift and bending as parts of the
    width (bending is a smooth random field of KNOTS x KNOTS); `strength` multiplies them all. A
    part `clean` stays as it is.
    """
    count, _, height, width = images.shape

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * strength

    angle = normal(count) * (degrees * torch.pi / 180)
    zoom = 1 + normal(count) * scale
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    move = normal(count, 2) * (2 * shift)
    bend = normal(count, 2, KNOTS * KNOTS) * (2 * elastic)
    affine = torch.stack([cosine, -sine, move[:, 0], sine, cosine, move[:, 1]], 1)
    factors = torch.cat([affine.view(count, 2, 3), bend], 2).flatten(1)
    grid = (factors @ _fields(height, width)).view(count, height, width, 2)
    pixels = images.float()
    warped = F.grid_sample(pixels, grid, align_corners=False)
    stay = torch.rand(count, 1, 1, 1, generator=generator) < clean
    return torch.where(stay, pixels, warped)


@cache
def _fields(height: int, width: int) -> torch.Tensor:
    """Where `grid_sample` should look, as a sum of fields: [2 * (3 + knots), height * width * 2].

    For each of the two coordinates: x, y, 1, and one smooth bump for every knot.
    """
    x = (2 * torch.arange(width) + 1) / width - 1
    y = (2 * torch.arange(height) + 1) / height - 1
    plane = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    bumps = torch.eye(KNOTS * KNOTS).view(-1, 1, KNOTS, KNOTS)
    bumps = F.interpolate(bumps, (height, width), mode="bicubic", align_corners=True)[:, 0]
    one = torch.cat([plane, torch.ones(1, height, width), bumps])
    both = torch.zeros(2, len(one), height, width, 2)
    both[0, ..., 0], both[1, ..., 1] = one, one
    return both.flatten(0, 1).flatten(1)


def clean(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """No augmentation."""
    return images.float()


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": clean,
    "crop-flip": crop_and_flip,
    "warp": warp,
}

# What `augment = "standard"` means for a data set; others are shown as they are.
STANDARD = {
    "mnist": "warp",
    "fashion-mnist": "crop-flip",
    "cifar10": "crop-flip",
    "cifar100": "crop-flip",
}


def augmentation(name: str, data: str, strength: float = 1.0) -> Augmentation:
    """The augmentation by name; `standard` is the usual one of the data set `data`.

    Only `warp` has a strength.
    """
    if name == "standard":
        name = STANDARD.get(data, "crop-flip" if data.startswith("folder:") else "none")
    if name not in AUGMENTATIONS:
        raise BitnnError(
            f"there is no augmentation '{name}'; there are standard, {', '.join(AUGMENTATIONS)}"
        )
    return partial(warp, strength=strength) if name == "warp" else AUGMENTATIONS[name]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The geometry that convolutions and pools share, for any number of spatial dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitnn.graph import Node
from bitnn.values import Array


def output_extents(
    image: tuple[int, ...], kernel: tuple[int, ...], attributes: Mapping[str, Any]
) -> tuple[int, ...]:
    """The spatial extents of what a convolution or pool with these attributes gives."""
    node = Node("Conv", "", "ai.onnx", 1, (), ("",), dict(attributes))
    return Windows.of(node, kernel, image).outputs(image)


@dataclass(frozen=True)
class Windows:
    """Kernel, strides, dilations and pads (before and after) per spatial dimension."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    # With ceil_mode, windows may reach beyond the padding.
    beyond: tuple[int, ...]

    @classmethod
    def of(cls, node: Node, kernel: tuple[int, ...], image: tuple[int, ...]) -> Windows:
        """Read a node's attributes; `image` holds the spatial extents of its input."""
        rank = len(kernel)
        if len(image) != rank:
            raise node.error(f"the input has {len(image)} spatial dimensions, the kernel {rank}")
        strides = tuple(node.get("strides", [1] * rank))
        dilations = tuple(node.get("dilations", [1] * rank))
        pads = tuple(node.get("pads", [0] * 2 * rank))
        extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        mode = node.get("auto_pad", "NOTSET")
        if mode == "VALID":
            pads = (0,) * 2 * rank
        elif mode in ("SAME_UPPER", "SAME_LOWER"):
            total = [
                max((-(-size // stride) - 1) * stride + extent - size, 0)
                for size, stride, extent in zip(image, strides, extents, strict=True)
            ]
            small = tuple(pad // 2 for pad in total)
            large = tuple(pad - pad // 2 for pad in total)
            pads = small + large if mode == "SAME_UPPER" else large + small
        elif mode != "NOTSET":
            raise node.error(f"auto_pad = {mode} is not an ONNX padding mode")
        if min(pads) < 0:
            raise node.error("negative pads are not supported")
        before, after = pads[:rank], pads[rank:]
        beyond = []
        for i, (size, extent, stride) in enumerate(zip(image, extents, strides, strict=True)):
            rest = size + before[i] + after[i] - extent
            if rest < 0:
                raise node.error("the kernel is larger than the padded input")
            # The last window must begin inside the image or the padding before it.
            begins = (rest // stride + 1) * stride < size + before[i]
            incomplete = node.get("ceil_mode", 0) and rest % stride and begins
            beyond.append(stride - rest % stride if incomplete else 0)
        return cls(kernel, strides, dilations, before, after, tuple(beyond))

    def outputs(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """The number of windows along each spatial dimension."""
        return tuple(
            (size + before + after + beyond - (k - 1) * dilation - 1) // stride + 1
            for size, before, after, beyond, k, dilation, stride in zip(
                image,
                self.before,
                self.after,
                self.beyond,
                self.kernel,
                self.dilations,
                self.strides,
                strict=True,
            )
        )

    def gather(self, image: Array, fill: int | float, beyond: int | float | None = None) -> Array:
        """All windows of N x C x image, as N x C x output positions x kernel.

        `fill` is in the padding, `beyond` behind it.
        """
        pads = list(zip(self.before, self.after, strict=True))
        padded = np.pad(image, [(0, 0), (0, 0), *pads], constant_values=fill)
        rest = [(0, 0), (0, 0), *((0, count) for count in self.beyond)]
        padded = np.pad(padded, rest, constant_values=fill if beyond is None else beyond)
        rank = len(self.kernel)
        axes = tuple(range(2, 2 + rank))
        shape = tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))
        view = np.lib.stride_tricks.sliding_window_view(padded, shape, axis=axes)
        steps = [slice(None, None, step) for step in self.strides + self.dilations]
        return view[(slice(None), slice(None), *steps)]

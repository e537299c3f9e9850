# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Concat: its operands are quantized one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitnn.graph import Node
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import MICROSOFT, Operands, operator, pad, present
from bitnn.values import Array, Parts, Quantized, Value


@operator("Concat")
def concat(node: Node, operands: Operands) -> Value:
    return concatenate([present(node, part) for part in operands], node.get("axis", 1))


@operator("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(node: Node, operands: Operands) -> Value:
    ys, yz, *rest = pad(operands, 2)
    parts = [dequantize(node, *rest[i : i + 3]) for i in range(0, len(rest), 3)]
    return requantize(node, concatenate(parts, node.get("axis", 1)), ys, yz)


def concatenate(parts: Sequence[Value], axis: int) -> Value:
    """Plain arrays and tensors of one scale stay what they are."""

    def join(arrays: Sequence[Array]) -> Array:
        return np.concatenate(arrays, axis)

    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, np.ndarray) for part in parts):
        return join(parts)
    if _agree(parts):
        return Quantized(
            join([part.q for part in parts]),
            join([part.scale for part in parts]),
            join([part.zero_point for part in parts]),
        )
    return Parts(tuple(parts), join)


def _agree(parts: Sequence[Value]) -> bool:
    """Whether all are integers of one type, scale and zero point."""
    if not all(isinstance(part, Quantized) for part in parts):
        return False
    first = parts[0]
    return all(
        part.q.dtype == first.q.dtype
        and (part.scale == first.scale.flat[0]).all()
        and (part.zero_point == first.zero_point.flat[0]).all()
        for part in parts
    )

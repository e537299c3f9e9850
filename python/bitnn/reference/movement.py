# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that keep every element: reshapes and transposes."""

from __future__ import annotations

import numpy as np

from bitnn.graph import Node
from bitnn.reference.registry import Operands, constant, operator, pad, present
from bitnn.values import Array, Value, move


@operator("Identity", "Dropout")
def identity(node: Node, operands: Operands) -> Value:
    return present(node, operands[0])


@operator("Flatten")
def flatten(node: Node, operands: Operands) -> Value:
    axis = node.get("axis", 1)

    def flat(array: Array) -> Array:
        split = axis + array.ndim if axis < 0 else axis
        return array.reshape(int(np.prod(array.shape[:split])), -1)

    return move(present(node, operands[0]), flat)


@operator("Reshape")
def reshape(node: Node, operands: Operands) -> Value:
    x, shape = pad(operands, 2)
    extents = constant(node, "shape", shape).astype(np.int64).tolist()
    keep = not node.get("allowzero", 0)

    def reshaped(array: Array) -> Array:
        return array.reshape(
            [array.shape[i] if keep and extent == 0 else extent for i, extent in enumerate(extents)]
        )

    return move(present(node, x), reshaped)


@operator("Transpose")
def transpose(node: Node, operands: Operands) -> Value:
    permutation = node.get("perm", None)
    return move(present(node, operands[0]), lambda array: np.transpose(array, permutation))


def integers(node: Node, operands: Operands, place: int, attribute: str, opset: int) -> list | None:
    """Integers that are an attribute before `opset` and an operand from then on."""
    if node.opset < opset:
        value = node.get(attribute, None)
        return None if value is None else list(value)
    value = operands[place] if place < len(operands) else None
    return None if value is None else constant(node, attribute, value).reshape(-1).tolist()


@operator("Squeeze")
def squeeze(node: Node, operands: Operands) -> Value:
    axes = integers(node, operands, 1, "axes", 13)
    axis = None if axes is None else tuple(axes)
    return move(present(node, operands[0]), lambda array: np.squeeze(array, axis))


@operator("Unsqueeze")
def unsqueeze(node: Node, operands: Operands) -> Value:
    axes = tuple(integers(node, operands, 1, "axes", 13) or ())
    return move(present(node, operands[0]), lambda array: np.expand_dims(array, axes))

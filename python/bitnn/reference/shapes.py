# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arithmetic on shapes and other constants, which the import folds."""

from __future__ import annotations

import numpy as np

from bitnn.graph import Node
from bitnn.reference.registry import Operands, constant, operator, pad, present
from bitnn.reference.selection import shape_of
from bitnn.values import Value, real


@operator("Shape")
def shape(node: Node, operands: Operands) -> Value:
    extents = np.asarray(shape_of(present(node, operands[0])), np.int64)
    return extents[node.get("start", 0) : node.get("end", None)]


@operator("Size")
def size(node: Node, operands: Operands) -> Value:
    return np.asarray(np.prod(shape_of(present(node, operands[0]))), np.int64)


@operator("ConstantOfShape")
def constant_of_shape(node: Node, operands: Operands) -> Value:
    fill = node.get("value", np.zeros(1, np.float32))
    return np.full(constant(node, "shape", operands[0]), fill.reshape(()), fill.dtype)


@operator("Range")
def range_(node: Node, operands: Operands) -> Value:
    start, limit, delta = (constant(node, "bound", entry) for entry in pad(operands, 3))
    return np.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


@operator("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual")
def compare(node: Node, operands: Operands) -> Value:
    a, b = (real(present(node, operand)) for operand in pad(operands, 2))
    functions = {
        "Equal": np.equal,
        "Less": np.less,
        "Greater": np.greater,
        "LessOrEqual": np.less_equal,
        "GreaterOrEqual": np.greater_equal,
    }
    return functions[node.op](a, b)


@operator("Where")
def where(node: Node, operands: Operands) -> Value:
    condition, a, b = (real(present(node, operand)) for operand in pad(operands, 3))
    return np.where(condition, a, b)


@operator("ReduceProd")
def reduce_prod(node: Node, operands: Operands) -> Value:
    axes = node.get("axes", None)
    return np.prod(
        constant(node, "data", operands[0]),
        axis=None if axes is None else tuple(axes),
        keepdims=bool(node.get("keepdims", 1)),
    ).astype(real(present(node, operands[0])).dtype)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference of record: what a quantized ONNX graph computes, integer for integer.

Convolutions, matrix products and average pools are exact integer sums, refused when they leave
int32, and become 8-bit values by one rule (`Accumulator.requantize`). Everything else follows
ONNX's text in float32, in the written order: dequantize, compute, quantize. Moving data commutes
with quantization and keeps the integers. Compiled code must give these integers on every target.
docs/Numerics.md has the formulas.
"""

from bitnn.reference import (  # noqa: F401 - they register their operators
    casts,
    elementwise,
    functions,
    joins,
    movement,
    pools,
    products,
    quantization,
    selection,
    shapes,
    softmax,
)
from bitnn.reference.evaluator import Reference, Trace, apply
from bitnn.reference.registry import OPERATORS

__all__ = ["OPERATORS", "Reference", "Trace", "apply"]

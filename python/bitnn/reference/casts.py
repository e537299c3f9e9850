# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cast, between integers and from them to float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

from bitnn.graph import Node
from bitnn.reference.registry import EIGHT_BITS, Operands, operator, present
from bitnn.values import Accumulator, Quantized, Value, real, widen


@operator("Cast")
def cast(node: Node, operands: Operands) -> Value:
    x = present(node, operands[0])
    to = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(node.get("to", 0)))
    if to == np.float32:
        if isinstance(x, np.ndarray) and x.dtype in EIGHT_BITS and 0 not in node.constants:
            # A DequantizeLinear with the scale 1.
            return Quantized.of(x, np.ones((), np.float32), None, 0)
        if isinstance(x, Accumulator):
            return replace(x, integer=False)
        if not isinstance(x, np.ndarray):
            return x
    return widen(real(x).astype(to))

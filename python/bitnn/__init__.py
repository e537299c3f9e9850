# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bitnn: quantized neural networks as code that never multiplies."""

from bitnn.compiler import Network, compile
from bitnn.errors import BitnnError
from bitnn.reference import Reference, Trace

__all__ = ["BitnnError", "Network", "Reference", "Trace", "compile"]

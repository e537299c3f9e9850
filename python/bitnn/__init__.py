# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bitnn: quantized neural networks as code that never multiplies."""

from importlib import import_module
from typing import Any

from bitnn.compiler import Network, compile
from bitnn.errors import BitnnError
from bitnn.reference import Reference, Trace

__all__ = ["BitnnError", "Network", "Reference", "Trace", "compile"]

# Where the training front end's names are. They are imported when first used: they need PyTorch.
_TRAINING = {
    "BitPruning": "bitnn.training.methods",
    "estimate_statistics": "bitnn.training.layers",
    "export": "bitnn.training.export",
    "prepare": "bitnn.training.prepare",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _TRAINING:
        raise AttributeError(f"module 'bitnn' has no attribute '{name}'")
    try:
        return getattr(import_module(_TRAINING[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise BitnnError(f"bitnn.{name} needs PyTorch: pip install bitnn[train]") from None

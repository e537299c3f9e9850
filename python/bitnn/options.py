# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Options that several commands share."""

from __future__ import annotations

import argparse

# Passed on to bitnn-compile as they are.
COMPILER_OPTIONS = {
    "target": "host (default), x86-64-v3, x86-64-v4, aarch64, rv32i, ...",
    "triple": "an LLVM target triple, instead of --target",
    "cpu": "an LLVM processor name",
    "features": "LLVM processor features",
    "schedule": "auto, straight-line, table or multiply",
    "encoding": "csd or binary",
    "sharing": "on or off",
    "multiply": "never, requantize or layers",
    "max-code-size": "bytes",
    "max-scratch": "bytes",
}


def chosen(options: argparse.Namespace) -> dict[str, str]:
    """The options of bitnn-compile that were given, by their Python names."""
    names = (name.replace("-", "_") for name in COMPILER_OPTIONS)
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def natural(text: str) -> int:
    """A number that is not negative."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def positive(text: str) -> int:
    """A number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be positive")
    return value

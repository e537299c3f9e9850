# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled operators equal the reference in every value, on this machine and on rv32i."""

from __future__ import annotations

from pathlib import Path

from test_random_layers import check

from bitnn.randomlayers import OPERATORS, Options, random_layers

OPTIONS = Options(kinds=tuple(OPERATORS), large=0)
LAYERS = 8 * len(OPERATORS)
EMULATED_LAYERS = 4 * len(OPERATORS)


def test_on_this_machine(compiler: str, tmp_path: Path, seed: int) -> None:
    check(random_layers(seed, LAYERS, OPTIONS), {}, seed, tmp_path)


def test_in_the_emulator(compiler: str, emulator_tools: None, tmp_path: Path, seed: int) -> None:
    layers = random_layers(seed + 1, EMULATED_LAYERS, OPTIONS)
    check(layers, {"target": "rv32i"}, seed + 1, tmp_path)

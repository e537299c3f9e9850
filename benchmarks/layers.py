# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of common shapes at four digit densities, beside onnxruntime.

Each layer is a network of its own: it includes what brings its uint8 input into bitnn's layout and
its uint8 output out of it. With --chain=N it is N equal layers with weights of their own. With
--activation-bits below 8 bitnn is also measured beside itself on 8 bits, at the same digits.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from bitnn.bench.cli import add_options, run
from bitnn.bench.contest import Entry
from bitnn.bench.machine import describe
from bitnn.bench.networks import DENSITIES, SHAPES, SPARSE, LayerShape, layer_network
from bitnn.errors import BitnnError


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench layers", description=__doc__)
    shapes = {shape.name: shape for shape in SHAPES}
    parser.add_argument("--only", action="append", choices=shapes, help="this layer; may repeat")
    parser.add_argument("--density", action="append", help="dense, or CSD digits per weight")
    parser.add_argument("--chain", type=int, default=1, help="layers in sequence (default: 1)")
    parser.add_argument(
        "--activation-bits",
        action="append",
        type=int,
        choices=range(1, 9),
        metavar="BITS",
        help="of activations, in uint8 (default: 8); may repeat",
    )
    add_options(parser)
    options = parser.parse_args()
    densities = options.density or DENSITIES
    # Matrix units ask for fewer digits until both are as fast.
    if not options.density and "amx_int8" in describe()["features"]:
        densities += SPARSE
    entries = [
        _entry(shapes[name], density, options.chain, bits)
        for bits in options.activation_bits or [8]
        for name in options.only or shapes
        for density in densities
    ]
    return run(options, entries, ["x86-64-v3", "x86-64-v4"])


def _entry(shape: LayerShape, density: str, chain: int, bits: int) -> Entry:
    """A layer, or a chain of them, and for fewer bits the same with 8."""
    label = f"{shape.name} {density}"
    label += f" x{chain}" if chain > 1 else ""
    label += f" {bits}-bit" if bits < 8 else ""
    load = partial(layer_network, shape, density, chain)
    baseline = load if bits < 8 else None
    return Entry(label, partial(load, activation_bits=bits), baseline=baseline)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BitnnError as error:
        sys.exit(f"bench: {error}")

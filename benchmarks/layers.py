# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of common shapes at four digit densities, beside onnxruntime.

Each layer is a network of its own: it includes what brings its uint8 input into bitnn's layout and
its uint8 output out of it. With --chain=N it is N equal layers with weights of their own.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from bitnn.bench.cli import Entry, add_options, run
from bitnn.bench.networks import DENSITIES, SHAPES, layer_network
from bitnn.errors import BitnnError


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench layers", description=__doc__)
    shapes = {shape.name: shape for shape in SHAPES}
    parser.add_argument("--only", action="append", choices=shapes, help="this layer; may repeat")
    parser.add_argument("--density", action="append", help="dense, or CSD digits per weight")
    parser.add_argument("--chain", type=int, default=1, help="layers in sequence (default: 1)")
    add_options(parser)
    options = parser.parse_args()
    entries: list[Entry] = []
    for name in options.only or shapes:
        for density in options.density or DENSITIES:
            label = f"{name} {density}" + (f" x{options.chain}" if options.chain > 1 else "")
            load = partial(layer_network, shapes[name], density, options.chain)
            entries.append(Entry(label, load))
    return run(options, entries, ["x86-64-v3", "x86-64-v4"])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BitnnError as error:
        sys.exit(f"bench: {error}")

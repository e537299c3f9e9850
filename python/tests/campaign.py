# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A counted number of random layers and random networks against the reference.

Every layer and every network is compiled three times, straight-line (or as `auto` chooses), as
tables and with multiplications; targets, encodings and sharing take turns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from test_random_layers import EMULATED, HOST, LAYERS_PER_MODEL, faults_of, name_of

from bitnn.randomlayers import KINDS, OPERATORS, Layer, Options, random_layers, random_networks

# One configuration of each list for a batch, in turn.
CONFIGURATIONS = tuple(
    [options for options in (*HOST, *EMULATED) if options["schedule"] in schedules]
    for schedules in (("auto", "straight-line"), ("table",), ("multiply",))
)
# Few large layers: their straight-line code takes most of the time.
EVERY_KIND = Options(kinds=(*KINDS, *OPERATORS), large=0.05)


@dataclass(frozen=True)
class Batch:
    """Layers that are compiled together, and where they stand in the campaign."""

    what: str
    layers: list[Layer]
    seed: int
    last: int
    total: int


def batches(layers: int, networks: int, seed: int) -> Iterator[Batch]:
    """The layers, 50 to a model, with seeds from `seed` on; then the networks, one to a model."""
    for index, start in enumerate(range(0, layers, LAYERS_PER_MODEL)):
        count = min(LAYERS_PER_MODEL, layers - start)
        # A model has room for little more than one of each: all kinds come first in turn.
        first = index % len(EVERY_KIND.kinds)
        kinds = (*EVERY_KIND.kinds[first:], *EVERY_KIND.kinds[:first])
        drawn = random_layers(seed + index, count, replace(EVERY_KIND, kinds=kinds))
        yield Batch("layers", drawn, seed + index, start + count, layers)
    for index in range(networks):
        yield Batch("networks", random_networks(seed + index, 1), seed + index, index + 1, networks)


def run(layers: int, networks: int, seed: int, folder: Path) -> int:
    """Number of faults; models of layers that differ are left in `folder`."""
    print(f"--layers={layers} --networks={networks} --seed={seed}", flush=True)
    start, found = time.monotonic(), 0
    for index, batch in enumerate(batches(layers, networks, seed)):
        for choices in CONFIGURATIONS:
            options = choices[index % len(choices)]
            place = folder / f"{batch.what}-{batch.seed}"
            place.mkdir(parents=True, exist_ok=True)
            faults = faults_of(batch.layers, options, batch.seed, place)
            found += len(faults)
            for fault in faults:
                print(f"seed {batch.seed}, {name_of(options)}: {fault}", flush=True)
            if not any(place.iterdir()):
                place.rmdir()
        minutes = (time.monotonic() - start) / 60
        if batch.what == "layers" or batch.last % 10 == 0 or batch.last == batch.total:
            state = f"{batch.last} of {batch.total} {batch.what}, {found} faults"
            print(f"{state}, {minutes:.0f} minutes", file=sys.stderr, flush=True)
    print(f"{layers} layers and {networks} networks, each in three schedules: {found} faults")
    return found

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random small quantized ONNX layers, many independent ones in one model.

A compiler is exercised by many layers, and a compilation has a fixed cost: so `random_layers`
makes layers that share nothing, and `combine` puts any of them side by side in one model, where
each has its own graph inputs and outputs. The same seed gives the same bytes.
"""

from __future__ import annotations

from itertools import cycle

import numpy as np

from bitnn.randomlayers.builder import Builder
from bitnn.randomlayers.dots import DOTS
from bitnn.randomlayers.kinds import KINDS, LARGE, QDQ_ONLY
from bitnn.randomlayers.layer import Layer, Options, combine
from bitnn.randomlayers.networks import random_networks
from bitnn.randomlayers.operators import OPERATORS as _OPERATORS
from bitnn.randomlayers.sums import SUMS

__all__ = ["KINDS", "OPERATORS", "Layer", "Options", "combine", "random_layers", "random_networks"]


OPERATORS = {**_OPERATORS, **DOTS, **SUMS}


def random_layers(seed: int, count: int, options: Options | None = None) -> list[Layer]:
    """`count` layers, every kind in turn, the rest drawn with `seed`."""
    options = options or Options()
    kinds = options.kinds or tuple(KINDS)
    # Each list has turns of its own: no common divisor may leave a kind out.
    turns = {False: cycle(kinds), True: cycle([kind for kind in kinds if kind in LARGE])}
    has_large = any(kind in LARGE for kind in kinds)
    layers = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        large = has_large and (index + 1) * options.large % 1 < options.large
        kind = next(turns[large])
        make, qdq_only = ({**KINDS, **OPERATORS})[kind], kind in QDQ_ONLY
        layers.append(Builder(f"layer{index}", kind, large, rng, options, make, qdq_only).build())
    return layers

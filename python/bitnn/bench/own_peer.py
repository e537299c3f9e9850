# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bitnn as its own peer: what fewer bits of activations gain, at the same digits."""

from __future__ import annotations

from bitnn.bench.cut import Part
from bitnn.bench.machine import Timer
from bitnn.bench.measure import CompiledRunner
from bitnn.bench.peer import Kind, Question
from bitnn.compiler import Network
from bitnn.samples import random_samples

NAME = "bitnn"


def start(isa: str) -> Kind:
    """The same compiler, target and options; the network's activations have 8 bits."""
    return Kind(NAME, "8-bit activations", "of the same build", 0.0, _load)


def _load(question: Question) -> Own | None:
    return Own(question.baseline) if question.baseline else None


class Own:
    """A compiled network on noise."""

    notes: tuple[str, ...] = ()

    def __init__(self, network: Network) -> None:
        (sample,) = random_samples(network.reference, 1, seed=1)
        self.run = CompiledRunner(network, sample, Timer())

    def outputs(self, part: Part) -> None:
        """Nothing: its activations are others."""

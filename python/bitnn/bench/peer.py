# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a peer is: a runtime that runs the same network on the same integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import onnx

from bitnn.bench.cut import Part
from bitnn.compiler import Network
from bitnn.values import Array


@dataclass(frozen=True)
class Question:
    """What a peer is asked to run: `part` of `model`; `published` is its .tflite file, if any,
    `baseline` what bitnn itself is asked to beat."""

    model: onnx.ModelProto
    part: Part
    published: str = ""
    baseline: Network | None = None


class Peer(Protocol):
    """A network, loaded. `notes` say what it does otherwise than it should."""

    notes: tuple[str, ...]

    def run(self, count: int) -> float:
        """Seconds of CPU time of `count` runs on the part's inputs."""

    def outputs(self, part: Part) -> Sequence[Array] | None:
        """Its outputs for the part's inputs, in order; None where its weights are others."""


@dataclass(frozen=True)
class Kind:
    """A runtime in this process, the instructions that it may use, its time for nothing."""

    name: str
    isa: str
    version: str
    overhead_ns: float
    load: Callable[[Question], Peer | None]
    """None where it has nothing to run for this network."""

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One target against its peers: the process in which both sides are loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from bitnn.bench import onnxruntime_peer as ort
from bitnn.bench.cut import integers, same_work
from bitnn.bench.machine import Timer, describe, pinned, vector_bits
from bitnn.bench.masks import answers, mask
from bitnn.bench.measure import CompiledRunner, interleave
from bitnn.bench.profile import profile
from bitnn.bench.report import Result
from bitnn.compiler import Network, compile
from bitnn.errors import BitnnError
from bitnn.samples import random_samples

# What is hidden from the peers of a target.
CAPS = {"x86-64-v3": "avx2"}
ISA = {128: "128-bit", 256: "AVX2", 512: "AVX-512"}


@dataclass(frozen=True)
class Effort:
    """How long to measure: turns of each side, and about how long each takes."""

    rounds: int = 15
    seconds: float = 0.02
    samples: int = 3
    profile: bool = False


class Contest:
    """A target, its peers, the machine's limit. Make it before anything imports a peer."""

    def __init__(self, target: str, effort: Effort) -> None:
        self.target, self.effort = target, effort
        machine = describe()
        features = machine["features"]
        self.peer_isa = _dot_product(features)
        if target in CAPS and {"avx_vnni", "avx512bw"} & set(features):
            mask(CAPS[target], ort.NAME)
            self.peer_isa = "AVX2"
        self.timer = Timer()
        bits = vector_bits(target)
        self.isa = ISA[bits] if machine["architecture"] == "x86_64" else "NEON"
        self.limit = self.timer.limit(bits)
        self.overheads = {"bitnn": self.timer.overhead(), ort.NAME: ort.overhead()}
        if self.peer_isa == "AVX2" and target in CAPS and not answers():
            raise BitnnError(f"hiding features from {ort.NAME} had no effect")

    def measure(self, name: str, model: onnx.ModelProto, core: int, **options: str) -> Result:
        """Compile a model, compare the integers of both sides, time them in turns."""
        network = compile(model, target=self.target, **options)
        samples = random_samples(network.reference, self.effort.samples, seed=1)
        part = same_work(model, network, samples[0])
        peer = ort.OnnxRuntime(part.model, part.inputs, "VNNI" not in self.peer_isa)
        values, different = _differences(model, network, peer, samples)
        runner = CompiledRunner(network, samples[0], self.timer)
        with pinned(core):
            timing = interleave(
                runner, {ort.NAME: peer.run}, self.effort.rounds, self.effort.seconds
            )
            if self.effort.profile:
                print("\n".join(profile(network, runner).lines(timing.ours)))
        ratio = timing.ratios[ort.NAME]
        report, layers = network.report, network.report["layers"]
        digits, weights = (sum(layer[key] for layer in layers) for key in ("digits", "weights"))
        rate = report["adds"] / timing.ours
        used = Counter(layer["schedule"] for layer in layers)
        notes = [f"peer in float: {', '.join(peer.in_float)}"] if peer.in_float else []
        notes += [f"peer also {', '.join(part.notes)}"] if part.notes else []
        return Result(
            name=name,
            target=self.target,
            isa=self.isa,
            peer=ort.NAME,
            peer_isa=self.peer_isa,
            ratio_median=ratio[1],
            ratio_quartiles=(ratio[0], ratio[2]),
            ns=timing.ours,
            peer_ns=timing.theirs[ort.NAME],
            macs=report["macs"],
            digits=digits,
            adds=report["adds"],
            digits_per_weight=digits / max(weights, 1),
            adds_per_mac=report["adds_per_mac"],
            adds_per_ns=rate,
            share_of_limit=rate / self.limit,
            schedules=", ".join(f"{count} {kind}" for kind, count in sorted(used.items())),
            code_bytes=report["code_bytes"],
            data_bytes=report["data_bytes"],
            compile_seconds=report["compile"]["seconds"],
            values=values,
            different=different,
            notes=tuple(notes),
        )


def _differences(
    model: onnx.ModelProto,
    network: Network,
    peer: ort.OnnxRuntime,
    samples: list[dict[str, Any]],
) -> tuple[int, int]:
    """Output values compared and different. bitnn itself must equal the reference in every one."""
    values = different = 0
    for sample, ours in zip(samples, network.run(samples), strict=True):
        expected: Mapping[str, Any] = network.reference(sample)
        for key, array in ours.items():
            if not np.array_equal(array, expected[key]):
                raise BitnnError(f"output '{key}' is not what the reference has: nothing is timed")
        part = same_work(model, network, sample)
        theirs = peer.outputs(part.inputs)
        results = network.run_integers([network.cut_inputs(sample)])[0]
        for cut, array, name in zip(network.outputs, results, part.outputs, strict=True):
            values += array.size
            different += int(np.count_nonzero(array.ravel() != integers(cut, theirs[name])))
    return values, different


def _dot_product(features: list[str]) -> str:
    for feature, text in (("avx512_vnni", "AVX512-VNNI"), ("avx_vnni", "AVX-VNNI")):
        if feature in features:
            return text
    return "AVX-512" if "avx512bw" in features else "AVX2" if "avx2" in features else "as found"

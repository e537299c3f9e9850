# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One target against its peers: the process in which all sides are loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from bitnn.bench import litert_peer, onnxruntime_peer, openvino_peer, own_peer
from bitnn.bench.cut import integers, same_work
from bitnn.bench.machine import Timer, describe, pinned, vector_bits
from bitnn.bench.masks import answers, mask
from bitnn.bench.measure import CompiledRunner, Timing, interleave
from bitnn.bench.peer import Kind, Peer, Question
from bitnn.bench.profile import profile
from bitnn.bench.report import Result
from bitnn.compiler import Network, compile
from bitnn.errors import BitnnError
from bitnn.samples import random_samples
from bitnn.values import Array

# What is hidden from the peers of a target, and from which of them: OpenVINO obeys a variable.
CAPS = {"x86-64-v3": "avx2"}
ISA = {128: "128-bit", 256: "AVX2", 512: "AVX-512"}
PEERS = {
    onnxruntime_peer.NAME: onnxruntime_peer,
    litert_peer.NAME: litert_peer,
    openvino_peer.NAME: openvino_peer,
    own_peer.NAME: own_peer,
}
MASKED = {onnxruntime_peer.NAME: "onnxruntime", litert_peer.NAME: litert_peer.PACKAGE}
INSTALL = {"litert": "ai-edge-litert"}


@dataclass(frozen=True)
class Entry:
    """A network that is loaded only when its turn comes; its .tflite file and the network that
    bitnn itself runs beside it, if there are any."""

    name: str
    load: Callable[[], onnx.ModelProto]
    published: str = ""
    baseline: Callable[[], onnx.ModelProto] | None = None


@dataclass(frozen=True)
class Effort:
    """How long to measure: turns of each side, and about how long each takes."""

    rounds: int = 15
    seconds: float = 0.02
    samples: int = 3
    ticks: int = 0
    """Of the profile; none is made without."""


class Contest:
    """A target, its peers, the machine's limit. Make it before anything imports a peer."""

    def __init__(self, target: str, peers: Sequence[str], core: int, effort: Effort) -> None:
        self.target, self.core, self.effort = target, core, effort
        machine = describe()
        features = machine["features"]
        isa = _dot_product(features)
        hidden = target in CAPS and {"avx_vnni", "avx512bw"} & set(features)
        bits = vector_bits(target)
        self.isa = ISA[bits] if machine["architecture"] == "x86_64" else "NEON"
        with pinned(core):
            self.timer = Timer()
            self.limit = self.timer.limit(bits)
            self.overhead_ns = self.timer.overhead()
            self.peers = []
            for name in peers:
                try:
                    if hidden and name in MASKED:
                        mask(CAPS[target], MASKED[name])
                    self.peers.append(PEERS[name].start("AVX2" if hidden else isa))
                except ImportError:
                    print(f"skipped: {name}, pip install {INSTALL.get(name, name)}")
        if hidden and any(kind.name in MASKED for kind in self.peers) and not answers():
            raise BitnnError("hiding features from the peers had no effect")

    def measure(self, entry: Entry, options: Mapping[str, str]) -> Iterator[Result]:
        """Compile a model, compare the integers of all sides, time them in turns."""
        model = entry.load()
        network = compile(model, target=self.target, **options)
        samples = random_samples(network.reference, self.effort.samples, seed=1)
        baseline = None
        if entry.baseline and any(kind.name == own_peer.NAME for kind in self.peers):
            baseline = compile(entry.baseline(), target=self.target, **options)
        part = same_work(model, network, samples[0])
        question = Question(model, part, entry.published, baseline)
        self._check(network, samples)
        runner = CompiledRunner(network, samples[0], self.timer)
        with pinned(self.core):
            loaded = [(kind, peer) for kind in self.peers if (peer := _load(kind, question))]
            compared = [_differences(model, network, peer, samples) for _, peer in loaded]
            runners = {kind.name: peer.run for kind, peer in loaded}
            timing = interleave(runner, runners, self.effort.rounds, self.effort.seconds)
            if ticks := self.effort.ticks:
                print("\n".join(profile(network, runner, ticks).lines(timing.ours)))
        for (kind, peer), counts in zip(loaded, compared, strict=True):
            yield self._result(entry.name, network, timing, kind, peer, counts)

    def _check(self, network: Network, samples: Sequence[Mapping[str, Array]]) -> None:
        """bitnn must equal the reference in every value, or nothing is timed."""
        for sample, ours in zip(samples, network.run(samples), strict=True):
            expected = network.reference(sample)
            for key, array in ours.items():
                if not np.array_equal(array, expected[key]):
                    raise BitnnError(f"output '{key}' is not the reference's: nothing is timed")

    def _result(
        self,
        name: str,
        network: Network,
        timing: Timing,
        kind: Kind,
        peer: Peer,
        counts: tuple[int, int],
    ) -> Result:
        low, middle, high = timing.ratios[kind.name]
        report, layers = network.report, network.report["layers"]
        digits, weights = (sum(layer[key] for layer in layers) for key in ("digits", "weights"))
        rate = report["adds"] / timing.ours
        used = Counter(layer["schedule"] for layer in layers)
        return Result(
            name=name,
            target=self.target,
            isa=self.isa,
            peer=kind.name,
            peer_isa=kind.isa,
            ratio_median=middle,
            ratio_quartiles=(low, high),
            ns=timing.ours,
            peer_ns=timing.theirs[kind.name],
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
            values=counts[0],
            different=counts[1],
            notes=peer.notes,
        )


def _load(kind: Kind, question: Question) -> Peer | None:
    try:
        return kind.load(question)
    except Exception as error:  # Whatever a peer raises is the peer's failure.
        print(f"{kind.name} cannot run this: {str(error).strip().splitlines()[0][:100]}")
        return None


def _differences(
    model: onnx.ModelProto,
    network: Network,
    peer: Peer,
    samples: Sequence[Mapping[str, Any]],
) -> tuple[int, int]:
    """Output values compared with a peer, and how many of them differ."""
    values = different = 0
    for sample in samples:
        theirs = peer.outputs(same_work(model, network, sample))
        if theirs is None:
            continue
        ours = network.run_integers([network.cut_inputs(sample)])[0]
        for cut, mine, other in zip(network.outputs, ours, theirs, strict=True):
            values += mine.size
            different += int(np.count_nonzero(mine.ravel() != integers(cut, other)))
    return values, different


def _dot_product(features: list[str]) -> str:
    for feature, text in (("avx512_vnni", "AVX512-VNNI"), ("avx_vnni", "AVX-VNNI")):
        if feature in features:
            return f"{text} and AMX" if "amx_int8" in features else text
    return "AVX-512" if "avx512bw" in features else "AVX2" if "avx2" in features else "as found"

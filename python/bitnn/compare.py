# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled network against the reference, and the first layer where they part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitnn.compiler import Network, compile, integers
from bitnn.peers import operator_nodes, principal
from bitnn.reference import Reference, Trace
from bitnn.samples import Sample
from bitnn.values import Accumulator, Array, real


@dataclass(frozen=True)
class Difference:
    """One tensor that the compiled network computes otherwise than the reference."""

    tensor: str
    layer: str
    values: int
    different: int
    sample: int
    position: tuple[int, ...]
    got: str
    expected: str

    def __str__(self) -> str:
        where = ", ".join(map(str, self.position))
        return (
            f"{self.layer}, tensor '{self.tensor}': {self.different} of {self.values} values "
            f"differ, first in sample {self.sample} at [{where}]: "
            f"{self.got}, the reference has {self.expected}"
        )


def inner_tensors(network: Network) -> list[str]:
    """The 8-bit tensors of the ONNX graph that lie behind the entry function's inputs."""
    graph = network.reference.graph
    reached = {cut.tensor for cut in network.inputs}
    names = []
    for node in graph.nodes:
        if reached.isdisjoint(node.inputs):
            continue
        reached.update(node.outputs)
        names += [name for name in node.outputs if name and graph.is_integer(name)]
    return names


def all_tensors(reference: Reference, samples: Sequence[Sample]) -> list[dict[str, Array]]:
    """Every tensor that depends on the graph's inputs, these included, as the reference has it.

    Each has the type that ONNX gives it. Where a float stands for an exact sum, that sum is there
    too, in int32, as `NAME:sum`.
    """
    targets = [edge.name for edge in reference.graph.outputs]
    reached = {edge.name for edge in reference.graph.inputs}
    for node in reference.graph.nodes:
        if not reached.isdisjoint(node.inputs):
            reached.update(node.outputs)
    found = []
    for sample in samples:
        tensors: dict[str, Array] = {}
        for name, value in reference.values(sample, targets).items():
            if name not in reached:
                continue
            tensors[name] = real(value)
            if isinstance(value, Accumulator) and not value.integer:
                tensors[f"{name}:sum"] = value.acc.astype(np.int32)
        found.append(tensors)
    return found


@dataclass(frozen=True)
class Expected:
    """What the reference has for some samples: computed once for every target and schedule.

    `cuts` are the integers that the entry function must give, `outputs` the graph's outputs behind
    the float operators that are left to the caller, `tensors` all 8-bit tensors by name.
    """

    reference: Reference
    samples: Sequence[Sample]
    cuts: list[dict[str, Array]]
    outputs: list[dict[str, Array]]
    tensors: list[dict[str, Array]]

    @classmethod
    def of(cls, network: Network, samples: Sequence[Sample], *, inner: bool = False) -> Expected:
        """Evaluate the reference; with `inner`, every 8-bit tensor behind the network's inputs."""
        reference, names = network.reference, [cut.name for cut in network.outputs]
        wanted = [*names, *(cut.tensor for cut in network.outputs)]
        wanted += inner_tensors(network) if inner else []
        cuts, outputs, tensors = [], [], []
        for sample in samples:
            reference.check_inputs(sample)
            trace = Trace()
            values = reference.values(sample, wanted, trace)
            cuts.append({cut.name: integers(values[cut.tensor]) for cut in network.outputs})
            outputs.append(reference.evaluate(values, names))
            tensors.append(trace.integers)
        return cls(reference, samples, cuts, outputs, tensors)

    def first(self, count: int | None) -> Expected:
        """Of the first `count` samples alone."""
        parts = (self.samples, self.cuts, self.outputs, self.tensors)
        return Expected(self.reference, *(part[:count] for part in parts))


def compare_outputs(
    network: Network, samples: Sequence[Sample], expected: Expected | None = None
) -> list[Difference]:
    """Differences of the network from the reference: the integers that the compiled code gives,
    then the graph's outputs."""
    expected = expected or Expected.of(network, samples)
    given = network.run_integers([network.cut_inputs(sample) for sample in samples])
    names = [cut.name for cut in network.outputs]
    results = [
        {name: _shaped(y, right[name]) for name, y in zip(names, outputs, strict=True)}
        for outputs, right in zip(given, expected.cuts, strict=True)
    ]
    found = differences(network.reference, names, results, expected.cuts)
    outputs = [network.finish(*pair) for pair in zip(samples, given, strict=True)]
    return found or differences(network.reference, names, outputs, expected.outputs)


def compare_tensors(
    network: Network,
    model: str | Path,
    expected: Expected,
    options: Mapping[str, str],
) -> tuple[list[str], list[Difference]]:
    """Compile again with every 8-bit tensor as an output: their names, and those that differ."""
    names = inner_tensors(network)
    if not names:
        return [], []
    whole = compile(model, **{**options, "outputs": names})
    results = whole.run(expected.samples)
    return names, differences(network.reference, names, results, expected.tensors)


def differences(
    reference: Reference,
    names: Sequence[str],
    results: Sequence[Mapping[str, Array]],
    expected: Sequence[Mapping[str, Array]],
) -> list[Difference]:
    """The named tensors that are not equal in every value of every sample."""
    found = []
    for name in names:
        wrong = [
            _unequal(got[name], right[name]) for got, right in zip(results, expected, strict=True)
        ]
        if not any(mask.any() for mask in wrong):
            continue
        sample = next(index for index, mask in enumerate(wrong) if mask.any())
        position = tuple(int(i) for i in np.argwhere(wrong[sample])[0])
        found.append(
            Difference(
                tensor=name,
                layer=str(principal(operator_nodes(reference.graph, name))),
                values=sum(mask.size for mask in wrong),
                different=sum(int(mask.sum()) for mask in wrong),
                sample=sample,
                position=position,
                got=str(results[sample][name][position]),
                expected=str(expected[sample][name][position]),
            )
        )
    return found


def _shaped(y: Array, right: Array) -> Array:
    """An array of the entry function, which knows the order of elements and may know no shape."""
    return y.reshape(right.shape) if y.size == right.size else y


def _unequal(got: Array, right: Array) -> Array:
    if got.shape != right.shape or got.dtype != right.dtype:
        return np.ones(right.shape, bool)
    return np.asarray(got != right)

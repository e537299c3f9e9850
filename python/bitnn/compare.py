# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled network against the reference, and the first layer where they part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitnn.compiler import Network, compile
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


def compare_outputs(network: Network, samples: Sequence[Sample]) -> list[Difference]:
    """Differences of the network's outputs from the reference's."""
    results = network.run(samples)
    expected = [network.reference(sample) for sample in samples]
    names = [cut.name for cut in network.outputs]
    return differences(network.reference, names, results, expected)


def first_difference(
    network: Network, model: str | Path, samples: Sequence[Sample], options: Mapping[str, str]
) -> Difference | None:
    """Compile again with every 8-bit tensor as an output, and name the first that differs."""
    names = inner_tensors(network)
    if not names:
        return None
    whole = compile(model, **{**options, "outputs": names})
    expected = []
    for sample in samples:
        trace = Trace()
        network.reference.evaluate(sample, names, trace)
        expected.append(trace.integers)
    found = differences(network.reference, names, whole.run(samples), expected)
    return found[0] if found else None


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


def _unequal(got: Array, right: Array) -> Array:
    if got.shape != right.shape or got.dtype != right.dtype:
        return np.ones(right.shape, bool)
    return np.asarray(got != right)

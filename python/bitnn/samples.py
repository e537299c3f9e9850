# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arrays of one or of many samples, and random ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from bitnn.errors import BitnnError
from bitnn.graph import Edge, Graph
from bitnn.reference import Reference
from bitnn.values import Array

Sample: TypeAlias = dict[str, Array]
Join: TypeAlias = Callable[[Sequence[Array]], Array]


def split(reference: Reference, arrays: Mapping[str, Array]) -> tuple[list[Sample], Join]:
    """Samples of the graph's inputs, and what puts their outputs together again.

    An array of the graph's own shape is one sample. With one more axis in front, or with N in
    place of a leading 1, it is N samples, and all inputs must have as many.
    """
    graph = reference.graph
    if not all(edge.name in arrays for edge in graph.inputs) or len(arrays) != len(graph.inputs):
        reference.check_inputs(arrays)
    counts: dict[str, tuple[int, Join]] = {}
    samples: dict[str, Array] = {}
    for edge in graph.inputs:
        array, shape = arrays[edge.name], _one(edge)
        if array.shape == shape:
            counts[edge.name], samples[edge.name] = (1, lambda parts: parts[0]), array[None]
        elif array.shape[1:] == shape and len(array):
            counts[edge.name], samples[edge.name] = (len(array), np.stack), array
        elif shape[:1] == (1,) and array.shape[1:] == shape[1:] and len(array):
            counts[edge.name] = (len(array), _concatenate)
            samples[edge.name] = array[:, None]
        else:
            extents = "x".join(map(str, array.shape))
            raise BitnnError(f"input {edge} was given as {extents} {array.dtype}")
    if len({count for count, _ in counts.values()}) > 1:
        text = ", ".join(f"{count} for '{name}'" for name, (count, _) in counts.items())
        raise BitnnError(f"the inputs have different numbers of samples: {text}")
    if not counts:
        return [{}], lambda parts: parts[0]
    count, join = next(iter(counts.values()))
    result = [{name: array[i] for name, array in samples.items()} for i in range(count)]
    for sample in result:
        reference.check_inputs(sample)
    return result, join


def random_samples(reference: Reference, count: int, seed: int) -> list[Sample]:
    """Noise over the range that the graph's first quantization can tell apart."""
    rng = np.random.default_rng(seed)
    graph, edges = reference.graph, reference.graph.inputs
    try:
        return [{edge.name: _noise(rng, graph, edge) for edge in edges} for _ in range(count)]
    except (IndexError, MemoryError, ValueError) as error:
        raise BitnnError(f"no random samples for the inputs {_list(edges)}: {error}") from None


def _noise(rng: np.random.Generator, graph: Graph, edge: Edge) -> Array:
    shape = _one(edge)
    if edge.dtype.kind in "iu":
        least, most = _limits(graph, edge.name, edge.dtype)
        return rng.integers(least, most + 1, shape).astype(edge.dtype)
    scale, lower, upper = range_of(graph, edge.name)
    # A little past the ends, and quarters of a step, so that halves (ties) occur.
    steps = rng.integers(4 * lower - 20, 4 * upper + 21, shape)
    return (steps * (scale / 4)).astype(edge.dtype)


def range_of(graph: Graph, name: str) -> tuple[float, int, int]:
    """Scale and smallest and largest q - zero_point of the first QuantizeLinear behind a tensor."""
    reached = {name}
    for node in graph.nodes:
        if reached.isdisjoint(node.inputs):
            continue
        if node.op == "QuantizeLinear" and node.inputs[1] in graph.constants:
            scale = float(np.max(graph.constants[node.inputs[1]]))
            zero = graph.constants.get("".join(node.inputs[2:3]), np.zeros((), np.uint8))
            least, most = _limits(graph, node.outputs[0], zero.dtype)
            return scale, least - int(zero.flat[0]), most - int(zero.flat[0])
        reached.update(node.outputs)
    return 1.0, -128, 127


def _limits(graph: Graph, name: str, dtype: np.dtype) -> tuple[int, int]:
    """The least and the most of an integer tensor that its readers tell apart: its type's, or the
    constant bounds of the Clip that alone reads it, as activations of few bits are written."""
    limits = np.iinfo(dtype)
    readers = [node for node in graph.nodes if name in node.inputs]
    if [node.op for node in readers] != ["Clip"] or len(readers[0].inputs) != 3:
        return limits.min, limits.max
    lower, upper = (graph.constants.get(bound) for bound in readers[0].inputs[1:])
    if lower is None or upper is None:
        return limits.min, limits.max
    return int(lower.flat[0]), int(upper.flat[0])


def _list(edges: Sequence[Edge]) -> str:
    return ", ".join(str(edge) for edge in edges)


def _one(edge: Edge) -> tuple[int, ...]:
    return tuple(extent or 1 for extent in edge.shape)


def _concatenate(parts: Sequence[Array]) -> Array:
    if all(part.shape[:1] == (1,) for part in parts):
        return np.concatenate(parts)
    return np.stack(parts)

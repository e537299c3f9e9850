# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The generator is deterministic and reaches what it promises to reach."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from bitnn import Reference, Trace
from bitnn.randomlayers import KINDS, combine, random_layers


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (combine(random_layers(7, 30)).SerializeToString() for _ in range(2))
    assert first == second
    assert first != combine(random_layers(8, 30)).SerializeToString()


def test_any_layer_is_a_model_of_its_own(seed: int) -> None:
    layers = random_layers(seed, 30)
    rng = np.random.default_rng(seed)
    inputs = {name: x for layer in layers for name, x in layer.random_inputs(rng).items()}
    together = Reference(combine(layers))(inputs)
    for layer in layers:
        alone = Reference(combine([layer]))
        outputs = alone({edge.name: inputs[edge.name] for edge in alone.graph.inputs})
        for name, y in outputs.items():
            assert (y == together[name]).all()


@pytest.fixture(scope="module")
def traced() -> tuple[list, list]:
    """Layers of one seed (what others miss by chance is no fault) and their accumulators."""
    layers, accumulators = random_layers(1, 200), []
    rng = np.random.default_rng(1)
    for layer in layers:
        trace = Trace()
        Reference(combine([layer]))(layer.random_inputs(rng), trace)
        accumulators += [np.abs(acc.astype(np.int64)) for acc in trace.accumulators.values()]
    return layers, accumulators


def test_coverage(traced: tuple[list, list]) -> None:
    layers, accumulators = traced
    assert {layer.kind for layer in layers} == set(KINDS)
    assert {layer.form for layer in layers} == {"qdq", "qlinear"}
    nodes = [node for layer in layers for node in layer.nodes]
    for attribute in ("dilations", "pads", "auto_pad", "strides", "group", "count_include_pad"):
        assert any(entry.name == attribute for node in nodes for entry in node.attribute)
    weights = [
        numpy_helper.to_array(constant)
        for layer in layers
        for constant in layer.constants
        if "_w" in constant.name and constant.dims and len(constant.dims) >= 2
    ]
    assert {array.dtype.name for array in weights} == {"int8", "uint8"}
    assert any((array == -128).all() for array in weights if array.dtype == np.int8)
    assert any((array == 0).all() for array in weights)
    inputs_per_output = [max(array.shape[0], array[0].size) for array in weights]
    assert sum(inputs > 1000 for inputs in inputs_per_output) >= len(layers) / 5
    assert any(abs(int(acc.max()) - 2**31) < 2**25 for acc in accumulators if acc.size)
    assert any(abs(int(acc.max()) - 2**16) < 2**12 for acc in accumulators if acc.size)


def test_outputs_vary(traced: tuple[list, list]) -> None:
    """Layers that saturate everywhere would test nothing."""
    layers, _ = traced
    rng = np.random.default_rng(2)
    varied = several = 0
    for layer in layers:
        (y,) = Reference(combine([layer]))(layer.random_inputs(rng)).values()
        several += y.size > 4
        varied += y.size > 4 and len(np.unique(y)) > 1
    assert varied > 0.7 * several

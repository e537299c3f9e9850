# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference of record equals onnxruntime, in every value.

Dot products are compared with the fused integer operators; that those ran is read from the
optimized model. Elementwise operators and pools are compared with ONNX's operators one by one,
because optimized onnxruntime reorders float additions.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from bitnn import Reference
from bitnn.peers import FLOAT, FUSED, Session, compare_operators, principal
from bitnn.randomlayers import Layer, Options, combine, random_layers
from bitnn.values import Accumulator, Array

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: no cross-check")

DOT_PRODUCTS = ("conv", "depthwise", "grouped", "gemm", "matmul")
OTHERS = ("max_pool", "add", "unary", "move")
RARER = (
    *("blocks", "channels", "concat", "function", "integers", "pad", "qlinear_function"),
    *("reduce", "resize", "same_source", "select", "split", "two_tensors"),
)
# Sums and products of floats round elsewhere; what is not a number becomes what zero becomes.
INEXACT = re.compile("Mul|ReduceMean|ReduceSum|Sqrt|Log")
FLOAT32_STEP = Fraction(1, 2**23)


def inputs_of(layers: list[Layer], rng: np.random.Generator) -> dict[str, Array]:
    return {name: x for layer in layers for name, x in layer.random_inputs(rng).items()}


def check(layers: list[Layer], session: Session, seed: int) -> None:
    reference = Reference(combine(layers))
    rng = np.random.default_rng(seed)
    for _ in range(3):
        inputs = inputs_of(layers, rng)
        ours, theirs = reference(inputs), session(inputs)
        for layer in layers:
            (edge,) = layer.outputs
            different = int((ours[edge.name] != theirs[edge.name]).sum())
            assert different == 0, f"seed {seed}: {different} differences in {layer}"


@pytest.mark.parametrize("weights", ["int8", "uint8"])
def test_dot_products(seed: int, weights: str) -> None:
    # onnxruntime leaves a Relu or Clip after a product, and the product with it, in float.
    options = Options(
        kinds=DOT_PRODUCTS, activations=("uint8",), weights=(weights,), epilogues=("none",)
    )
    layers = random_layers(seed, 150, options)
    session = Session(combine(layers), optimize=True)
    assert sum(session.operators[op] for op in FUSED) == len(layers)
    assert not any(session.operators[op] for op in FLOAT)
    check(layers, session, seed)


@pytest.mark.parametrize("kind", OTHERS)
def test_other_operators(seed: int, kind: str) -> None:
    layers = random_layers(seed, 60, Options(kinds=(kind,), forms=("qdq",), large=0))
    check(layers, Session(combine(layers), optimize=False), seed)


@pytest.mark.parametrize("kind", RARER)
def test_rarer_operators(seed: int, kind: str) -> None:
    layers = random_layers(seed, 40, Options(kinds=(kind,), forms=("qdq",), large=0))
    layers = [layer for layer in layers if not INEXACT.search(layer.description)]
    check(layers, Session(combine(layers), optimize=False), seed)


@pytest.mark.parametrize("form", ["qdq", "qlinear"])
def test_softmax(seed: int, form: str) -> None:
    """Between quantized tensors it is onnxruntime's integer operator."""
    layers = random_layers(seed, 60, Options(kinds=("softmax",), forms=(form,), large=0))
    session = Session(combine(layers), optimize=form == "qdq")
    assert session.operators["QLinearSoftmax"] == len(layers)
    check(layers, session, seed)


def test_global_average_pool(seed: int) -> None:
    """onnxruntime's integer operator computes the rule of record, ties included."""
    options = Options(kinds=("global_average_pool",), forms=("qlinear",), large=0)
    layers = random_layers(seed, 200, options)
    check(layers, Session(combine(layers), optimize=False), seed)


@pytest.mark.parametrize("kind", ["average_pool", "global_average_pool"])
def test_average_of_floats(seed: int, kind: str) -> None:
    """ONNX's float average rounds elsewhere: it may differ where the exact quotient is a tie."""
    options = Options(kinds=(kind,), forms=("qdq",), float_edges=False, large=0)
    layers = random_layers(seed, 100, options)
    reference, session = Reference(combine(layers)), Session(combine(layers), optimize=False)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        inputs = inputs_of(layers, rng)
        theirs = session(inputs)
        values = reference.values(inputs, theirs)
        for node in reference.graph.nodes:
            if node.op != "QuantizeLinear":
                continue
            (name,), (pool, scale) = node.outputs, node.inputs[:2]
            y_scale = Fraction(float(reference.graph.constants[scale]))
            for where in np.argwhere(values[name] != theirs[name]):
                position = tuple(where)
                exact = int(values[pool].acc[position]) * Fraction(
                    float(values[pool].scale[position])
                )
                quotient = exact / (y_scale * int(values[pool].count[position]))
                distance = abs(quotient % 1 - Fraction(1, 2))
                assert distance <= 4 * FLOAT32_STEP * abs(quotient), f"seed {seed}: {node}"


def test_mlperf_tiny(mlperf_tiny: Path, seed: int) -> None:
    """Whole networks, one operator at a time, each fed with the reference's integers."""
    rng = np.random.default_rng(seed)
    paths = sorted(mlperf_tiny.glob("*.onnx"))
    assert paths, f"{mlperf_tiny} has no ONNX networks"
    for path in paths:
        model = onnx.load(path)
        reference = Reference(model)
        shapes = {
            edge.name: [extent or 1 for extent in edge.shape] for edge in reference.graph.inputs
        }
        samples = [
            {name: rng.normal(0, 60, shape).astype(np.float32) for name, shape in shapes.items()}
            for _ in range(5)
        ]
        opinion = compare_operators(model, reference, samples)
        operators = [node for node in reference.graph.nodes if node.op == "QuantizeLinear"]
        assert len(opinion.compared) == len(operators)
        assert not opinion.different and not opinion.ties, f"{path.name}: {opinion}"


def test_operators_of_random_layers(seed: int) -> None:
    """All forms and element types, as `bitnn compare` sees them."""
    layers = random_layers(seed, 100)
    reference, rng = Reference(combine(layers)), np.random.default_rng(seed)
    samples = [inputs_of(layers, rng) for _ in range(2)]
    opinion = compare_operators(combine(layers), reference, samples)
    assert not opinion.different, f"seed {seed}: {opinion.different}"
    assert len(opinion.compared) > 2 * len(opinion.in_float)


def test_a_wrong_reference_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = random_layers(seed, 1, Options(kinds=("conv",), epilogues=("none",), large=0))
    model = combine(layers)
    reference = Reference(model)
    inputs = inputs_of(layers, np.random.default_rng(seed))
    assert not compare_operators(model, reference, [inputs]).different
    right = Accumulator.requantize

    def wrong(self: Accumulator, *arguments: Any) -> Array:  # noqa: ANN401
        return right(self, *arguments) ^ 1

    monkeypatch.setattr(Accumulator, "requantize", wrong)
    different = compare_operators(model, reference, [inputs]).different
    assert list(different) == [str(principal(reference.graph.nodes))]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled random layers equal the reference in every value, for every schedule and target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

import bitnn
from bitnn import BitnnError, Reference
from bitnn.compiler import Network
from bitnn.randomlayers import Layer, combine, random_layers
from bitnn.values import Array

LAYERS = 200
LAYERS_PER_MODEL = 50
EMULATED_LAYERS = 40
SAMPLES = 3

HOST = [
    {"target": target, "schedule": schedule}
    for target in ("host", "x86-64")
    for schedule in ("straight-line", "table", "multiply")
]
HOST += [
    {"schedule": "auto"},
    {"target": "x86-64-v3", "schedule": "straight-line"},
    {"target": "x86-64-v3", "schedule": "table"},
    {"schedule": "straight-line", "sharing": "off"},
    {"schedule": "straight-line", "encoding": "binary"},
    {"target": "x86-64", "schedule": "table", "encoding": "binary"},
]
EMULATED = [
    {"target": "rv32i", "schedule": schedule}
    for schedule in ("auto", "straight-line", "table", "multiply")
]
EMULATED += [{"target": "aarch64", "schedule": schedule} for schedule in ("straight-line", "table")]


def name_of(options: Mapping[str, str]) -> str:
    return " ".join(options.values())


@pytest.mark.parametrize("options", HOST, ids=name_of)
def test_on_this_machine(compiler: str, tmp_path: Path, seed: int, options: dict[str, str]) -> None:
    layers = random_layers(seed, LAYERS)
    check(layers, options, seed, tmp_path)


@pytest.mark.parametrize("options", EMULATED, ids=name_of)
def test_in_the_emulator(
    compiler: str, emulator_tools: None, tmp_path: Path, seed: int, options: dict[str, str]
) -> None:
    check(random_layers(seed + 1, EMULATED_LAYERS), options, seed + 1, tmp_path)


class Pretended:
    """A compiled network that is the reference but for one layer, and refuses another."""

    def __init__(self, model: onnx.ModelProto, wrong: Layer, refused: Layer) -> None:
        self.reference, self.wrong = Reference(model), wrong.outputs[0].name
        if any(edge.name == refused.inputs[0].name for edge in self.reference.graph.inputs):
            raise BitnnError("too hard")

    def run(self, samples: list[dict[str, Array]]) -> list[dict[str, Array]]:
        results = [self.reference(sample) for sample in samples]
        for outputs in results:
            if self.wrong in outputs:
                outputs[self.wrong] = outputs[self.wrong] + 1
        return results


def test_faults_are_pinned_to_their_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = random_layers(1, 70)
    wrong, refused = layers[13], layers[64]
    monkeypatch.setattr(bitnn, "compile", lambda model: Pretended(model, wrong, refused))
    with pytest.raises(AssertionError, match="2 layers") as caught:
        check(layers, {}, 1, tmp_path)
    assert "differences in layer13: " in str(caught.value)
    assert "refused: too hard: layer64: " in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"layer13.onnx", "layer64.onnx"}


def check(layers: list[Layer], options: dict[str, str], seed: int, folder: Path) -> None:
    faults = faults_of(layers, options, seed, folder)
    assert not faults, f"--seed={seed}, {options}: {len(faults)} layers:\n" + "\n".join(faults)


def faults_of(
    layers: list[Layer], options: Mapping[str, str], seed: int, folder: Path
) -> list[str]:
    """What differs from the reference or is refused, layer by layer; their models in `folder`."""
    faults: list[str] = []
    for start in range(0, len(layers), LAYERS_PER_MODEL):
        batch = layers[start : start + LAYERS_PER_MODEL]
        for part, network in compiled(batch, options, faults, folder):
            rng = np.random.default_rng(seed)
            samples = [inputs_of(part, rng) for _ in range(SAMPLES)]
            reference = Reference(combine(part))
            expected = [reference(sample) for sample in samples]
            results = network.run(samples)
            for layer in part:
                count = sum(
                    int((got[edge.name] != right[edge.name]).sum())
                    for edge in layer.outputs
                    for got, right in zip(results, expected, strict=True)
                )
                if count:
                    faults.append(f"{count} differences in {keep(layer, folder)}")
    return faults


def compiled(
    layers: list[Layer], options: Mapping[str, str], faults: list[str], folder: Path
) -> Iterator[tuple[list[Layer], Network]]:
    """Compile layers together; halve them where that fails, so that each refusal has its layer."""
    try:
        network = bitnn.compile(combine(layers), **options)
    except BitnnError as error:
        if len(layers) == 1:
            faults.append(f"refused: {error}: {keep(layers[0], folder)}")
            return
        middle = len(layers) // 2
        yield from compiled(layers[:middle], options, faults, folder)
        yield from compiled(layers[middle:], options, faults, folder)
    else:
        yield layers, network


def keep(layer: Layer, folder: Path) -> str:
    """Leave the layer as a model of its own, to be looked at."""
    path = folder / f"{layer.name}.onnx"
    onnx.save(combine([layer]), path)
    return f"{layer} ({path})"


def inputs_of(layers: list[Layer], rng: np.random.Generator) -> dict[str, Array]:
    return {name: x for layer in layers for name, x in layer.random_inputs(rng).items()}

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts of operations against a count one by one, energies against the cited tables."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

import bitnn
from bitnn import BitnnError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from torch import Tensor, nn  # noqa: E402
from training_zoo import CASES, Case, Residual  # noqa: E402

from bitnn.training.energy import ENERGY_MODELS, CostReport, measure_cost  # noqa: E402
from bitnn.training.layers import QuantizedConv2d, iter_quantized_layers  # noqa: E402

HOROWITZ, QKERAS = ENERGY_MODELS


def digits(value: int, encoding: str) -> list[int]:
    """The planes of a value's digits, one by one: Reitwiesner's rule, or the set bits."""
    planes, plane = [], 0
    value = abs(value)
    while value:
        if value & 1:
            planes.append(plane)
            value -= (2 - value % 4) if encoding == "csd" else 1
        value //= 2
        plane += 1
    return planes


def count_by_hand(layer: QuantizedConv2d, x: Tensor, encoding: str) -> dict[str, float]:
    """Walk over outputs, positions and weights of an unpadded convolution of one group."""
    weight = layer.integer_weight().tolist()
    images, _, height, width = x.shape
    size = layer.kernel_size[0]
    counted = dict.fromkeys(("macs", "pruned", "adds", "shifts", "live", "pruned_live"), 0)
    counted["adds_live"] = 0
    present = (x != 0).tolist()
    for row, column in itertools.product(range(height - size + 1), range(width - size + 1)):
        for kernel in weight:
            planes = set()
            for c, i, j in itertools.product(range(len(kernel)), range(size), range(size)):
                w = kernel[c][i][j]
                found = digits(w, encoding)
                planes.update(found)
                live = sum(image[c][row + i][column + j] for image in present)
                counted["macs"] += 1
                counted["pruned"] += w != 0
                counted["adds"] += len(found)
                counted["live"] += live
                counted["pruned_live"] += live * (w != 0)
                counted["adds_live"] += live * len(found)
            counted["shifts"] += len(planes - {0})
    return {
        name: value / images if name.endswith("live") else value for name, value in counted.items()
    }


@pytest.mark.parametrize("encoding", ["csd", "binary"])
def test_counts_are_those_of_a_walk_over_the_weights(encoding: str, seed: int) -> None:
    torch.manual_seed(seed)
    sample = torch.randn(3, 2, 6, 5)
    prepared = bitnn.prepare(
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 2)), sample
    )
    layers = dict(iter_quantized_layers(prepared))
    layers["2"].assign = lambda grid: (grid * (grid.abs() > 6)).round()  # some weights are zero
    prepared.eval()
    inputs: dict[str, Tensor] = {}
    for path, layer in layers.items():
        layer.register_forward_pre_hook(lambda _, x, path=path: inputs.update({path: x[0]}))
    report = measure_cost(prepared, sample, encoding=encoding)
    for cost in report.layers:
        wanted = count_by_hand(layers[cost.path], inputs[cost.path], encoding)
        dense, pruned, added = (cost.operations[f] for f in ("dense", "mult-add", "add-shift-add"))
        assert cost.macs == dense.multiplications == dense.additions == wanted["macs"]
        assert pruned.multiplications == pruned.additions == wanted["pruned"]
        assert (added.multiplications, added.additions) == (0, wanted["adds"])
        assert added.shifts == wanted["shifts"]
        live = cost.active
        assert live["dense"].multiplications == pytest.approx(wanted["live"])
        assert live["mult-add"].additions == pytest.approx(wanted["pruned_live"])
        assert live["add-shift-add"].additions == pytest.approx(wanted["adds_live"])
    assert report.adds == sum(cost.adds for cost in report.layers)
    assert report.adds_per_mac == report.adds / report.macs


def test_energies_are_those_of_the_tables() -> None:
    assert (HOROWITZ.add(8), HOROWITZ.add(32)) == (0.03, 0.1)
    assert (HOROWITZ.multiply(8), HOROWITZ.multiply(32)) == (0.2, 3.1)
    assert [HOROWITZ.shift(bits) for bits in (8, 16, 32)] == [0.024, 0.057, 0.13]
    assert HOROWITZ.add(20) == pytest.approx(0.065)
    assert QKERAS.add(32) == pytest.approx(0.1)
    assert QKERAS.multiply(8) == pytest.approx(0.2, abs=1e-4)


def test_the_report_adds_up(seed: int) -> None:
    model, sample = Case("", Residual).build(seed)
    prepared = bitnn.prepare(model, sample)
    report = measure_cost(prepared, sample, adder_bits=32)
    dense = report.energy(HOROWITZ, "dense")
    assert dense["total"] == pytest.approx(report.macs * (0.2 + 0.1))
    parts = report.energy(HOROWITZ, "add-shift-add")
    shifts = sum(cost.operations["add-shift-add"].shifts for cost in report.layers)
    assert parts["additions"] == pytest.approx(report.adds * 0.1)
    assert parts["shifts"] == pytest.approx(shifts * 0.13)
    assert parts["total_with_wired_shifts"] == parts["additions"]
    live = report.energy(HOROWITZ, "dense", active=True)
    assert 0 < live["total"] < dense["total"]
    assert report.energy(HOROWITZ, "dense")["total"] >= report.energy(HOROWITZ, "mult-add")["total"]

    again = json.loads(json.dumps(report.to_dict()))
    assert again["energy_pj"]["qkeras"]["dense"]["all"]["total"] > 0
    assert len(again["layers"]) == 7 and again["shared_adds"] is None
    text = str(report)
    assert "stem.0" in text and f"{report.adds_per_mac:.3f}" in text
    assert measure_cost(prepared).energy(HOROWITZ, "dense", active=True) is None


def test_accumulators_are_as_wide_as_their_sums(seed: int) -> None:
    """At the stated width no input leaves the accumulator, and with one bit less one would."""
    model, sample = next(case for case in CASES if case.name == "perceptron").build(seed)
    prepared = bitnn.prepare(model, sample)
    costs = {cost.path: cost.accumulator_bits for cost in measure_cost(prepared).layers}
    for path, layer in iter_quantized_layers(prepared):
        integers = layer.integers()
        weight, source = integers.weight.double(), layer.source
        extremes = torch.where(weight > 0, float(source.upper), float(source.lower))
        highest = (weight * extremes).sum(1) + integers.bias
        lowest = (weight * (source.upper + source.lower - extremes)).sum(1) + integers.bias

        def fits(bits: int, highest: Tensor = highest, lowest: Tensor = lowest) -> bool:
            return bool(highest.max() < 2 ** (bits - 1)) and bool(
                lowest.min() >= -(2 ** (bits - 1))
            )

        assert fits(costs[path]) and not fits(costs[path] - 1)
    own = measure_cost(prepared, adder_bits=None)
    assert own.energy(QKERAS, "add-shift-add")["additions"] == pytest.approx(
        sum(cost.adds * 0.003125 * cost.accumulator_bits for cost in own.layers)
    )


def test_measuring_changes_nothing(seed: int) -> None:
    model, sample = Case("", Residual).build(seed)
    prepared = bitnn.prepare(model, sample).train()
    prepared.get_submodule("stem.0").eval()
    before = {name: value.clone() for name, value in prepared.state_dict().items()}
    measure_cost(prepared, sample)
    assert all(torch.equal(value, before[name]) for name, value in prepared.state_dict().items())
    assert prepared.training and not prepared.get_submodule("stem.0").training


def test_adds_of_compiled_code(seed: int, tmp_path: Path, compiler: str) -> None:
    """What the compiler says it executes, with partial sums shared; layers have the same names."""
    model, sample = next(case for case in CASES if case.name == "perceptron").build(seed)
    prepared = bitnn.prepare(model, sample)
    bitnn.export(prepared, sample, tmp_path / "model.onnx")
    report: CostReport = measure_cost(prepared, compiled=tmp_path / "model.onnx")
    assert all(cost.shared_adds is not None for cost in report.layers)
    # Where sums are shared fewer are left; joining groups of 16 bits adds a few per output.
    assert 0 < report.shared_adds < 1.2 * report.adds
    assert report.to_dict()["shared_adds_per_mac"] == report.shared_adds / report.macs


def test_a_model_without_layers_is_refused() -> None:
    with pytest.raises(BitnnError, match=r"give what bitnn\.prepare returned"):
        measure_cost(torch.fx.symbolic_trace(nn.ReLU()))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmark: its networks, its masks, what it compares, what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bitnn.bench import costs, networks
from bitnn.bench.breakeven import break_even
from bitnn.bench.contest import Contest, Effort, Entry, _differences
from bitnn.bench.cut import same_work
from bitnn.bench.machine import describe
from bitnn.bench.measure import interleave
from bitnn.bench.picture import Axis, draw
from bitnn.bench.report import Result, read_json, write_json
from bitnn.command import main
from bitnn.compiler import compile
from bitnn.graph import load_graph
from bitnn.reference import Reference
from bitnn.unsigned import as_unsigned, separate_readers

FC = next(shape for shape in networks.SHAPES if shape.name == "fc256")
TINY = replace(FC, name="tiny", channels=24)


@pytest.mark.parametrize("density", ["0.15", "0.6", "1.1"])
def test_weights_have_exactly_the_digits_that_were_asked_for(density: str) -> None:
    shape = (16, 16, 3, 3)
    weights = networks.draw_weights(np.random.default_rng(3), shape, density)
    digits = networks.csd_digits(weights)
    assert weights.dtype == np.int8
    assert np.count_nonzero(digits) == round(float(density) * weights.size)
    assert np.array_equal(digits @ (1 << np.arange(9)), weights.ravel())
    assert not np.any(digits[:, 1:] * digits[:, :-1]), "digits beside each other"


def test_more_digits_than_noise_has_are_refused() -> None:
    with pytest.raises(ValueError, match="more than there are"):
        networks.draw_weights(np.random.default_rng(0), (8, 8), "4.5")


@pytest.mark.parametrize("shape", networks.SHAPES, ids=lambda shape: shape.name)
def test_layer_outputs_use_the_range(shape: networks.LayerShape) -> None:
    """Where all saturates or all is zero, wrong integers would go unnoticed."""
    small = replace(shape, size=min(shape.size, 8), channels=min(shape.channels, 32))
    model = networks.layer_network(small, "0.3", chain=2)
    onnx.checker.check_model(model, full_check=True)
    x = np.random.default_rng(5).integers(0, 256, small.image).astype(np.uint8)
    y = Reference(load_graph(model))({"input": x})["output"]
    assert len(np.unique(y)) > 10


def _branches() -> onnx.ModelProto:
    """int8 activations with zero points; one has two readers."""
    rng = np.random.default_rng(11)
    constants = {
        "scale": np.float32(0.05),
        "zero": np.int8(-3),
        "weight": rng.integers(-9, 10, (6, 6, 1, 1)).astype(np.int8),
        "weight_scale": np.float32(0.01),
        "weight_zero": np.int8(0),
    }
    step = ["scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *step], ["q"]),
        helper.make_node("DequantizeLinear", ["q", *step], ["r"]),
        helper.make_node(
            "DequantizeLinear", ["weight", "weight_scale", "weight_zero"], ["w"], name="weights"
        ),
        helper.make_node("Conv", ["r", "w"], ["c"]),
        helper.make_node("QuantizeLinear", ["c", *step], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", *step], ["cr"]),
        helper.make_node("Add", ["cr", "r"], ["s"]),
        helper.make_node("QuantizeLinear", ["s", *step], ["sq"]),
        helper.make_node("DequantizeLinear", ["sq", *step], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "branches",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6, 4, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_unsigned_form_has_the_same_numbers_and_a_dequantization_per_reader() -> None:
    model = _branches()
    changed = separate_readers(as_unsigned(model))
    onnx.checker.check_model(changed, full_check=True)
    x = np.random.default_rng(7).normal(0, 3, (1, 6, 4, 4)).astype(np.float32)
    before, after = (Reference(load_graph(m))({"x": x})["y"] for m in (model, changed))
    assert np.array_equal(before, after)
    readers = [name for node in changed.graph.node for name in node.input]
    outputs = [n.output[0] for n in changed.graph.node if n.op_type == "DequantizeLinear"]
    assert all(readers.count(name) <= 1 for name in outputs)
    assert len(outputs) == 5, "one of them twice"
    assert model.graph.node[1].output[0] == "r", "the given model stays as it is"


def test_a_peer_does_the_same_work_and_its_differences_are_counted() -> None:
    network = compile(separate_readers(as_unsigned(_branches())))
    model = separate_readers(as_unsigned(_branches()))
    x = np.random.default_rng(9).normal(0, 3, (1, 6, 4, 4)).astype(np.float32)
    part = same_work(model, network, {"x": x})
    assert not part.notes and set(part.inputs) == {"q"} and part.outputs == ("sq",)
    assert [n.op_type for n in part.model.graph.node].count("QuantizeLinear") == 2
    right = Reference(load_graph(part.model))(part.inputs)["sq"]

    class Wrong:
        notes = ()

        def run(self, count: int) -> float:
            return 1.0 * count

        def outputs(self, part: object) -> list[np.ndarray]:
            changed = right.copy()
            changed[0, 0, 0, :2] ^= 1
            return [changed]

    assert _differences(model, network, Wrong(), [{"x": x}]) == (right.size, 2)


def test_ratios_are_of_each_round() -> None:
    """A side that slows down together with the other one keeps its ratio."""
    slow = iter(np.linspace(1, 3, 1000))

    def ours(count: int) -> float:
        ours.factor = next(slow)
        return 1e-4 * count * ours.factor

    timing = interleave(ours, {"peer": lambda count: 2e-4 * count * ours.factor}, 9, 0.001)
    assert timing.ratios["peer"] == pytest.approx((2, 2, 2))


def test_command_writes_every_field_and_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "tiny.onnx"
    onnx.save(networks.layer_network(TINY, "0.6"), model)
    files = [tmp_path / "out.json", tmp_path / "out.svg"]
    command = ["bench", str(model), "--quick", "--peer=onnxruntime", "--profile"]
    assert main([*command, f"--json={files[0]}", f"--svg={files[1]}"]) == 0
    text = capsys.readouterr().out
    assert "overhead per call" in text and "the entry function itself" in text
    machine, (result,) = read_json(str(files[0]))
    assert machine["limits"]["host"] > 1 and machine["versions"]["onnxruntime"]
    assert (result.values, result.different, result.macs) == (24, 0, 24 * 24)
    assert result.digits == round(0.6 * 24 * 24)
    assert result.adds_per_ns == pytest.approx(result.adds / result.ns)
    assert 0 < result.ratio_quartiles[0] <= result.ratio_median <= result.ratio_quartiles[1]
    assert json.loads(files[0].read_text())["results"][0]["peer"] == "onnxruntime"
    picture = files[1].read_text()
    ET.fromstring(picture)
    assert picture == draw(machine, [result]) and "equal speed" in picture


def test_axes_are_logarithmic() -> None:
    axis = Axis(0.1, 10, 0, 200)
    assert (axis(0.1), axis(1), axis(10)) == (0, 100, 200)
    assert axis.ticks() == [0.1, 0.2, 0.5, 1, 2, 5, 10]


def _timed(density: str, adds: float, ratio: float) -> Result:
    lists = {"schedules": "", "notes": (), "ratio_quartiles": (ratio, ratio)}
    texts = {"target": "host", "isa": "AVX2", "peer": "onnxruntime", "peer_isa": "AVX2"}
    names = {"name": f"layer {density}", **texts, **lists}
    numbers = {"ratio_median": ratio, "adds_per_mac": adds, "digits_per_weight": 1.25 * adds}
    others = {field.name: 1 for field in fields(Result)}
    return Result(**{**others, **names, **numbers})


def test_break_even_is_where_times_cross() -> None:
    """Our time, in units of the peer's, is 0.25 + adds per MAC: equal at 0.75."""
    points = [_timed(f"{x}", x, 1 / (0.25 + x)) for x in (2.0, 0.1, 0.5)]
    ((side, (found,)),) = break_even(points).items()
    assert side == ("host", "AVX2", "onnxruntime", "AVX2")
    assert (found.layer, found.bound) == ("layer", "")
    assert (found.adds_per_mac, found.digits_per_weight) == pytest.approx((0.75, 0.9375))
    picture = draw({"name": "a <machine>"}, points)
    assert [text.text for text in ET.fromstring(picture).iter() if text.text == "layer"]


@pytest.mark.parametrize("ratios, bound, adds", [((3, 2), ">", 0.6), ((0.9, 0.4), "<", 0.3)])
def test_break_even_beyond_what_was_measured(
    ratios: tuple[float, float], bound: str, adds: float
) -> None:
    points = [_timed(f"{x}", x, ratio) for x, ratio in zip((0.3, 0.6), ratios, strict=True)]
    ((found,),) = break_even(points).values()
    assert (found.bound, found.adds_per_mac) == (bound, adds)


def test_break_even_beside_times_of_another_machine(tmp_path: Path) -> None:
    """26.05 us alone at 0.1 adds per MAC and 78.15 at 0.5: AMX, published with 52.1, between."""
    singles = [(0.1, 26.05e3), (0.5, 78.15e3)]
    chains = [(adds, 5 * ns) for adds, ns in singles]
    results = [
        replace(_timed("", adds, 1.0), name=f"c64_32 {adds}{suffix}", ns=ns, target="x86-64-v4")
        for suffix, times in (("", singles), (" x5", chains))
        for adds, ns in times
    ]
    path = tmp_path / "results.json"
    write_json(str(path), {"name": "here"}, results)
    script = Path(__file__).parents[2] / "benchmarks" / "break_even.py"
    finished = subprocess.run([sys.executable, script, path], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    single, chain = (line for line in finished.stdout.splitlines() if line.startswith("| c64_32"))
    assert single == "| c64_32 | 0.30 (0.38) |"
    assert chain == "| c64_32 | <0.10 (<0.12) |"


def test_fewer_bits_are_measured_beside_eight() -> None:
    shape = replace(TINY, name="small", channels=8, size=8)
    load = partial(networks.layer_network, shape, "0.6")
    entry = Entry("small 0.6 4-bit", partial(load, activation_bits=4), baseline=load)
    made = Contest("host", ["bitnn"], max(os.sched_getaffinity(0)), Effort(3, 0.0005, 1))
    (result,) = made.measure(entry, {})
    assert (result.peer, result.peer_isa) == ("bitnn", "8-bit activations")
    assert result.ratio_median > 0 and result.digits == round(0.6 * 8 * 8 * 9)
    weights = [
        numpy_helper.to_array(tensor)
        for bits in (4, 8)
        for tensor in load(activation_bits=bits).graph.initializer
        if tensor.name == "layer0.weight"
    ]
    assert np.array_equal(*weights)


MASKED = """
import sys
from bitnn.bench import masks, networks
masks.mask("avx2", "onnxruntime")
import onnxruntime as ort, numpy as np
from bitnn.graph import load_graph
from bitnn.reference import Reference
shape = networks.LayerShape("masked", 64, 8)
model = networks.layer_network(shape, "dense")
x = {"input": np.random.default_rng(0).integers(0, 256, shape.image).astype(np.uint8)}
right = Reference(load_graph(model))(x)["output"]
for exact in "01":
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", exact)
    session = ort.InferenceSession(model.SerializeToString(), options)
    print(int((session.run(None, x)[0] != right).sum()))
print(masks.answers())
"""


@pytest.mark.skipif(
    "avx512_vnni" not in describe()["features"], reason="nothing to hide on this machine"
)
def test_onnxruntime_without_vnni_is_what_it_is_on_such_machines() -> None:
    """Its default saturates there, so that its integers are wrong: a sign that the mask works."""
    command = [sys.executable, "-c", MASKED]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    saturated, exact, answers = map(int, finished.stdout.split())
    assert saturated > 100 and exact == 0 and answers > 0


def test_a_peer_that_is_not_installed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    from bitnn.bench import contest, litert_peer

    def missing(isa: str) -> None:
        raise ImportError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(litert_peer, "start", missing)
        made = contest.Contest("host", ["litert"], 0, contest.Effort())
    assert made.peers == []
    assert capsys.readouterr().out == "skipped: litert, pip install ai-edge-litert\n"


def _measured(schedule: str, digits: int, positions: int, cost: float) -> costs.Measured:
    # Values that are no combination of the other terms.
    values = positions * positions + 7
    name = f"{digits} {positions}"
    return costs.Measured(name, schedule, 1000, digits, positions, values, cost)


def test_fit_finds_the_factors_of_exact_measurements() -> None:
    """Also that of digits beyond 75,000, whose code no cache holds."""
    factors = (50.0, 0.0, 0.25, 0.02, 3.0, 7.0)
    sizes = [(n, positions) for n in (9, 80, 700, 90_000) for positions in (2, 30, 600)]
    entries = [_measured("straight-line", *size, 1.0) for size in sizes]
    entries = [replace(e, cost=float(np.dot(factors, e.terms))) for e in entries]
    assert costs.fit(entries)["straight-line", True] == pytest.approx(factors, rel=1e-3, abs=1e-6)


def test_lookups_cost_the_same_whatever_the_digits() -> None:
    few, many = (replace(_measured("lookup", n, 9, 1.0), lookups=50) for n in (10, 1000))
    assert few.terms == many.terms and few.terms[1:3] == (50, 450)


def test_fit_has_no_negative_factors() -> None:
    """Noise that falls with the number of values would be fitted best by a negative factor."""
    entries = [_measured("table", 100 + i, 1 + i, 1000 - 3 * i) for i in range(1, 9)]
    assert all(factor >= 0 for factor in costs.fit(entries)["table", True])


def test_choices_are_judged_by_what_was_measured() -> None:
    factors = {("straight-line", True): (5, 0, 0, 0, 0, 0), ("table", True): (9, 0, 0, 0, 0, 0)}
    entries = [_measured("straight-line", 8, 4, 30), _measured("table", 8, 4, 20)]
    (choice,) = costs.choices(entries, factors, ("straight-line", "table"))
    assert (choice.chosen.schedule, choice.best.schedule, choice.loss) == (
        "straight-line",
        "table",
        1.5,
    )


def test_the_compilers_cost_model_is_the_fit_to_the_committed_measurements() -> None:
    root = Path(__file__).parents[2]
    files = sorted((root / "benchmarks" / "costs").glob("*.json"))
    models = {path.stem: costs.fit(costs.read(path)[1]) for path in files}
    assert set(models) == {"rv32i", "rv32im", "x86-64-v3", "x86-64-v4"}
    assert (root / "lib" / "TargetInfo" / "Costs.def").read_text() == costs.costs_def(models)


def test_the_report_has_the_costs_that_the_model_predicts() -> None:
    root = Path(__file__).parents[2]
    _, measured = costs.read(root / "benchmarks" / "costs" / "rv32i.json")
    factors = costs.fit(measured)
    (layer,) = compile(networks.layer_network(TINY, "0.6"), target="rv32i").report["layers"]
    assert layer["predicted"].pop("unit") == "instructions"
    assert set(layer["predicted"]) == {"straight-line", "table"}
    for schedule, cost in layer["predicted"].items():
        sizes = {key: layer[key] for key in ("weights", "digits", "positions", "values")}
        entry = costs.Measured("tiny", schedule, cost=0, **sizes)
        assert cost == round(costs.predict(factors, entry))
    assert layer["schedule"] == min(layer["predicted"], key=layer["predicted"].get)

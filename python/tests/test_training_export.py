# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`bitnn.export`: the same integers in PyTorch, onnxruntime, the reference and compiled code."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import ROOT
from onnx import numpy_helper

import bitnn
from bitnn import BitnnError, Reference
from bitnn.command import main

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: no cross-check")

from torch import Tensor, fx, nn  # noqa: E402
from training_zoo import CASES, Case, Residual  # noqa: E402

from bitnn.peers import Session  # noqa: E402
from bitnn.training.export import to_onnx, verify  # noqa: E402
from bitnn.training.layers import iter_quantized_layers  # noqa: E402


def trained(case: Case, seed: int, steps: int = 5) -> tuple[fx.GraphModule, Tensor]:
    """A prepared model after a few steps, so that nothing is as it was initialised."""
    model, sample = case.build(seed)
    prepared = bitnn.prepare(model, sample, **case.options).train()
    optimizer = torch.optim.Adam(prepared.parameters(), 5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        result = prepared(sample)
        parts = list(result.values()) if isinstance(result, dict) else [result]
        sum((y - 1).square().mean() for y in parts).backward()
        optimizer.step()
    return prepared, sample


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exported_models_compute_what_was_trained(case: Case, seed: int, tmp_path: Path) -> None:
    """On other inputs than those that export checks: every output, as floats that must be equal."""
    prepared, sample = trained(case, seed)
    path = tmp_path / "model.onnx"
    exported = bitnn.export(prepared, sample, path)
    assert prepared.training
    assert onnx.load(path) == exported

    other = torch.randn(64, *case.shape)
    other = other.abs() if case.positive else other
    wanted = prepared.eval()(other)
    named = wanted if isinstance(wanted, dict) else {"output": wanted}
    inputs = {exported.graph.input[0].name: other.numpy()}
    results = Session(exported, optimize=True)(inputs)
    assert results.keys() == named.keys()
    few = {name: array[:2] for name, array in inputs.items()}
    reference = Reference(exported)(few)
    for name, y in named.items():
        assert np.array_equal(results[name], y.numpy())
        assert np.array_equal(reference[name], y[:2].numpy())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_files_integers_are_the_layers(case: Case, seed: int) -> None:
    prepared, sample = trained(case, seed, steps=1)
    prepared.eval()
    exported, _ = to_onnx(prepared, sample)
    constants = {t.name: numpy_helper.to_array(t) for t in exported.graph.initializer}
    count = 0
    for path, layer in iter_quantized_layers(prepared):
        weights = constants[f"{path}.weight.integers"]
        assert weights.dtype == np.int8
        assert np.array_equal(weights, layer.integer_weight().numpy())
        assert np.abs(weights.astype(int)).max() <= 2 ** (layer.weight_bits - 1) - 1
        assert constants[f"{path}.bias.integers"].dtype == np.int32
        count += 1
    assert count == sum(node.op_type in ("Conv", "Gemm") for node in exported.graph.node)
    below = sum(q.bits < 8 for q in {m.output for m in prepared.modules() if hasattr(m, "output")})
    clips = [node for node in exported.graph.node if node.op_type == "Clip"]
    assert bool(clips) == bool(below)
    if case.options.get("power_of_two"):
        scales = [v for name, v in constants.items() if "step." in name or name.endswith(".scale")]
        assert all((np.log2(scale) % 1 == 0).all() for scale in scales)


@pytest.mark.parametrize(
    "name",
    "residual-po2 residual-4bit pre-activation dense-5bit mobile signal perceptron-2bit".split(),
)
def test_compiled_code_computes_the_same(
    name: str, seed: int, tmp_path: Path, compiler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`bitnn compare` on the exported file: zero differences."""
    case = next(case for case in CASES if case.name == name)
    prepared, sample = trained(case, seed)
    path = tmp_path / "model.onnx"
    bitnn.export(prepared, sample, path)
    code = main(["compare", str(path), "--samples", "5", "--seed", str(seed)])
    text = capsys.readouterr().out
    assert code == 0, text
    assert "reference: equal" in text and "onnxruntime: equal" in text


def test_the_same_model_gives_the_same_bytes(seed: int, tmp_path: Path) -> None:
    for name in ("a", "b"):
        prepared, sample = trained(Case("", Residual), seed)
        bitnn.export(prepared, sample, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


# --- What is refused ------------------------------------------------------------------------------


def change_weight(exported: onnx.ModelProto, path: str) -> None:
    tensor = next(t for t in exported.graph.initializer if t.name == f"{path}.weight.integers")
    weights = numpy_helper.to_array(tensor).copy()
    weights.flat[0] += 9
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))


def test_one_wrong_integer_is_found_and_named(seed: int) -> None:
    prepared, sample = trained(Case("", Residual), seed)
    prepared.eval()
    exported, integers = to_onnx(prepared, sample)
    verify(prepared, exported, sample, integers)
    change_weight(exported, "second.0.0")
    with pytest.raises(BitnnError, match=r"'second\.0\.0': \d+ of \d+ integers differ"):
        verify(prepared, exported, sample, integers)


def test_a_layer_in_float_is_found(seed: int) -> None:
    prepared, sample = trained(Case("", Residual), seed)
    prepared.eval()
    exported, integers = to_onnx(prepared, sample)
    for node in exported.graph.node:
        if node.op_type == "QuantizeLinear" and node.name == "first.0.0.quantize":
            node.input[0] = "clamped"
    clamp = onnx.helper.make_node("Sigmoid", ["first.0.0.real"], ["clamped"])
    place = next(i for i, n in enumerate(exported.graph.node) if n.name == "first.0.0.quantize")
    exported.graph.node.insert(place, clamp)
    with pytest.raises(BitnnError, match="does not run all 6 convolutions and 1 matrix products"):
        verify(prepared, exported, sample, integers)


def test_nothing_is_written_when_the_check_fails(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, sample = trained(Case("", Residual), seed)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")

    def wrong(model: fx.GraphModule, batch: Tensor) -> tuple[onnx.ModelProto, dict]:
        exported, integers = to_onnx(model, batch)
        change_weight(exported, "stem.0")
        return exported, integers

    monkeypatch.setattr("bitnn.training.export.to_onnx", wrong)
    with pytest.raises(BitnnError, match=r"'stem\.0'.*nothing was written"):
        bitnn.export(prepared, sample, path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_other_mistakes_are_refused(tmp_path: Path) -> None:
    model, sample = Case("", Residual).build(0)
    traced = fx.symbolic_trace(nn.Sequential(nn.ReLU()))
    with pytest.raises(BitnnError, match=r"give what bitnn\.prepare returned"):
        bitnn.export(traced, sample, tmp_path / "model.onnx")
    with pytest.raises(BitnnError, match=r"give what bitnn\.prepare returned"):
        bitnn.export(model, sample, tmp_path / "model.onnx")
    prepared = bitnn.prepare(model, sample)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(BitnnError, match=r"cannot write .*file/model\.onnx"):
        bitnn.export(prepared, sample, file / "model.onnx")


def test_the_examples_of_the_documentation_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every Python fence of docs/Training.md, in one session and in order."""
    text = (ROOT / "docs" / "Training.md").read_text()
    fences = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    session: dict[str, object] = {}
    for fence in fences:
        exec(fence, session)
    assert (tmp_path / "model.onnx").exists()

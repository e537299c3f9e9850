# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command `bitnn` and `bitnn.compile`, driven with a stand-in for the compiler."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import bitnn
from bitnn import BitnnError, Reference, emulator
from bitnn.command import main
from bitnn.compare import all_tensors
from bitnn.npz import read_npz, write_npz
from bitnn.randomlayers import Options, combine, random_layers
from bitnn.samples import random_samples
from bitnn.values import Array

TARGETS = ["host", "rv32i", "aarch64"]


def quantization(name: str, scale: float, zero_point: int) -> list[onnx.TensorProto]:
    return [
        numpy_helper.from_array(np.float32(scale), f"{name}.scale"),
        numpy_helper.from_array(np.uint8(zero_point), f"{name}.zero"),
    ]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Transpose, three quantized tensors joined by Relu and Clip, Softmax."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["moved"], "to_nchw", perm=[0, 3, 1, 2]),
        helper.make_node("QuantizeLinear", ["moved", "a.scale", "a.zero"], ["a"], "qa"),
        helper.make_node("DequantizeLinear", ["a", "a.scale", "a.zero"], ["af"], "dqa"),
        helper.make_node("Relu", ["af"], ["r"], "relu1"),
        helper.make_node("QuantizeLinear", ["r", "b.scale", "b.zero"], ["b"], "qb"),
        helper.make_node("DequantizeLinear", ["b", "b.scale", "b.zero"], ["bf"], "dqb"),
        helper.make_node("Clip", ["bf", "low", "high"], ["k"], "clip1"),
        helper.make_node("QuantizeLinear", ["k", "c.scale", "c.zero"], ["c"], "qc"),
        helper.make_node("DequantizeLinear", ["c", "c.scale", "c.zero"], ["cf"], "dqc"),
        helper.make_node("Softmax", ["cf"], ["scores"], "softmax"),
    ]
    constants = quantization("a", 0.5, 100) + quantization("b", 0.4, 3)
    constants += quantization("c", 0.3, 50)
    constants += [
        numpy_helper.from_array(np.float32(1), "low"),
        numpy_helper.from_array(np.float32(40), "high"),
    ]
    graph = helper.make_graph(
        nodes,
        "unary",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 4, 2, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3, 4, 2])],
        constants,
    )
    path = tmp_path / "unary.onnx"
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


@pytest.fixture(autouse=True)
def fake_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = folder / "bitnn-compile"
    script = Path(__file__).parent / "fake_compile.py"
    package = Path(bitnn.__file__).parents[1]
    tool.write_text(f'#!/bin/sh\nPYTHONPATH={package} exec {sys.executable} {script} "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("BITNN_BIN", str(folder))


@pytest.fixture
def image() -> Array:
    return np.random.default_rng(0).normal(0, 30, (1, 4, 2, 3)).astype(np.float32)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which a command fails."""
    assert main([str(argument) for argument in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("bitnn: error: ")
    return line


@pytest.mark.parametrize("target", TARGETS)
def test_compile_and_call(model: Path, image: Array, target: str, emulator_tools: None) -> None:
    net = bitnn.compile(model, target=target)
    expected = Reference(model)({"image": image})["scores"]
    assert (net(image) == expected).all()
    by_name = net({"image": image})
    assert list(by_name) == ["scores"] and (by_name["scores"] == expected).all()
    assert net.report["name"] == "fake"


def test_save(model: Path, tmp_path: Path) -> None:
    bitnn.compile(model).save(tmp_path / "saved.o")
    assert (tmp_path / "saved.o").read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("samples", [None, (5, 4, 2, 3), (5, 1, 4, 2, 3)])
def test_run(
    model: Path,
    tmp_path: Path,
    target: str,
    samples: tuple[int, ...] | None,
    emulator_tools: None,
) -> None:
    shape = samples or (1, 4, 2, 3)
    images = np.random.default_rng(0).normal(0, 30, shape).astype(np.float32)
    write_npz(tmp_path / "in.npz", {"image": images})
    out, dump = tmp_path / "out.npz", tmp_path / "all.npz"
    arguments = ["run", model, tmp_path / "in.npz", "-o", out, f"--target={target}"]
    assert main([*map(str, arguments), f"--dump={dump}"]) == 0
    reference = Reference(model)
    trace = bitnn.Trace()
    for index, image in enumerate(images.reshape(-1, 1, 4, 2, 3)):
        expected = reference({"image": image}, trace)["scores"]
        scores = read_npz(out)["scores"]
        assert scores.dtype == np.float32
        assert scores.shape == ((5, 1, 3, 4, 2) if len(shape) == 5 else (len(images), 3, 4, 2))
        assert (scores.reshape(-1, 1, 3, 4, 2)[index] == expected).all()
        dumped = read_npz(dump)
        assert set(dumped) == {"a", "b", "c"}
        for name, tensor in trace.integers.items():
            assert (dumped[name].reshape(-1, 1, 3, 4, 2)[index] == tensor).all()


def test_dump_into_a_folder(
    model: Path, tmp_path: Path, image: Array, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the compiled network has, and every tensor of the reference beside it."""
    inputs, out, folder = tmp_path / "in.npz", tmp_path / "out.npz", tmp_path / "tensors"
    write_npz(inputs, {"image": image})
    for _ in range(2):
        arguments = ["run", model, inputs, "-o", out, "--dump", folder]
        assert main([str(argument) for argument in arguments]) == 0
    compiled, reference = (read_npz(folder / f"{name}.npz") for name in ("compiled", "reference"))
    assert set(compiled) == {"a", "b", "c"}
    floats = {"image", "moved", "af", "r", "bf", "k", "cf", "scores"}
    assert set(reference) == set(compiled) | floats
    for name, tensor in compiled.items():
        assert (reference[name] == tensor).all() and reference[name].dtype == tensor.dtype
    assert all(reference[name].dtype == np.float32 for name in floats)
    assert (reference["image"] == image).all()
    assert (reference["scores"] == read_npz(out)["scores"]).all()
    line = refused(capsys, "run", model, inputs, "-o", out, "--dump", tmp_path / "no" / "tensors")
    assert "cannot make the folder" in line
    line = refused(capsys, "run", model, inputs, "-o", out, "--dump", inputs / "tensors")
    assert "cannot make the folder" in line


def test_sums_are_dumped() -> None:
    """A convolution's exact sums, and the floats that they stand for."""
    layer = random_layers(5, 1, Options(kinds=("gemm",), forms=("qdq",), epilogues=("none",)))[0]
    reference = Reference(combine([layer]))
    (gemm,) = (node.outputs[0] for node in reference.graph.nodes if node.op in ("Gemm", "MatMul"))
    samples = random_samples(reference, 2, seed=1)
    for sample, tensors in zip(samples, all_tensors(reference, samples), strict=True):
        trace = bitnn.Trace()
        reference(sample, trace)
        assert (tensors[f"{gemm}:sum"] == trace.accumulators[gemm]).all()
        assert tensors[f"{gemm}:sum"].dtype == np.int32 and tensors[gemm].dtype == np.float32
        assert tensors[gemm].shape == tensors[f"{gemm}:sum"].shape
        assert (tensors[gemm] != 0).any()


def test_the_same_run_gives_the_same_bytes(model: Path, tmp_path: Path, image: Array) -> None:
    write_npz(tmp_path / "in.npz", {"image": image})
    contents = []
    for name in ("first.npz", "second.npz"):
        out = tmp_path / name
        assert main(["run", str(model), str(tmp_path / "in.npz"), "-o", str(out)]) == 0
        contents.append(out.read_bytes())
    assert contents[0] == contents[1]


def test_compare(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(model), "--samples=20"]) == 0
    assert "reference: equal, 480 values in 20 samples" in capsys.readouterr().out
    monkeypatch.setenv("FAKE_FAULT", "b")
    assert main(["compare", str(model), "--samples=200"]) == 1
    text = capsys.readouterr().out
    assert "reference: different: Relu 'relu1', tensor 'b': " in text


def test_compare_everywhere(
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    emulator_tools: None,
) -> None:
    arguments = ["compare", str(model), "--samples=5", "--all-tensors", "--schedules=auto,table"]
    arguments += ["--targets=host,rv32i", "--emulated-samples=2"]
    assert main(arguments) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("refer")]
    texts = {
        target: f"equal, {24 * count} values in {count} samples, and {48 * count} values of 2 inner"
        for target, count in (("host", 5), ("rv32i", 2))
    }
    assert [line.removesuffix(" tensors") for line in lines] == [
        f"reference, {target} {schedule}: {texts[target]}"
        for target in ("host", "rv32i")
        for schedule in ("auto", "table")
    ]
    monkeypatch.setenv("FAKE_FAULT", "b")
    assert main(["compare", str(model), "--samples=200", "--schedules=auto,table"]) == 1
    assert capsys.readouterr().out.count(": different: Relu 'relu1', tensor 'b': ") == 2
    assert "not both" in refused(capsys, *arguments, "--target=host")


def test_instructions_are_counted(model: Path, image: Array, emulator_tools: None) -> None:
    net = bitnn.compile(model, target="rv32i")
    first, second = (emulator.count_instructions(net, {"image": image}) for _ in range(2))
    assert first == second
    # One load and one store per element; the runner's are not among them.
    assert first["lbu"] == 2 * 24 and first["sb"] == 24
    with pytest.raises(BitnnError, match="emulated targets only"):
        emulator.count_instructions(bitnn.compile(model))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target=pdp11"], "error: unary.onnx: unknown target 'pdp11'"),
        (["--scheduel=table"], "unrecognized arguments: --scheduel=table"),
        (["--encoding=csd"], "unknown option '--encoding'"),
    ],
)
def test_bad_options(
    model: Path,
    tmp_path: Path,
    image: Array,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    write_npz(tmp_path / "in.npz", {"image": image})
    out = tmp_path / "out.npz"
    assert message in refused(capsys, "run", model, tmp_path / "in.npz", "-o", out, *options)
    assert not out.exists()


@pytest.mark.parametrize("arguments", [[], ["bench"], ["run"], ["compare", "m", "--samples=0"]])
def test_bad_commands(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert "--help' lists what there is" in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "input 'image' (1x4x2x3 float32) is missing"),
        ({"photo": (1, 4, 2, 3)}, "no input 'photo'; its inputs are 'image'"),
        ({"image": (1, 4, 2, 4)}, "was given as 1x4x2x4 float32"),
        ({"image": (0, 4, 2, 3)}, "was given as 0x4x2x3 float32"),
        ({"image": ()}, "was given as"),
    ],
)
def test_wrong_arrays(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arrays: dict[str, tuple[int, ...]],
    message: str,
) -> None:
    content = {name: np.zeros(shape, np.float32) for name, shape in arrays.items()}
    write_npz(tmp_path / "in.npz", content)
    out = tmp_path / "out.npz"
    assert message in refused(capsys, "run", model, tmp_path / "in.npz", "-o", out)
    assert not out.exists()


def test_wrong_element_type(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_npz(tmp_path / "in.npz", {"image": np.zeros((1, 4, 2, 3))})
    line = refused(capsys, "run", model, tmp_path / "in.npz", "-o", tmp_path / "out.npz")
    assert "was given as 1x4x2x3 float64" in line


def test_missing_and_malformed_files(
    model: Path, tmp_path: Path, image: Array, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs, out = tmp_path / "in.npz", tmp_path / "out.npz"
    write_npz(inputs, {"image": image})
    absent, text = tmp_path / "absent", tmp_path / "text"
    text.write_text("neither a model nor arrays")
    np.save(tmp_path / "single.npy", image)
    assert "cannot read" in refused(capsys, "run", absent, inputs, "-o", out)
    assert "not an ONNX model" in refused(capsys, "run", text, inputs, "-o", out)
    assert "cannot read" in refused(capsys, "run", model, absent, "-o", out)
    for wrong in (text, tmp_path / "single.npy"):
        assert "is not an .npz file" in refused(capsys, "run", model, wrong, "-o", out)
    assert "cannot write" in refused(capsys, "run", model, inputs, "-o", absent / "out.npz")
    assert not out.exists() and not absent.exists()


def test_a_missing_compiler_is_named(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITNN_BIN", str(tmp_path / "nothing"))
    with pytest.raises(BitnnError, match="it holds no bitnn-compile"):
        bitnn.compile(model)


def test_a_processor_that_is_not_here(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitnn.compiler._cpu_flags", lambda: {"avx2"})
    with pytest.raises(BitnnError, match="cannot run x86-64-v4: it lacks avx512f"):
        bitnn.compile(model, target="x86-64-v4")


def test_an_unusable_report(model: Path, tmp_path: Path) -> None:
    tool = Path(os.environ["BITNN_BIN"]) / "bitnn-compile"
    tool.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(BitnnError, match="wrote no usable report"):
        bitnn.compile(model)


def test_a_compiler_that_crashes(model: Path) -> None:
    tool = Path(os.environ["BITNN_BIN"]) / "bitnn-compile"
    tool.write_text("#!/bin/sh\nkill -SEGV $$\n")
    with pytest.raises(BitnnError, match="bitnn-compile ended with exit code -11"):
        bitnn.compile(model)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bad models and places: errors of one line that name what is wrong, exit code 1, no files.

Every element of a few small models is made wrong in every way that `bad_models` knows. A sample of
these models, drawn by the seed, is imported, and a smaller one compiled.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from bad_models import Change, changes
from onnx import TensorProto, helper, numpy_helper

from bitnn import BitnnError, Reference
from bitnn.randomlayers import Options, combine, random_layers
from bitnn.samples import random_samples

ROOT = Path(__file__).resolve().parents[2]
FUZZER_INPUTS = ROOT / "unittests" / "Fuzz" / "Inputs"
MODELS = [("network", "qdq"), ("network", "qlinear"), ("softmax", "qdq"), ("pad", "qdq")]


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the compiler's tools."""
    folder = Path(os.environ.get("BITNN_BIN", ROOT / "build" / "bin"))
    if not (folder / "bitnn-translate").is_file():
        pytest.skip(f"{folder} holds no bitnn-translate: run ./dev build, or set BITNN_BIN")
    return folder


def layer(kind: str, form: str = "qdq") -> onnx.ModelProto:
    return combine(random_layers(3, 1, Options(kinds=(kind,), forms=(form,), large=0)))


def run(*command: object, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(word) for word in command], input=data, capture_output=True)


def check_errors(errors: bytes, model: onnx.ModelProto | None = None) -> None:
    """Only lines that begin with the file and `error: `; each names something of the model."""
    lines = errors.decode().splitlines()
    assert lines and all(re.match(r"[^ ]+: error: ", line) for line in lines), errors
    assert not re.search("Stack dump|LLVM ERROR|Assertion|terminate called", errors.decode())
    if model is not None:
        graph = model.graph
        known = {tensor.name for tensor in (*graph.initializer, *graph.input, *graph.output)}
        known |= {name for node in graph.node for name in (node.name, *node.input, *node.output)}
        for line in lines:
            named = set(re.findall("'([^']*)'", line))
            assert named & known or "is not an ONNX model" in line, line


def sample(seed: int, kind: str, form: str, count: int) -> list[tuple[str, Change]]:
    found = list(changes(layer(kind, form)))
    rng = np.random.default_rng(seed)
    return [found[i] for i in rng.choice(len(found), min(count, len(found)), replace=False)]


# --- Models -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "form"), MODELS)
def test_one_wrong_element(tools: Path, seed: int, kind: str, form: str) -> None:
    """The import takes or refuses it, and never ends otherwise."""
    refused = 0
    for what, change in sample(seed, kind, form, 100):
        model = layer(kind, form)
        change(model)
        result = run(
            tools / "bitnn-translate", "--import-onnx", "--name=n", data=model.SerializeToString()
        )
        print(what, result.returncode, result.stderr)
        assert result.returncode in (0, 1)
        if result.returncode:
            refused += 1
            assert not result.stdout
            check_errors(result.stderr, model)
        else:
            assert result.stdout and not result.stderr
    assert refused >= 20


@pytest.mark.parametrize(("kind", "form"), MODELS)
def test_compiled_with_a_wrong_element(
    tools: Path, seed: int, tmp_path: Path, kind: str, form: str
) -> None:
    """All files or none."""
    for what, change in sample(seed + 1, kind, form, 15):
        model = layer(kind, form)
        change(model)
        path = tmp_path / "n.onnx"
        path.write_bytes(model.SerializeToString())
        report = f"--report={tmp_path / 'n.json'}"
        result = run(tools / "bitnn-compile", path, "-o", tmp_path / "n.o", report)
        print(what, result.returncode, result.stderr)
        assert result.returncode in (0, 1)
        written = sorted(entry.name for entry in tmp_path.iterdir())
        if result.returncode:
            check_errors(result.stderr)
            assert written == ["n.onnx"]
        else:
            assert written == ["n.h", "n.json", "n.o", "n.onnx"]
            for name in written:
                (tmp_path / name).unlink()


@pytest.mark.parametrize(("kind", "form"), MODELS)
def test_evaluated_with_a_wrong_element(seed: int, kind: str, form: str) -> None:
    """The reference, too, gives integers or the one exception that users see."""
    refused = 0
    for what, change in sample(seed + 2, kind, form, 50):
        model = layer(kind, form)
        change(model)
        print(what)
        try:
            reference = Reference(model)
            reference(random_samples(reference, 1, seed)[0])
        except BitnnError as error:
            assert str(error)
            refused += 1
    assert refused >= 10


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"\xff" * 100,
        # A graph that claims 2^31 - 1 bytes, or 2^63, or is a group that never ends.
        b"\x3a\xff\xff\xff\xff\x07",
        b"\x3a" + b"\xff" * 9 + b"\x7f",
        b"\x3b" * 1000,
        # Graphs in attributes of nodes of graphs: as deep as protobuf allows, and deeper.
        b"\x3a\x7e" * 500,
    ],
)
def test_no_model(tools: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(content)
    result = run(tools / "bitnn-compile", path, "-o", tmp_path / "n.o")
    assert result.returncode == 1
    check_errors(result.stderr)
    assert len(result.stderr.splitlines()) == 1 and b"is not an ONNX model" in result.stderr
    assert os.listdir(tmp_path) == ["n.onnx"]


def test_a_gigantic_file(tools: Path, tmp_path: Path) -> None:
    """3 GiB that take no place on the disk."""
    path = tmp_path / "n.onnx"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    result = run(tools / "bitnn-compile", path, "-o", tmp_path / "n.o")
    assert result.returncode == 1
    check_errors(result.stderr)
    assert b"is larger than 2 GiB" in result.stderr
    assert os.listdir(tmp_path) == ["n.onnx"]


GIANTS = {
    "Expand": [2**40, 2**40],
    "Tile": [1, 2**62],
    "Pad": [0, 2**31 - 1, 0, 2**31 - 1],
    "Reshape": [2**62, 4],
}


@pytest.mark.parametrize("op", GIANTS)
@pytest.mark.parametrize("factor", [1, 2**-5])
def test_gigantic_results(tools: Path, op: str, factor: float) -> None:
    """A small file that asks for a large constant, or a larger one than numbers can say."""
    extents = np.asarray([int(extent * factor) for extent in GIANTS[op]], np.int64)
    constants = {"e": extents, "w": np.ones((1, 4), np.int8), "s": np.float32(0.5)}
    nodes = [
        helper.make_node(op, ["w", "e"], ["large"], "giant"),
        helper.make_node("DequantizeLinear", ["large", "s"], ["wr"]),
        helper.make_node("DequantizeLinear", ["x", "s"], ["xr"]),
        helper.make_node("MatMul", ["xr", "wr"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "giant",
        [helper.make_tensor_value_info("x", TensorProto.INT8, [1, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    result = run(
        tools / "bitnn-translate", "--import-onnx", "--name=n", data=model.SerializeToString()
    )
    assert result.returncode == 1 and not result.stdout
    check_errors(result.stderr, model)
    assert f"{op} 'giant': " in result.stderr.decode()


def test_what_the_fuzzer_found(tools: Path) -> None:
    """Inputs that once ended the importer; see unittests/Fuzz."""
    paths = sorted(FUZZER_INPUTS.iterdir())
    assert paths
    for path in paths:
        result = run(tools / "bitnn-translate", "--import-onnx", path)
        assert result.returncode in (0, 1), path
        if result.returncode:
            check_errors(result.stderr)


# --- Places -------------------------------------------------------------------------------------


def test_all_refusals_at_once(tools: Path, tmp_path: Path) -> None:
    """bitnn-compile names every node that it cannot take, and why, in the graph's order."""
    model = layer("network")
    graph = model.graph
    for name in ("first", "second"):
        nodes = [
            helper.make_node("DequantizeLinear", ["q" + name, "s"], ["f" + name]),
            helper.make_node("CumSum", ["f" + name, "axis"], ["c" + name], name),
            helper.make_node("QuantizeLinear", ["c" + name, "s"], ["y" + name]),
        ]
        graph.node.extend(nodes)
        graph.input.append(helper.make_tensor_value_info("q" + name, TensorProto.UINT8, [1, 4]))
        graph.output.append(helper.make_tensor_value_info("y" + name, TensorProto.UINT8, [1, 4]))
    graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "s"))
    graph.initializer.append(numpy_helper.from_array(np.int64(1), "axis"))
    (tmp_path / "n.onnx").write_bytes(model.SerializeToString())
    result = run(tools / "bitnn-compile", tmp_path / "n.onnx", "-o", tmp_path / "n.o")
    assert result.returncode == 1
    check_errors(result.stderr, model)
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 2
    for line, name in zip(lines, ("first", "second"), strict=True):
        assert f"n.onnx: error: CumSum '{name}': it has no integer form" in line
        assert "--outputs=" in line
    assert os.listdir(tmp_path) == ["n.onnx"]


OUTSIDE = "which is not in the model's folder"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("../w.bin", OUTSIDE),
        ("{}/w.bin", OUTSIDE),
        ("sub/../../w.bin", OUTSIDE),
        ("link/w.bin", OUTSIDE),
        ("/dev/zero", OUTSIDE),
        (".", OUTSIDE),
        ("", OUTSIDE),
        ("sub", "which is no ordinary file"),
        ("pipe", "which is no ordinary file"),
        ("nothing", "which cannot be found beside the model"),
        ("w\0.bin", "which cannot be found beside the model"),
    ],
)
def test_data_outside(tools: Path, tmp_path: Path, location: str, reason: str) -> None:
    """External data is read from ordinary files of the model's folder only."""
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    model = layer("network")
    onnx.save(model, folder / "n.onnx", save_as_external_data=True, location="w", size_threshold=0)
    (folder / "w").rename(tmp_path / "w.bin")
    model = onnx.load(folder / "n.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location.format(tmp_path)
    (folder / "n.onnx").write_bytes(model.SerializeToString())
    result = run(tools / "bitnn-compile", folder / "n.onnx", "-o", folder / "n.o")
    assert result.returncode == 1
    check_errors(result.stderr, model)
    assert reason in result.stderr.decode()
    assert not (folder / "n.o").exists()


@pytest.mark.parametrize(("key", "value"), [("offset", "-1"), ("length", "99999999999999999999")])
def test_external_numbers(tools: Path, tmp_path: Path, key: str, value: str) -> None:
    model = layer("network")
    path = tmp_path / "n.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == key:
            entry.value = value
    path.write_bytes(model.SerializeToString())
    result = run(tools / "bitnn-compile", path, "-o", tmp_path / "n.o")
    assert result.returncode == 1
    check_errors(result.stderr, model)
    assert f"its external {key}, '{value}', is no number" in result.stderr.decode()


@pytest.mark.parametrize(
    ("output", "options", "reason"),
    [
        ("nowhere/n.o", [], "No such file or directory"),
        ("folder.o", [], "Is a directory"),
        ("n.onnx/n.o", [], "Not a directory"),
        ("taken.o", [], "Is a directory"),
        ("n.o", ["--report=folder.o"], "Is a directory"),
        ("n.o", ["--report=nowhere/n.json"], "No such file or directory"),
        ("n.o", ["--save-stages=n.onnx"], "cannot make the folder"),
        ("n.o", ["--save-stages=n.onnx/stages"], "cannot make the folder"),
        ("/dev/full", ["--emit=o"], "No space left on device"),
        ("/proc/n.o", [], "cannot write '/proc/n.o'"),
        ("a" * 300 + ".o", [], "File name too long"),
    ],
)
def test_outputs_that_cannot_be_written(
    tools: Path, tmp_path: Path, output: str, options: list[str], reason: str
) -> None:
    """No file is left, not even those that could be written; what was there stays."""
    (tmp_path / "n.onnx").write_bytes(layer("network").SerializeToString())
    for folder in ("folder.o", "taken.h"):
        (tmp_path / folder).mkdir()
    before = sorted(os.listdir(tmp_path))
    command = [str(tools / "bitnn-compile"), "n.onnx", "-o", output, *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert result.returncode == 1, result.stdout
    check_errors(result.stderr)
    assert len(result.stderr.splitlines()) == 1 and reason in result.stderr.decode()
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("tool", ["bitnn-translate", "bitnn-opt", "bitnn-compile"])
def test_full_disks(tools: Path, tmp_path: Path, tool: str) -> None:
    """What LLVM would abort for is an error: outputs, and the table of bitnn-compile."""
    (tmp_path / "n.onnx").write_bytes(layer("network").SerializeToString())
    (tmp_path / "n.mlir").write_text("module {}")
    command = {
        "bitnn-translate": ["--import-onnx", "n.onnx", "-o", "/dev/full"],
        "bitnn-opt": ["n.mlir", "-o", "/dev/full"],
        "bitnn-compile": ["n.onnx", "-o", "n.o"],
    }[tool]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [str(tools / tool), *command], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE
        )
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith(f"{tool}: error: ") and "No space left on device" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(layer("network").SerializeToString())
    tmp_path.chmod(0o555)
    result = run(tools / "bitnn-compile", tmp_path / "n.onnx", "-o", tmp_path / "n.o")
    tmp_path.chmod(0o755)
    assert result.returncode == 1 and b"Permission denied" in result.stderr
    assert os.listdir(tmp_path) == ["n.onnx"]

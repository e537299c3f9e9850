# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The import takes every model that it should, and refuses the others with one error."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from bitnn.randomlayers import KINDS, Options, combine, random_layers

ROOT = Path(__file__).resolve().parents[2]
Mutation = Callable[[onnx.ModelProto], None]


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder of the compiler's tools."""
    folder = Path(os.environ.get("BITNN_BIN", ROOT / "build" / "bin"))
    if not (folder / "bitnn-translate").is_file():
        pytest.skip(f"{folder} holds no bitnn-translate: run ./dev build, or set BITNN_BIN")
    return folder


def run(tools: Path, model: bytes, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(tools / "bitnn-translate"), "--import-onnx", "--name=net", *options]
    result = subprocess.run(command, input=model, capture_output=True, check=False)
    out, err = (text.decode(errors="replace") for text in (result.stdout, result.stderr))
    return subprocess.CompletedProcess(command, result.returncode, out, err)


def check_imported(tools: Path, model: bytes, layers: int) -> None:
    """The model imports, and each of its products is recognized as a layer."""
    imported = run(tools, model)
    assert imported.returncode == 0 and not imported.stderr, imported.stderr
    command = [str(tools / "bitnn-opt"), "--convert-linalg-to-bitnn"]
    converted = subprocess.run(
        command, input=imported.stdout, capture_output=True, text=True, check=False
    )
    assert converted.returncode == 0, converted.stderr
    assert not re.search(r"linalg\.(conv|depthwise|matmul)", converted.stdout)
    assert len(re.findall(r"bitnn\.(conv_2d|matmul)", converted.stdout)) == layers


def products(model: onnx.ModelProto) -> int:
    """The number of convolutions and matrix products."""
    return sum(bool(re.search("Conv|Gemm|MatMul", node.op_type)) for node in model.graph.node)


def test_random_layers(tools: Path, seed: int) -> None:
    model = combine(random_layers(seed, 210))
    check_imported(tools, model.SerializeToString(), products(model))


@pytest.mark.parametrize("kind", KINDS)
def test_random_layers_of_a_kind(tools: Path, seed: int, kind: str) -> None:
    model = combine(random_layers(seed + 1, 15, Options(kinds=(kind,))))
    check_imported(tools, model.SerializeToString(), products(model))


def test_mlperf_tiny(tools: Path, mlperf_tiny: Path) -> None:
    paths = sorted(mlperf_tiny.glob("*.onnx"))
    assert paths
    for path in paths:
        check_imported(tools, path.read_bytes(), products(onnx.load(path)))


def test_the_same_bytes_twice(tools: Path, seed: int) -> None:
    model = combine(random_layers(seed, 14)).SerializeToString()
    assert run(tools, model).stdout == run(tools, model).stdout


# --- Refusals -----------------------------------------------------------------------------------


def check_refused(tools: Path, model: bytes, message: str) -> None:
    """The message is among the errors: one for each node that cannot be taken."""
    result = run(tools, model)
    assert result.returncode == 1 and not result.stdout
    assert message in result.stderr


def check_survived(tools: Path, model: bytes) -> bool:
    """The model imports or gives errors; whether it imports."""
    result = run(tools, model)
    assert result.returncode in (0, 1), f"exit code {result.returncode}: {result.stderr[-2000:]}"
    assert bool(result.stderr.count("error:")) == bool(result.returncode), result.stderr
    assert bool(result.stdout) == (result.returncode == 0)
    return result.returncode == 0


def sample(kind: str = "network", seed: int = 3) -> onnx.ModelProto:
    options = Options(kinds=(kind,), forms=("qdq",), large=0)
    return combine(random_layers(seed, 1, options))


def weights(model: onnx.ModelProto) -> TensorProto:
    """The first weights of a model."""
    return next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)


def repeat_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def repeat_node(model: onnx.ModelProto) -> None:
    model.graph.node.append(model.graph.node[0])


def shorten_weights(model: onnx.ModelProto) -> None:
    weights(model).raw_data = weights(model).raw_data[:-1]


def omit_data(model: onnx.ModelProto) -> None:
    weights(model).ClearField("raw_data")


def overflow_elements(model: onnx.ModelProto) -> None:
    tensor = weights(model)
    size = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.int32_data.extend([300] * size)


def negative_extent(model: onnx.ModelProto) -> None:
    weights(model).dims[0] = -1


def huge_extents(model: onnx.ModelProto) -> None:
    weights(model).dims[0] = 2**62
    weights(model).dims[1] = 2**62


def external_data(model: onnx.ModelProto) -> None:
    weights(model).data_location = TensorProto.EXTERNAL


def sparse_weights(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.name = "sparse"


def remove_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.remove(weights(model))


def remove_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def reverse_nodes(model: onnx.ModelProto) -> None:
    nodes = list(reversed(model.graph.node))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def remove_node_outputs(model: onnx.ModelProto) -> None:
    del model.graph.node[-1].output[:]


def repeat_attribute(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.attribute)
    node.attribute.append(node.attribute[0])


def sequence_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = 1


def shapeless_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.ClearField("shape")


def infinite_scale(model: onnx.ModelProto) -> None:
    tensor = next(entry for entry in model.graph.initializer if "scale" in entry.name)
    tensor.raw_data = np.float32("inf").tobytes()


def undefined_type(model: onnx.ModelProto) -> None:
    weights(model).data_type = 1000


@pytest.mark.parametrize(
    ("mutation", "message"),
    [
        (repeat_initializer, "which is already defined"),
        (repeat_node, "which is already defined"),
        (shorten_weights, "bytes, it has"),
        (omit_data, "but 0 are given"),
        (overflow_elements, "an element does not fit"),
        (negative_extent, "is negative somewhere or too large"),
        (huge_extents, "is negative somewhere or too large"),
        (external_data, "its data is in the file '', which is not in the model's folder"),
        (sparse_weights, "sparse initializers are not supported"),
        (remove_initializer, "which nothing defines"),
        (remove_outputs, "is not an ONNX model: its graph has no outputs"),
        (reverse_nodes, "the graph is cyclic or not in topological order"),
        (remove_node_outputs, "it has no output"),
        (repeat_attribute, "appears twice"),
        (sequence_input, "is not a tensor with an element type"),
        (shapeless_input, "has no shape"),
        (infinite_scale, "its scale must be positive and finite, but is inf"),
        (undefined_type, "dequantizes type 1000, only int8, uint8 and int32 are supported"),
    ],
)
def test_malformed(tools: Path, mutation: Mutation, message: str) -> None:
    model = sample()
    assert run(tools, model.SerializeToString()).returncode == 0
    mutation(model)
    check_refused(tools, model.SerializeToString(), message)


def test_external_data(tools: Path, tmp_path: Path) -> None:
    """Weights beside the model are read; those elsewhere, or cut short, are refused."""
    model = sample()
    expected = run(tools, model.SerializeToString()).stdout
    folder = tmp_path / "model"
    folder.mkdir()
    path = folder / "net.onnx"

    def translate() -> subprocess.CompletedProcess[str]:
        command = [str(tools / "bitnn-translate"), "--import-onnx", "--name=net", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    result = translate()
    assert result.returncode == 0 and result.stdout == expected, result.stderr
    content = (folder / "w.bin").read_bytes()
    (folder / "w.bin").write_bytes(content[:-1])
    assert "its data is beyond the end of 'w.bin'" in translate().stderr
    (folder / "w.bin").unlink()
    assert "cannot be found beside the model" in translate().stderr
    # A link is followed before it is judged.
    (tmp_path / "w.bin").write_bytes(content)
    (folder / "w.bin").symlink_to(tmp_path / "w.bin")
    assert "which is not in the model's folder" in translate().stderr


def test_not_a_model(tools: Path) -> None:
    check_refused(tools, b"", "is not an ONNX model: its graph has no outputs")
    check_refused(tools, b"module {}", "is not an ONNX model")
    result = subprocess.run(
        [tools / "bitnn-translate", "--import-onnx", "absent.onnx"], capture_output=True, text=True
    )
    assert result.returncode == 1 and "absent.onnx" in result.stderr


def test_cut_short(tools: Path) -> None:
    model = sample().SerializeToString()
    for end in np.linspace(0, len(model) - 1, 60).astype(int):
        check_survived(tools, model[:end])


def test_damaged(tools: Path, seed: int) -> None:
    """Random bytes in the place of others."""
    rng = np.random.default_rng(seed)
    for layer in random_layers(seed, len(KINDS)):
        model = bytearray(combine([layer]).SerializeToString())
        for position in rng.integers(len(model), size=8):
            damaged = bytearray(model)
            damaged[position] = rng.integers(256)
            check_survived(tools, bytes(damaged))


def test_onnx_node_tests(tools: Path, mlperf_tiny: Path) -> None:
    """Models of single operators, most of them without constants: imported or refused."""
    paths = sorted((mlperf_tiny.parents[1] / "onnx-node-tests").glob("*/model.onnx"))
    assert paths
    for path in paths:
        check_survived(tools, path.read_bytes())

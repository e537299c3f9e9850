# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What onnxruntime's quantize_static makes of a small float network compiles, in all its modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import bitnn
from bitnn import Reference
from bitnn.peers import Session, compare_operators
from bitnn.values import Array

quantization = pytest.importorskip(
    "onnxruntime.quantization", reason="onnxruntime is not installed: nothing quantizes"
)
QDQ, OPERATORS = quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator
INT8, UINT8 = quantization.QuantType.QInt8, quantization.QuantType.QUInt8
SHAPE = (1, 3, 8, 8)

# Format, activations, weights, per channel, reduced range, further options.
MODES: dict[str, tuple[Any, Any, Any, bool, bool, dict[str, Any]]] = {
    "qdq u8s8 per channel": (QDQ, UINT8, INT8, True, False, {}),
    "qdq s8s8": (QDQ, INT8, INT8, False, False, {}),
    "qdq u8u8 reduced": (QDQ, UINT8, UINT8, False, True, {}),
    "qdq symmetric": (QDQ, INT8, INT8, True, False, {"ActivationSymmetric": True}),
    "qdq weights as pairs": (QDQ, UINT8, INT8, True, False, {"AddQDQPairToWeight": True}),
    "qdq dedicated pairs": (QDQ, INT8, INT8, False, False, {"DedicatedQDQPair": True}),
    "qdq float bias": (QDQ, UINT8, INT8, False, False, {"QuantizeBias": False}),
    "operators u8u8": (OPERATORS, UINT8, UINT8, False, False, {}),
    "operators u8s8 per channel": (OPERATORS, UINT8, INT8, True, False, {}),
}


def float_network(rng: np.random.Generator) -> onnx.ModelProto:
    """Convolutions of all kinds, a residual, pools, movements, functions, a product of tensors."""
    constants: list[onnx.TensorProto] = []

    def constant(name: str, *shape: int) -> str:
        array = rng.normal(0, 0.5, shape).astype(np.float32)
        constants.append(numpy_helper.from_array(array, name))
        return name

    def node(op: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(op, inputs, [output], f"the_{output}", **attributes)

    constants.append(numpy_helper.from_array(np.asarray([0, -1], np.int64), "shape"))
    conv = [constant("w1", 8, 3, 3, 3), constant("b1", 8)]
    depthwise = [constant("w2", 8, 1, 3, 3), constant("b2", 8)]
    nodes = [
        node("Conv", ["x", *conv], "c1", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], "r1"),
        node("Conv", ["r1", *depthwise], "c2", pads=[1, 1, 1, 1], group=8),
        node("Add", ["c2", "r1"], "a"),
        node("MaxPool", ["a"], "m", kernel_shape=[2, 2], strides=[2, 2]),
        node("Sigmoid", ["m"], "s"),
        node("Mul", ["m", "s"], "p"),
        node("Concat", ["p", "s"], "j", axis=1),
        node("AveragePool", ["j"], "v", kernel_shape=[2, 2], strides=[2, 2]),
        node("LeakyRelu", ["v"], "l", alpha=0.1),
        node("Transpose", ["l"], "t", perm=[0, 2, 3, 1]),
        node("Reshape", ["t", "shape"], "f"),
        node("Gemm", ["f", constant("w3", 64, 5), constant("b3", 5)], "g"),
        node("MatMul", ["g", constant("w4", 5, 4)], "h"),
        node("Add", ["h", constant("b4", 4)], "i"),
        node("Softmax", ["i"], "y"),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        constants,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


class Samples(quantization.CalibrationDataReader):
    """A few random images."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.images = iter([rng.normal(0, 1, SHAPE).astype(np.float32) for _ in range(4)])

    def get_next(self) -> dict[str, Array] | None:
        image = next(self.images, None)
        return None if image is None else {"x": image}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    path = tmp_path_factory.mktemp("float") / "float.onnx"
    onnx.save(float_network(np.random.default_rng(seed)), path)
    return path


@pytest.mark.parametrize("mode", MODES)
def test_mode(compiler: str, network: Path, tmp_path: Path, seed: int, mode: str) -> None:
    form, activations, weights, per_channel, reduced, extra = MODES[mode]
    path = tmp_path / "quantized.onnx"
    quantization.quantize_static(
        str(network),
        str(path),
        Samples(np.random.default_rng(seed + 1)),
        quant_format=form,
        activation_type=activations,
        weight_type=weights,
        per_channel=per_channel,
        reduce_range=reduced,
        extra_options=extra,
    )
    model = onnx.load(path)
    compiled, reference = bitnn.compile(model), Reference(model)
    rng = np.random.default_rng(seed + 2)
    samples = [{"x": rng.normal(0, 1, SHAPE).astype(np.float32)} for _ in range(3)]
    results = compiled.run(samples)
    for sample, result in zip(samples, results, strict=True):
        np.testing.assert_array_equal(result["y"], reference(sample)["y"])
    opinion = compare_operators(model, reference, samples)
    assert not opinion.different and len(opinion.compared) > 10, f"--seed={seed}: {opinion}"
    # The quantized network is the float network, roughly.
    exact = Session(onnx.load(network), optimize=False)
    np.testing.assert_allclose(
        results[0]["y"], exact(samples[0])["y"], atol=0.35, err_msg=f"--seed={seed}"
    )

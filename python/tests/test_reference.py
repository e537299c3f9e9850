# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference's rules, on numbers small enough to work out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bitnn import BitnnError, Reference, Trace
from bitnn.values import Array

F = np.float32


def model(
    nodes: list[tuple[Any, ...]], inputs: dict[str, Array], opset: int = 17
) -> onnx.ModelProto:
    """A model from (op, inputs, output, attributes); numpy operands become constants."""
    constants, protos = [], []
    for index, (op, operands, output, *attributes) in enumerate(nodes):
        names = []
        for place, operand in enumerate(operands):
            if isinstance(operand, str):
                names.append(operand)
            else:
                names.append(f"c{index}_{place}")
                constants.append(numpy_helper.from_array(np.asarray(operand), names[-1]))
        fields = attributes[0] if attributes else {}
        protos.append(helper.make_node(op, names, [output], f"{op}{index}", **fields))
    kinds = {name: helper.np_dtype_to_tensor_dtype(x.dtype) for name, x in inputs.items()}
    graph = helper.make_graph(
        protos,
        "test",
        [helper.make_tensor_value_info(name, kinds[name], x.shape) for name, x in inputs.items()],
        [helper.make_tensor_value_info(nodes[-1][2], TensorProto.FLOAT, None)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def run(nodes: list[tuple[Any, ...]], opset: int = 17, **inputs: Array) -> Array:
    reference = Reference(model(nodes, inputs, opset))
    return reference(inputs)[nodes[-1][2]]


def gemm(bias: int, y_scale: float, y_zero: int, middle: list[tuple[Any, ...]]) -> list[Any]:
    """x (int8, scale 1/2, zero point 1) times the weight -128 (scale 1/4), requantized."""
    return [
        ("DequantizeLinear", ["x", F(0.5), np.int8(1)], "xf"),
        ("DequantizeLinear", [np.int8([[-128]]), F(0.25), np.int8(0)], "wf"),
        ("DequantizeLinear", [np.int32([bias]), F(0.125), np.int32(0)], "bf"),
        ("Gemm", ["xf", "wf", "bf"], "acc"),
        *middle,
        ("QuantizeLinear", [middle[-1][2] if middle else "acc", F(y_scale), np.int8(y_zero)], "y"),
    ]


def test_requantize_rounds_ties_to_even_and_clamps() -> None:
    x = np.int8([[1], [2], [3], [-127]])
    # Accumulators 64 - 128 (x - 1) in units of 1/8, and an output step of 128 of them.
    y = run(gemm(64, 16.0, 3, []), x=x)
    assert y.ravel().tolist() == [3, 3, 1, 127]


def test_relu_and_clip_become_quantized_bounds() -> None:
    x = np.int8([[1], [2], [3], [-127]])
    relu = run(gemm(64, 16.0, 3, [("Relu", ["acc"], "r")]), x=x)
    assert relu.ravel().tolist() == [3, 3, 3, 127]
    clip = run(gemm(64, 16.0, 3, [("Clip", ["acc", F(-24), F(100)], "r")]), x=x)
    # -24 / 16 is a tie: -2, then the zero point.
    assert clip.ravel().tolist() == [3, 3, 1, 9]


def test_accumulators_that_leave_int32_are_refused() -> None:
    with pytest.raises(BitnnError, match=r"Gemm 'Gemm3': the accumulator leaves int32"):
        run(gemm(2**31 - 128, 1.0, 0, []), x=np.int8([[0]]))


def test_trace_holds_integers_and_accumulators() -> None:
    x = np.int8([[2]])
    trace = Trace()
    Reference(model(gemm(64, 16.0, 3, []), {"x": x}))({"x": x}, trace)
    assert trace.accumulators["acc"].tolist() == [[-64]]
    assert trace.integers["y"].dtype == np.int8 and trace.integers["y"].tolist() == [[3]]


def test_bias_added_after_the_product() -> None:
    nodes = [
        ("DequantizeLinear", ["x", F(0.5), np.uint8(128)], "xf"),
        ("DequantizeLinear", [np.int8([[2, -3]]), F([0.25, 0.5]), np.int8([0, 0])], "wf"),
        ("MatMul", ["xf", "wf"], "p"),
        ("DequantizeLinear", [np.int32([10, -20]), F([0.125, 0.25]), np.int32([0, 0])], "bf"),
        ("Add", ["bf", "p"], "s"),
        ("QuantizeLinear", ["s", F(0.25), np.uint8(5)], "y"),
    ]
    nodes[3] += ({"axis": 0},)
    # Accumulators 2 * 2 + 10 and -3 * 2 - 20, times 1/2 and 1.
    assert run(nodes, x=np.uint8([[130]])).tolist() == [[12, 0]]


def test_a_bias_of_another_scale_is_rounded_to_the_sum() -> None:
    nodes = gemm(64, 16.0, 3, [])
    nodes[2] = ("DequantizeLinear", [np.int32([155]), F(0.1), np.int32(0)], "bf")
    # 15.5 is 124 steps of 1/8, the sum of x = 1; half a step of the result would be 64.
    assert run(nodes, x=np.int8([[1]])).tolist() == [[4]]
    trace = Trace()
    Reference(model(nodes, {"x": np.int8([[1]])}))({"x": np.int8([[1]])}, trace)
    assert trace.accumulators["acc"].tolist() == [[124]]


def test_average_counts_what_is_inside_unless_told() -> None:
    x = np.uint8([[[[10, 20], [30, 40]]]])

    def pool(include: int) -> list[int]:
        attributes = {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0], "count_include_pad": include}
        nodes = [
            ("DequantizeLinear", ["x", F(1), np.uint8(0)], "xf"),
            ("AveragePool", ["xf"], "p", attributes),
            ("QuantizeLinear", ["p", F(1), np.uint8(0)], "y"),
        ]
        return run(nodes, x=x).ravel().tolist()

    assert pool(0) == [10, 15, 20, 25]
    assert pool(1) == [2, 8, 10, 25]


def test_global_average_survives_moving_data() -> None:
    nodes = [
        ("DequantizeLinear", ["x", F(1), np.uint8(0)], "xf"),
        ("GlobalAveragePool", ["xf"], "p"),
        ("Flatten", ["p"], "f"),
        ("QuantizeLinear", ["f", F(1), np.uint8(0)], "y"),
    ]
    x = np.uint8([[[[1, 2], [3, 5]], [[7, 7], [7, 7]]]])
    assert run(nodes, x=x).tolist() == [[3, 7]]


def test_weights_may_be_transposed_and_flipped() -> None:
    x, w = np.int8([[1, 2]]), np.int8([[3, 4], [5, 6], [7, 8]])
    quantized = ("QuantizeLinear", ["p", F(1), np.int8(0)], "y")
    front = [
        ("DequantizeLinear", ["x", F(1), np.int8(0)], "xf"),
        ("DequantizeLinear", [w, F([1, 2, 1]), np.int8([0, 0, 0])], "wf", {"axis": -2}),
    ]
    by_gemm = run([*front, ("Gemm", ["xf", "wf"], "p", {"transB": 1}), quantized], x=x)
    moved = ("Transpose", ["wf"], "wt")
    by_transpose = run([*front, moved, ("MatMul", ["xf", "wt"], "p"), quantized], x=x)
    turned = ("Gemm", ["xf", "wf"], "p", {"transA": 1, "transB": 1})
    by_columns = run([*front, turned, quantized], x=x.T.copy())
    assert by_gemm.tolist() == by_transpose.tolist() == by_columns.tolist() == [[11, 34, 23]]


def test_a_scale_along_the_summed_axis_is_refused() -> None:
    nodes = gemm(0, 1.0, 0, [])
    nodes[1] = ("DequantizeLinear", [np.int8([[1], [2]]), F([1, 2]), np.int8([0, 0])], "wf")
    nodes[1] += ({"axis": 0},)
    with pytest.raises(BitnnError, match="varies along the summed axis"):
        run(nodes, x=np.int8([[0, 0]]))


def test_reshape_keeps_and_infers_extents() -> None:
    x = np.arange(24, dtype=np.int8).reshape(2, 3, 4)
    assert run([("Reshape", ["x", np.int64([0, -1])], "y")], x=x).shape == (2, 12)


@pytest.mark.parametrize(("opset", "total"), [(12, 1), (13, 6)])
def test_softmax_changed_with_opset_13(opset: int, total: int) -> None:
    x = np.linspace(-3, 3, 24, dtype=np.float32).reshape(1, 6, 4)
    y = run([("Softmax", ["x"], "y")], opset, x=x)
    assert np.isclose(y.sum(), total)


def test_relu_of_integers_ignores_scales() -> None:
    assert run([("Relu", ["x"], "y")], x=np.int8([-3, 4])).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"input 'x' \(1x1 int8\) is missing"),
        ({"x": np.int8([[0]]), "z": np.int8([0])}, "no input 'z'; its inputs are 'x'"),
        ({"x": np.uint8([[0]])}, r"input 'x' \(1x1 int8\) was given as 1x1 uint8"),
        ({"x": np.int8([0])}, r"was given as 1 int8"),
    ],
)
def test_wrong_inputs_are_named(inputs: dict[str, Array], message: str) -> None:
    reference = Reference(model(gemm(0, 1.0, 0, []), {"x": np.int8([[0]])}))
    with pytest.raises(BitnnError, match=message):
        reference(inputs)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (("Sin", ["x"], "y"), "Sin 'Sin0': the reference does not know this operator"),
        (("Conv", ["x", "x"], "y"), "must be 8-bit integers behind a DequantizeLinear"),
        (("MaxPool", ["x"], "y", {"storage_order": 1, "kernel_shape": [1]}), "storage_order = 1"),
        (("QuantizeLinear", ["x", F(0), np.int8(0)], "y"), "scale must be positive"),
        (("QuantizeLinear", ["x", F([1, 2]), np.int8([0, 0])], "y"), "shape"),
    ],
)
def test_refusals_name_the_node(node: tuple[Any, ...], message: str) -> None:
    with pytest.raises(BitnnError, match=message):
        run([node], x=np.zeros((1, 1, 4), np.float32))


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_files_that_are_not_models(tmp_path: Any, content: bytes | None) -> None:  # noqa: ANN401
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BitnnError, match=r"cannot read|is not an ONNX model"):
        Reference(path)

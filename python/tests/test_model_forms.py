# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The habits of exporters and quantizers: every form compiles, and equals the reference."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest

import bitnn
from bitnn import Reference
from bitnn.values import Array

HEADER = '<ir_version: 9, opset_import: ["" : {opset}, "com.microsoft" : 1]>\n'
# Constants that every graph may use: scales, zero points, weights of a convolution and a product.
CONSTANTS = """
float s = {0.05}, float t = {0.1}, int8 z = {3}, int8 v = {-7}, uint8 u = {120}, int8 n = {0},
float ws = {0.01}, int8[2,2,1,1] w = {7, -50, 31, 99}, int8[4,3] m = {1,-2,3,4,-5,6,-7,8,9,1,0,2}
"""
FORMS: dict[str, str] = {
    # Brevitas: QuantizeLinear, Clip, DequantizeLinear, of weights and activations.
    "qcdq": """
g (float[1,4] x) => (float[1,3] y) <CONSTANTS,
 float[4,3] f = {0.1, 0.2, -0.3, 1, 0.5, 0.6, -0.7, 0.8, 0.9, 1, -1, 0.2},
 int8 low = {-7}, int8 high = {7}, int8 least = {-127}, int8 most = {127}> {
  q = QuantizeLinear(x, s, n)
  c = Clip(q, least, most)
  xr = DequantizeLinear(c, s, n)
  fq = QuantizeLinear(f, t, n)
  fc = Clip(fq, low, high)
  fr = DequantizeLinear(fc, t, n)
  p = MatMul(xr, fr)
  o = QuantizeLinear(p, t, n)
  oc = Clip(o, low, high)
  y = DequantizeLinear(oc, t, n)
}""",
    # tf2onnx: images with channels last, between Transposes.
    "channels_last": """
g (float[1,3,3,2] x) => (float[1,3,3,2] y) <CONSTANTS> {
  q = QuantizeLinear(x, s, z)
  xr = DequantizeLinear(q, s, z)
  xt = Transpose<perm = [0, 3, 1, 2]>(xr)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(xt, wr)
  ct = Transpose<perm = [0, 2, 3, 1]>(c)
  r = Relu(ct)
  o = QuantizeLinear(r, t, v)
  y = DequantizeLinear(o, t, v)
}""",
    "batch_normalization_behind": """
g (int8[1,2,3,3] x) => (int8[1,2,3,3] y) <CONSTANTS, float[2] g1 = {1.5, -0.5},
 float[2] b1 = {0.2, -0.1}, float[2] m1 = {0.5, -0.25}, float[2] v1 = {0.9, 2}> {
  xr = DequantizeLinear(x, s, z)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(xr, wr)
  b = BatchNormalization(c, g1, b1, m1, v1)
  r = Relu(b)
  y = QuantizeLinear(r, t, v)
}""",
    "batch_normalization_before": """
g (int8[1,2,3,3] x) => (int8[1,2,3,3] y) <CONSTANTS, float[2] g1 = {1.5, -0.5},
 float[2] b1 = {0.2, -0.1}, float[2] m1 = {0.5, -0.25}, float[2] v1 = {0.9, 2}> {
  xr = DequantizeLinear(x, s, z)
  b = BatchNormalization(xr, g1, b1, m1, v1)
  q = QuantizeLinear(b, t, v)
  br = DequantizeLinear(q, t, v)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(br, wr)
  y = QuantizeLinear(c, t, v)
}""",
    # One DequantizeLinear for two readers, and weights that two layers share.
    "shared": """
g (int8[1,2,2,2] x) => (int8[1,2,2,2] y, int8[1,2,2,2] o) <CONSTANTS> {
  xr = DequantizeLinear(x, s, z)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(xr, wr)
  q = QuantizeLinear(c, t, v)
  qr = DequantizeLinear(q, t, v)
  d = Conv(qr, wr)
  a = Add(d, xr)
  y = QuantizeLinear(a, t, v)
  e = Sub(qr, xr)
  o = QuantizeLinear(e, t, v)
}""",
    # No quantization between a layer, the residual, and the activation function.
    "unquantized_edges": """
g (int8[1,2,2,2] x) => (int8[1,2,2,2] y) <CONSTANTS> {
  xr = DequantizeLinear(x, s, z)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(xr, wr)
  h = HardSwish(c)
  hq = QuantizeLinear(h, t, v)
  hr = DequantizeLinear(hq, t, v)
  d = Conv(hr, wr)
  a = Add(xr, d)
  r = Relu(a)
  y = QuantizeLinear(r, t, v)
}""",
    # Everything a Constant node, the bias a float behind the product.
    "constant_nodes": """
g (uint8[1,4] x) => (uint8[1,3] y) <CONSTANTS> {
  k = Constant<value = int8[4,3] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}>()
  ks = Constant<value_floats = [0.01, 0.02, 0.03]>()
  bias = Constant<value_floats = [0.5, -0.25, 0.125]>()
  xr = DequantizeLinear(x, s, u)
  kr = DequantizeLinear<axis = 1>(k, ks)
  p = MatMul(xr, kr)
  a = Add(bias, p)
  y = QuantizeLinear(a, t, u)
}""",
    # Shapes computed from shapes, with a symbolic batch.
    "shape_arithmetic": """
g (int8[N,2,2,3] x) => (int8[N,12] y) <CONSTANTS, int64 first = {0}, int64[1] rest = {-1},
 int64[1] axes = {0}> {
  shape = Shape(x)
  batch = Gather<axis = 0>(shape, first)
  count = Unsqueeze(batch, axes)
  target = Concat<axis = 0>(count, rest)
  y = Reshape(x, target)
}""",
    # A quantized constant that broadcasts, and a choice between branches.
    "branches": """
g (int8[1,2,2,2] x, int8[1,2,2,2] b) => (int8[1,4,2,2] y, int8[1,2,2,2] o) <CONSTANTS,
 int8[1,2,1,1] k = {100, -100}> {
  xr = DequantizeLinear(x, s, z)
  br = DequantizeLinear(b, t, v)
  kr = DequantizeLinear(k, s, z)
  a = Add(xr, kr)
  j = Concat<axis = 1>(a, br)
  y = QuantizeLinear(j, t, v)
  best = Max(xr, br)
  f = Relu(best)
  o = QuantizeLinear(f, s, n)
}""",
    # torch.onnx: everything a Constant node, a clamp between the residual and the layer.
    "clipped_residual": """
g (int8[1,2,2,2] x, uint8[1,2,1,1] b) => (int8[1,2,2,2] y, int8[1,2,2,2] o)
<CONSTANTS, float six = {6}, float zero = {0}> {
  xr = DequantizeLinear(x, s, z)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(xr, wr)
  h = Clip(c, zero, six)
  a = Add(h, xr)
  r = Relu(a)
  br = DequantizeLinear(b, t, u)
  e = Sub(r, br)
  y = QuantizeLinear(e, t, v)
  k = Constant<value = float[1,1,2,2] {0.5, -1, 1.5, 2.5}>()
  l = Add(k, c)
  o = QuantizeLinear(l, t, v)
}""",
    # Operators on two tensors, and functions before and behind them.
    "two_tensors": """
g (int8[1,2,2,2] x, uint8[1,2,1,1] b) => (int8[1,2,2,2] y, int8[1,2,2,2] o, int8[1,2,2,2] e)
<CONSTANTS, float half = {0.5}> {
  xr = DequantizeLinear(x, s, z)
  br = DequantizeLinear(b, t, u)
  d = Div(xr, br)
  g1 = Sigmoid(d)
  y = QuantizeLinear(g1, ws, n)
  best = Max(xr, br, half)
  o = QuantizeLinear(best, t, v)
  r = Relu(xr)
  a = Add(br, r)
  h = HardSwish(a)
  e = QuantizeLinear(h, t, v)
}""",
    # onnxruntime writes what is younger than the opset into its own domain.
    "contributed": """
g (uint8[2,4] x) => (uint8[2,3] y) <CONSTANTS> {
  xr = com.microsoft.DequantizeLinear(x, s, u)
  mr = com.microsoft.DequantizeLinear(m, ws, n)
  p = MatMul(xr, mr)
  y = com.microsoft.QuantizeLinear(p, t, u)
}""",
    # Constant rows, a bias of every shape, and batches that are broadcast.
    "constant_left": """
g (int8[4,3] x, int8[2,1,3,4] b) => (int8[3,3] y, int8[2,2,3,2] o)
<CONSTANTS, int8[2,4,2] k = {1,2,3,4,5,6,7,8,-1,-2,-3,-4,-5,-6,-7,-8},
 float[2] ks = {0.01, 0.02}, float[3] rows = {0.5, -0.25, 1}> {
  xr = DequantizeLinear(x, s, z)
  mr = DequantizeLinear(m, ws, n)
  p = Gemm<alpha = 0.5, transA = 1>(mr, xr, rows)
  y = QuantizeLinear(p, t, v)
  br = DequantizeLinear(b, s, z)
  kr = DequantizeLinear<axis = 2>(k, ks)
  q = MatMul(br, kr)
  o = QuantizeLinear(q, t, v)
}""",
}


def parse(form: str, opset: int = 17) -> onnx.ModelProto:
    text = FORMS[form].replace("CONSTANTS", CONSTANTS)
    return onnx.parser.parse_model(HEADER.format(opset=opset) + text)


def random_input(rng: np.random.Generator, reference: Reference) -> dict[str, Array]:
    inputs: dict[str, Array] = {}
    for edge in reference.graph.inputs:
        shape = [extent or 1 for extent in edge.shape]
        if edge.dtype == np.float32:
            inputs[edge.name] = rng.normal(0, 2, shape).astype(np.float32)
        else:
            limits = np.iinfo(edge.dtype)
            inputs[edge.name] = rng.integers(limits.min, limits.max + 1, shape, edge.dtype)
    return inputs


def check(model: onnx.ModelProto, seed: int, **options: str) -> None:
    network, reference = bitnn.compile(model, **options), Reference(model)
    rng = np.random.default_rng(seed)
    samples = [random_input(rng, reference) for _ in range(20)]
    for sample, result in zip(samples, network.run(samples), strict=True):
        for name, expected in reference(sample).items():
            np.testing.assert_array_equal(result[name], expected, err_msg=f"--seed={seed}")


@pytest.mark.parametrize("form", FORMS)
def test_form(compiler: str, seed: int, form: str) -> None:
    check(parse(form), seed)


@pytest.mark.parametrize("form", ["unquantized_edges", "batch_normalization_behind", "branches"])
def test_form_in_the_emulator(compiler: str, emulator_tools: None, seed: int, form: str) -> None:
    check(parse(form), seed, target="rv32i")


def test_opsets(compiler: str, seed: int) -> None:
    """From opset 13 to the newest that the installed onnx knows."""
    for opset in (13, 18, 21, 23, onnx.defs.onnx_opset_version()):
        check(parse("shared", opset), seed)

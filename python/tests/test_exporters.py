# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What torch.onnx, Brevitas and tf2onnx write compiles, and equals the reference.

Their forms are written down here; where a package is installed, it writes a network itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from test_model_forms import CONSTANTS, HEADER, check, random_input

import bitnn
from bitnn import BitnnError, Reference
from bitnn.peers import compare_operators

FORMS: dict[str, str] = {
    # torch.onnx, TorchScript: scales are Constant nodes, initializers are shared by an Identity,
    # weights are quantized in the graph, HardSwish is a HardSigmoid and a product.
    "torch script": """
g (float[1,2,4,4] x) => (float[1,3] y) <CONSTANTS, int8[2] none = {0, 0},
 float[2] ws2 = {0.01, 0.02}, float[3] ws3 = {0.01, 0.02, 0.03}, float[2] bias = {0.5, -0.5},
 float[2,1,1,1] wf = {0.5, -1.5}, float[3,2] ff = {0.1, 0.2, -0.3, 0.4, 0.25, -0.6}> {
  some = Identity(none)
  p = Constant<value = float {0.02}>()
  pz = Constant<value = int8 {0}>()
  q = QuantizeLinear(x, p, pz)
  xr = DequantizeLinear(q, p, pz)
  wq = QuantizeLinear<axis = 0>(wf, ws2, some)
  wr = DequantizeLinear<axis = 0>(wq, ws2, some)
  c = Conv<group = 2>(xr, wr, bias)
  gate = HardSigmoid<alpha = 0.166667>(c)
  h = Mul(c, gate)
  hs = Constant<value = float {0.05}>()
  hz = Constant<value = int8 {-4}>()
  hq = QuantizeLinear(h, hs, hz)
  hr = DequantizeLinear(hq, hs, hz)
  pool = GlobalAveragePool(hr)
  pq = QuantizeLinear(pool, p, pz)
  pr = DequantizeLinear(pq, p, pz)
  flat = Flatten(pr)
  fz = Constant<value = int8[3] {0, 0, 0}>()
  fq = QuantizeLinear<axis = 0>(ff, ws3, fz)
  fr = DequantizeLinear<axis = 0>(fq, ws3, fz)
  o = Gemm<transB = 1>(flat, fr, ws3)
  oq = QuantizeLinear(o, p, pz)
  y = DequantizeLinear(oq, p, pz)
}""",
    # torch.onnx, dynamo: a mean over axes, a Reshape instead of Flatten.
    "torch dynamo": """
g (float[1,2,4,4] x) => (float[1,3] y) <CONSTANTS, int64[2] last = {2, 3},
 int64[2] flat = {1, 2}, float[3] ws3 = {0.01, 0.02, 0.03},
 float[3,2] ff = {0.1, 0.2, -0.3, 0.4, 0.25, -0.6}, int8[3] zs = {0, 0, 0}> {
  q = QuantizeLinear<axis = 1>(x, s, z)
  xr = DequantizeLinear<axis = 1>(q, s, z)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(xr, wr)
  h = HardSwish(c)
  hq = QuantizeLinear<axis = 1>(h, t, v)
  hr = DequantizeLinear<axis = 1>(hq, t, v)
  mean = ReduceMean<keepdims = 1>(hr, last)
  mq = QuantizeLinear<axis = 1>(mean, s, z)
  mr = DequantizeLinear<axis = 1>(mq, s, z)
  view = Reshape(mr, flat)
  fq = QuantizeLinear<axis = 0>(ff, ws3, zs)
  fr = DequantizeLinear<axis = 0>(fq, ws3, zs)
  y = Gemm<transB = 1>(view, fr)
}""",
    # Brevitas: Clip for fewer bits, biases of int32, no quantization of the last layer, whose
    # weights have a scale per output.
    "brevitas": """
g (float[1,2,4,4] x) => (float[1,2,4,4] y) <CONSTANTS, int8 low = {-7}, int8 high = {7},
 int8 most = {127}, int8 least = {-127}, int32[2] bias = {100, -200}, int32 zero = {0},
 float[2] ws2 = {0.01, 0.02}, int8[2] none = {0, 0}, float bs = {0.0005},
 uint8 uz = {0}, uint8 umost = {15}, uint8 uleast = {0}> {
  q = QuantizeLinear(x, s, n)
  c = Clip(q, least, most)
  xr = DequantizeLinear(c, s, n)
  wc = Clip(w, low, high)
  wr = DequantizeLinear(wc, ws, n)
  br = DequantizeLinear(bias, bs, zero)
  d = Conv(xr, wr, br)
  r = Relu(d)
  rq = QuantizeLinear(r, t, uz)
  rc = Clip(rq, uleast, umost)
  rr = DequantizeLinear(rc, t, uz)
  kr = DequantizeLinear<axis = 0>(w, ws2, none)
  y = Conv(rr, kr)
}""",
    # tf2onnx of a TFLite file: channels last at the edges and where it does not know an
    # operator, upsampling by Reshape and Tile, a mean over the middle, biases of int32.
    "tf2onnx": """
g (float[1,4,4,2] x) => (float[1,3] y) <CONSTANTS, int64[6] spread = {1, 4, 1, 4, 1, 2},
 int64[6] twice = {1, 1, 2, 1, 2, 1}, int64[4] merge = {1, 8, 8, 2}, int32[2] bias = {40, -80},
 float[2] bs = {0.0005, 0.001}, float[2] ws2 = {0.01, 0.02}, int8[2] none = {0, 0},
 int32[2] zeros = {0, 0}, int64[8] pads = {0, 1, 1, 0, 0, 1, 1, 0}, int64[2] axes = {1, 2},
 float[3] ms = {0.01, 0.02, 0.03}, int8[3] mz = {0, 0, 0}, float soft = {0.00390625},
 int8[2,3] k = {1, 2, 3, -4, -5, 6}, int8 low = {-128}> {
  q = QuantizeLinear(x, s, z)
  qt = Transpose<perm = [0, 3, 1, 2]>(q)
  xr = DequantizeLinear(qt, s, z)
  wr = DequantizeLinear<axis = 0>(w, ws2, none)
  br = DequantizeLinear<axis = 0>(bias, bs, zeros)
  c = Conv(xr, wr, br)
  cq = QuantizeLinear(c, t, v)
  ct = Transpose<perm = [0, 2, 3, 1]>(cq)
  a = Reshape(ct, spread)
  b = Tile(a, twice)
  d = Reshape(b, merge)
  dr = DequantizeLinear(d, t, v)
  l = LeakyRelu<alpha = 0.1>(dr)
  lq = QuantizeLinear(l, s, z)
  lr = DequantizeLinear(lq, s, z)
  pad = Pad(lr, pads)
  pq = QuantizeLinear(pad, s, z)
  pr = DequantizeLinear(pq, s, z)
  mean = ReduceMean<axes = [1, 2], keepdims = 0>(pr)
  mq = QuantizeLinear(mean, s, z)
  mr = DequantizeLinear(mq, s, z)
  kr = DequantizeLinear<axis = 1>(k, ms, mz)
  p = MatMul(mr, kr)
  o = QuantizeLinear(p, t, v)
  or = DequantizeLinear(o, t, v)
  soft_max = Softmax(or)
  sq = QuantizeLinear(soft_max, soft, low)
  y = DequantizeLinear(sq, soft, low)
}""",
    # A tensor whose channels have scales of their own, at the edges and between functions.
    "scales per axis": """
g (float[1,2,2,2] x, uint8[2,3] b) => (int8[1,2,2,2] y, float[2,3] o, int8[2,3] e)
<CONSTANTS, float[2] ss = {0.1, 0.02}, int8[2] zs = {5, -7}, uint8[2] us = {100, 7}> {
  y = QuantizeLinear<axis = 1>(x, ss, zs)
  o = DequantizeLinear<axis = 0>(b, ss, us)
  r = Sigmoid(o)
  e = QuantizeLinear(r, ws, n)
}""",
}
OPSETS = {"torch dynamo": 18}


def parse(form: str) -> onnx.ModelProto:
    text = FORMS[form].replace("CONSTANTS", CONSTANTS)
    return onnx.parser.parse_model(HEADER.format(opset=OPSETS.get(form, 17)) + text)


@pytest.mark.parametrize("form", FORMS)
def test_form(compiler: str, seed: int, form: str) -> None:
    check(parse(form), seed)


def test_several_scales_in_the_header(compiler: str, tmp_path: Path) -> None:
    network = bitnn.compile(parse("brevitas"))
    network.save(tmp_path / "b.o")
    header = (tmp_path / "b.h").read_text()
    assert "Y_SCALES \\\n  {" in header and "per entry of dimension 1." in header
    (cut,) = network.outputs
    scales = np.float32(0.1) * np.asarray([0.01, 0.02], np.float32)
    np.testing.assert_array_equal(cut.scale, scales)


def test_a_residual_that_is_not_quantized_is_refused(compiler: str) -> None:
    """Brevitas with nothing but quantized inputs of layers."""
    form = """
g (int8[1,2,2,2] x) => (int8[1,2,2,2] y) <CONSTANTS> {
  xr = DequantizeLinear(x, s, z)
  wr = DequantizeLinear(w, ws, n)
  c = Conv(xr, wr)
  q = QuantizeLinear(c, t, v)
  qr = DequantizeLinear(q, t, v)
  d = Conv(qr, wr)
  [residual] a = Add(d, c)
  y = QuantizeLinear(a, t, v)
}"""
    model = onnx.parser.parse_model(HEADER.format(opset=17) + form.replace("CONSTANTS", CONSTANTS))
    with pytest.raises(BitnnError, match="Add 'residual': its operands are not both") as caught:
        bitnn.compile(model)
    assert len(str(caught.value).splitlines()) == 1


# --- The packages themselves --------------------------------------------------------------------


def check_file(path: Path, seed: int) -> None:
    """The compiled network equals the reference, and that onnxruntime, operator by operator."""
    model = onnx.load(path)
    check(model, seed)
    reference, rng = Reference(model), np.random.default_rng(seed)
    samples = [random_input(rng, reference) for _ in range(3)]
    opinion = compare_operators(model, reference, samples)
    assert not opinion.different and opinion.compared, f"--seed={seed}: {opinion}"


@pytest.mark.parametrize("dynamo", [False, True], ids=["script", "dynamo"])
def test_torch(compiler: str, tmp_path: Path, seed: int, dynamo: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing is exported")
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed: no dynamo export")
    torch.manual_seed(seed)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
            self.norm = torch.nn.BatchNorm2d(4)
            self.linear = torch.nn.Linear(4, 5)

        def forward(self, x: Any) -> Any:  # noqa: ANN401 - a tensor of an optional package
            fake = torch.fake_quantize_per_tensor_affine
            scales, zeros = torch.full((4,), 0.01), torch.zeros(4, dtype=torch.int32)
            weights = torch.fake_quantize_per_channel_affine(
                self.conv.weight, scales, zeros, 0, -128, 127
            )
            x = fake(x, 0.02, 0, -128, 127)
            y = self.norm(torch.conv2d(x, weights, self.conv.bias, padding=1))
            y = fake(torch.nn.functional.hardswish(y), 0.02, -100, -128, 127)
            y = fake(y.mean((2, 3)), 0.01, 0, -128, 127)
            weights = fake(self.linear.weight, 0.004, 0, -128, 127)
            return torch.nn.functional.linear(y, weights, self.linear.bias)

    path = tmp_path / "torch.onnx"
    torch.onnx.export(
        Net().eval(), (torch.randn(1, 3, 8, 8),), str(path), dynamo=dynamo, opset_version=18
    )
    check_file(path, seed)


@pytest.mark.parametrize("bits", [8, 4])
def test_brevitas(compiler: str, tmp_path: Path, seed: int, bits: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing is exported")
    layers = pytest.importorskip("brevitas.nn", reason="Brevitas is not installed")
    export = pytest.importorskip("brevitas.export", reason="Brevitas cannot export")
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        layers.QuantIdentity(),
        layers.QuantConv2d(3, 4, 3, weight_bit_width=bits),
        layers.QuantReLU(bit_width=bits),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        layers.QuantLinear(36, 5, bias=True, weight_bit_width=bits),
    )
    net(torch.randn(4, 3, 8, 8))
    path = tmp_path / "brevitas.onnx"
    sample = torch.randn(1, 3, 8, 8)
    export.export_onnx_qcdq(net.eval(), args=sample, export_path=str(path), opset_version=17)
    check_file(path, seed)


def test_tf2onnx(compiler: str, tmp_path: Path, seed: int) -> None:
    tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    tf2onnx = pytest.importorskip("tf2onnx", reason="tf2onnx is not installed")
    tf.random.set_seed(seed)
    k = tf.keras.layers
    start = k.Input((8, 8, 3), batch_size=1)
    x = k.ReLU(6.0)(k.Conv2D(4, 3, strides=2, padding="same")(start))
    x = k.Add()([x, k.DepthwiseConv2D(3, padding="same")(x)])
    end = k.Softmax()(k.Dense(5)(k.GlobalAveragePooling2D()(k.UpSampling2D(2)(x))))
    rng = np.random.default_rng(seed)
    images = [[rng.normal(0, 1, (1, 8, 8, 3)).astype(np.float32)] for _ in range(8)]
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(start, end))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(images)
    (tmp_path / "net.tflite").write_bytes(converter.convert())
    path = tmp_path / "net.onnx"
    tf2onnx.convert.from_tflite(str(tmp_path / "net.tflite"), opset=17, output_path=str(path))
    check_file(path, seed)

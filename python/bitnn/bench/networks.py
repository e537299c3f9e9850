# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layer networks for the benchmark: one operator, or a chain of equal ones, as ONNX QDQ.

Activations are uint8 with zero point 0, as behind a ReLU, with a DequantizeLinear for every reader;
weights are int8 with a scale per output channel: the form that onnxruntime fuses everywhere. Fewer
bits of activations are a Clip behind each quantization, as the training front end exports them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bitnn.values import Array

# Root mean square of a uint8 activation, about; the scales keep it there along a chain.
RMS = 100.0
INPUT_SCALE = np.float32(0.0173)


@dataclass(frozen=True)
class LayerShape:
    """One layer: `channels` in and out; `size` is its square image, 0 for a fully connected one."""

    name: str
    channels: int
    size: int
    kernel: int = 3
    depthwise: bool = False

    @property
    def weights(self) -> tuple[int, ...]:
        """Shape of the weights: outputs, inputs of a group, and the kernel's rows and columns."""
        inputs = 1 if self.depthwise else self.channels
        window = (self.kernel, self.kernel) if self.size else ()
        return (self.channels, inputs, *window)

    @property
    def image(self) -> tuple[int, ...]:
        return (1, self.channels, self.size, self.size) if self.size else (1, self.channels)

    @property
    def positions(self) -> int:
        """How often the weights are applied."""
        return self.size**2 or 1

    @property
    def values(self) -> int:
        """Elements of the padded input and of the output."""
        if not self.size:
            return 2 * self.channels
        padded = self.size + self.kernel // 2 * 2
        return self.channels * (padded**2 + self.size**2)


SHAPES = (
    LayerShape("c16_32", 16, 32),
    LayerShape("c32_16", 32, 16),
    LayerShape("c64_8", 64, 8),
    LayerShape("c64_32", 64, 32),
    LayerShape("c128_16", 128, 16),
    LayerShape("pw64_24", 64, 24, kernel=1),
    LayerShape("dw64_24", 64, 24, depthwise=True),
    LayerShape("fc256", 256, 0),
)
DENSITIES = ("dense", "0.6", "0.3", "0.15")
SPARSE = ("0.08", "0.04", "0.02")


def draw_weights(rng: np.random.Generator, shape: tuple[int, ...], density: str) -> Array:
    """int8 weights: uniform noise for "dense", else with exactly that many CSD digits per weight.

    Digits are dropped at random from noise whose digits are all below 2^7, so that what is left
    of a weight is int8 and still canonical.
    """
    if density == "dense":
        return rng.integers(-127, 128, shape).astype(np.int8)
    count = int(np.prod(shape))
    kept = round(float(density) * count)
    digits = csd_digits(rng.integers(-85, 86, count))
    places = np.argwhere(digits)
    if kept > len(places):
        raise ValueError(f"{density} digits per weight are more than there are to drop from")
    dropped = rng.permutation(len(places))[kept:]
    digits[tuple(places[dropped].T)] = 0
    return (digits @ (1 << np.arange(digits.shape[1]))).reshape(shape).astype(np.int8)


def csd_digits(weights: Array) -> Array:
    """The canonical signed digits of integers: (count, 9), the lowest first."""
    rest = np.asarray(weights, np.int64).ravel()
    places = []
    for _ in range(9):
        # An odd number gets the digit that makes the rest divisible by four.
        digit = np.where(rest & 1, 2 - (rest & 3), 0)
        places.append(digit)
        rest = (rest - digit) >> 1
    return np.stack(places, axis=1)


def layer_network(
    shape: LayerShape, density: str, chain: int = 1, activation_bits: int = 8
) -> onnx.ModelProto:
    """`chain` layers of one shape, each with weights of its own.

    The weights are the same at every call and for all activations, of 1 to 8 bits.
    """
    rng = np.random.default_rng(zlib.crc32(f"{shape.name} {density}".encode()))
    constants: dict[str, Array] = {"scale": np.asarray(INPUT_SCALE), "zero": np.uint8(0)}
    nodes = []

    def node(op: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(op, inputs, [output], f"{output}_{op}", **attributes))
        return output

    def clipped(x: str) -> str:
        """The tensor within the activations' bits."""
        if activation_bits == 8:
            return x
        constants["lower"] = np.uint8(0)
        constants["upper"] = np.uint8(2**activation_bits - 1)
        return node("Clip", [x, "lower", "upper"], f"{x}.clipped")

    coarser = 2 ** (8 - activation_bits)
    x = clipped("input")
    for index in range(chain):
        name = f"layer{index}"
        weights = draw_weights(rng, shape.weights, density)
        norm = np.sqrt((weights.astype(np.float64) ** 2).reshape(len(weights), -1).sum(axis=1))
        # A standard deviation of RMS steps at the output, whose scale is the input's.
        scale = (RMS / (128 * np.maximum(norm, 1)) * rng.uniform(0.7, 1.4, len(norm))).astype("f4")
        constants |= {
            f"{name}.weight": weights,
            f"{name}.weight_scale": scale,
            f"{name}.weight_zero": np.zeros(len(norm), np.int8),
            f"{name}.bias": rng.integers(-2000, 2001, len(norm)).astype(np.int32) // coarser,
            f"{name}.bias_scale": INPUT_SCALE * scale,
            f"{name}.bias_zero": np.zeros(len(norm), np.int32),
        }
        real = node("DequantizeLinear", [x, "scale", "zero"], f"{name}.x")
        w, b = (
            node(
                "DequantizeLinear",
                [f"{name}.{part}", f"{name}.{part}_scale", f"{name}.{part}_zero"],
                f"{name}.{part}_real",
                axis=0,
            )
            for part in ("weight", "bias")
        )
        if shape.size:
            half = shape.kernel // 2
            group = shape.channels if shape.depthwise else 1
            y = node("Conv", [real, w, b], f"{name}.y", pads=[half] * 4, group=group)
        else:
            y = node("Gemm", [real, w, b], f"{name}.y", transB=1)
        x = clipped(node("QuantizeLinear", [y, "scale", "zero"], f"{name}.out"))
    nodes[-1].output[0] = "output"
    graph = helper.make_graph(
        nodes,
        shape.name,
        [helper.make_tensor_value_info("input", TensorProto.UINT8, shape.image)],
        [helper.make_tensor_value_info("output", TensorProto.UINT8, shape.image)],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="bitnn"
    )

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The integer model as an ONNX graph in QDQ form, node by node.

Activations are uint8 (signed ones with zero point 128), weights int8 with one scale per output,
biases int32 with the scale input step * weight scale. Fewer than 8 bits stay in 8-bit containers,
clipped. Every reader has a DequantizeLinear of its own: runtimes fuse only then.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn

from bitnn.errors import BitnnError
from bitnn.training import operations as ops
from bitnn.training.layers import QuantizedLayer, QuantizedLinear
from bitnn.training.operators import (
    QuantizedActivation,
    QuantizedAdd,
    QuantizedAvgPool,
    QuantizedConcat,
    Reshape,
)
from bitnn.training.quantizers import ActivationQuantizer
from bitnn.values import Array

OPSET = 17
IR_VERSION = 8


class OnnxWriter:
    """Writes a prepared model's graph; `integers` maps its nodes to their uint8 tensors' names."""

    def __init__(self, model: fx.GraphModule, sample_shape: Sequence[int]) -> None:
        self.model, self.sample_shape = model, sample_shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.integers: dict[fx.Node, str] = {}
        self.quantizers: dict[str, ActivationQuantizer] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self._readers: dict[str, int] = {}

    def write(self, output_shapes: dict[str, Sequence[int]]) -> onnx.ModelProto:
        """The model; the shapes are those of its float outputs without the batch, by name."""
        for node in self.model.graph.nodes:
            if node.op == "placeholder":
                self.inputs.append(_edge(str(node.target), self.sample_shape[1:]))
            elif node.op == "output":
                self._outputs(node, output_shapes)
            else:
                self._module(node, self.model.get_submodule(str(node.target)))
        graph = helper.make_graph(
            self.nodes, "bitnn", self.inputs, self.outputs, list(self.constants.values())
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(
            graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="bitnn"
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    # --- Operators ------------------------------------------------------------------------------

    def _module(self, node: fx.Node, module: nn.Module) -> None:
        path = str(node.target)
        operands = [argument for argument in node.args if isinstance(argument, fx.Node)]
        if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d):
            self.integers[node] = self.integers[operands[0]]
            return
        if operands[0].op == "placeholder":
            real = [str(operands[0].target)]
        else:
            real = [self._dequantized(self.integers[operand], path) for operand in operands]
        result = f"{path}.real"
        quantizer = getattr(module, "output", None)
        if isinstance(module, QuantizedLayer):
            self._layer(path, module, real[0], result)
        elif isinstance(module, QuantizedActivation):
            result = self._activation(path, module, real[0], result)
        elif isinstance(module, QuantizedAdd):
            self._node("Add", path, real, result)
        elif isinstance(module, QuantizedAvgPool):
            self._average(path, module, real[0], result)
        else:
            quantizer = self.quantizers[self.integers[operands[0]]]
            self._movement(path, module, real, result)
        self.integers[node] = self._quantized(path, result, quantizer)

    def _layer(self, path: str, layer: QuantizedLayer, x: str, y: str) -> None:
        integers = layer.integers()
        scale = integers.scale.cpu().numpy()
        bias_scale = integers.input_step.cpu().numpy() * scale
        weight = integers.weight.cpu().numpy().astype(np.int8)
        w = self._dequantized_constant(f"{path}.weight", weight, scale)
        bias = integers.bias.cpu().numpy().astype(np.int32)
        b = self._dequantized_constant(f"{path}.bias", bias, bias_scale)
        if isinstance(layer, QuantizedLinear):
            self._node("Gemm", path, [x, w, b], y, transB=1)
            return
        self._node(
            "Conv",
            path,
            [x, w, b],
            y,
            kernel_shape=layer.kernel_size,
            strides=layer.stride,
            pads=(*layer.padding, *layer.padding),
            dilations=layer.dilation,
            group=layer.groups,
        )

    def _activation(self, path: str, module: QuantizedActivation, x: str, y: str) -> str:
        if module.slope is None:
            return x
        self._node("LeakyRelu", path, [x], y, alpha=module.slope)
        return y

    def _average(self, path: str, pool: QuantizedAvgPool, x: str, y: str) -> None:
        if pool.kernel_size is None:
            self._node("GlobalAveragePool", path, [x], y)
            return
        self._node(
            "AveragePool",
            path,
            [x],
            y,
            kernel_shape=pool.kernel_size,
            strides=pool.stride,
            pads=(*pool.padding, *pool.padding),
            count_include_pad=int(pool.count_include_pad),
        )

    def _movement(self, path: str, module: nn.Module, x: list[str], y: str) -> None:
        """Operators that keep the step and move or select integers."""
        if isinstance(module, QuantizedConcat):
            self._node("Concat", path, x, y, axis=module.dim)
        elif isinstance(module, nn.Flatten):
            self._node("Flatten", path, x, y, axis=1)
        elif isinstance(module, Reshape):
            shape = self._constant(f"{path}.shape", np.array([0, *module.tail], np.int64))
            self._node("Reshape", path, [*x, shape], y)
        elif isinstance(module, nn.MaxPool1d | nn.MaxPool2d):
            rank = 1 if isinstance(module, nn.MaxPool1d) else 2
            pads = ops.extents(module.padding, rank)
            self._node(
                "MaxPool",
                path,
                x,
                y,
                kernel_shape=ops.extents(module.kernel_size, rank),
                strides=ops.extents(module.stride, rank),
                pads=pads + pads,
                dilations=ops.extents(module.dilation, rank),
            )
        else:
            raise BitnnError(f"{path} ({type(module).__name__}) was not made by bitnn.prepare")

    def _outputs(self, node: fx.Node, shapes: dict[str, Sequence[int]]) -> None:
        for name, source in zip(shapes, output_nodes(node), strict=True):
            integers = self.integers[source]
            scale, zero = self._parameters(self.quantizers[integers])
            self._node("DequantizeLinear", f"{name}.dequantize", [integers, scale, zero], name)
            self.outputs.append(_edge(name, shapes[name]))

    # --- Quantization ---------------------------------------------------------------------------

    def _quantized(self, path: str, real: str, quantizer: ActivationQuantizer) -> str:
        scale, zero = self._parameters(quantizer)
        self.quantizers[path] = quantizer
        full = quantizer.bits == 8
        wide = path if full else f"{path}.wide"
        self._node("QuantizeLinear", f"{path}.quantize", [real, scale, zero], wide)
        if not full:
            bounds = [quantizer.lower, quantizer.upper]
            limits = [
                self._constant(f"{path}.{name}", np.uint8(bound + quantizer.zero_point))
                for name, bound in zip(("min", "max"), bounds, strict=True)
            ]
            self._node("Clip", f"{path}.clip", [wide, *limits], path)
        return path

    def _dequantized(self, integers: str, reader: str) -> str:
        scale, zero = self._parameters(self.quantizers[integers])
        count = self._readers[integers] = self._readers.get(integers, 0) + 1
        name = f"{integers}.for.{reader}.{count}"
        self._node("DequantizeLinear", f"{name}.dequantize", [integers, scale, zero], name)
        return name

    def _dequantized_constant(self, name: str, integers: Array, scale: Array) -> str:
        q = self._constant(f"{name}.integers", integers)
        s = self._constant(f"{name}.scale", scale.astype(np.float32))
        # Optional, but onnxruntime runs a Gemm in integers only if the weights have it.
        z = self._constant(f"{name}.zero_point", np.zeros(len(integers), integers.dtype))
        self._node("DequantizeLinear", f"{name}.dequantize", [q, s, z], name, axis=0)
        return name

    def _parameters(self, quantizer: ActivationQuantizer) -> tuple[str, str]:
        """Names of step and zero point; quantizers with the same share them."""
        step = np.float32(quantizer.value().cpu().numpy())
        scale = self._constant(f"step.{float(step).hex()}", step)
        zero = np.uint8(quantizer.zero_point)
        return scale, self._constant(f"zero_point.{zero}", zero)

    def _constant(self, name: str, value: Array) -> str:
        self.constants.setdefault(name, numpy_helper.from_array(np.asarray(value), name))
        return name

    def _node(
        self, kind: str, name: str, inputs: list[str], output: str, **attributes: object
    ) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))


def output_nodes(node: fx.Node) -> list[fx.Node]:
    """The nodes that an output node returns, in order, whatever holds them."""
    found: list[fx.Node] = []
    fx.map_arg(node.args[0], found.append)
    return found


def _edge(name: str, extents: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *extents])

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A trained model as an ONNX file, written only if every integer of it was seen to be right."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, fx

from bitnn.errors import BitnnError
from bitnn.peers import FLOAT, Session
from bitnn.reference import Reference, Trace
from bitnn.training.files import replace_file
from bitnn.training.layers import QuantizedLinear, iter_quantized_layers
from bitnn.training.onnx_writer import OnnxWriter, output_nodes
from bitnn.values import Array

# The reference evaluates in 64-bit integers, without a fast matrix product.
REFERENCE_SAMPLES = 4


def export(model: fx.GraphModule, sample: Tensor, path: str | Path) -> onnx.ModelProto:
    """Write a model made by `prepare` as quantized ONNX, and return it.

    sample: a batch of real inputs. Each integer that the model, onnxruntime and the reference
    compute for it (the reference: for the first of them) must be the same, and every layer must run
    in integers in onnxruntime; otherwise a BitnnError names the first that is not, and nothing is
    written. The batch of the exported model is symbolic.
    """
    deployed = copy.deepcopy(model).cpu().eval()
    if not any(True for _ in iter_quantized_layers(deployed)):
        raise BitnnError("the model has no quantized layers: give what bitnn.prepare returned")
    sample = sample.detach().cpu().float()
    result, integers = to_onnx(deployed, sample)
    verify(deployed, result, sample, integers)
    _write(Path(path), result.SerializeToString())
    return result


def to_onnx(model: fx.GraphModule, sample: Tensor) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """The ONNX model of a prepared model in eval mode, and its uint8 tensors for the sample."""
    values = _Values(model)
    outputs = values.run(sample)
    end = next(node for node in model.graph.nodes if node.op == "output")
    names = _output_names(outputs)
    shapes = {
        name: values.seen[node].shape[1:]
        for name, node in zip(names, output_nodes(end), strict=True)
    }
    writer = OnnxWriter(model, sample.shape)
    result = writer.write(shapes)
    integers = {}
    for node, name in writer.integers.items():
        quantizer = writer.quantizers[name]
        q = (values.seen[node] / quantizer.value()).round() + quantizer.zero_point
        integers[name] = q.numpy().astype(np.uint8)
    return result, integers


def verify(
    model: fx.GraphModule, exported: onnx.ModelProto, sample: Tensor, integers: Mapping[str, Array]
) -> None:
    """Refuse a model that is not the same integers everywhere, or has a layer in float."""
    inputs = {exported.graph.input[0].name: sample.numpy()}
    _check_fused(model, Session(exported, optimize=True))
    everything = Session(_with_outputs(exported, integers), optimize=True)
    _check_fused(model, everything)
    found = everything(inputs)
    _check_equal("onnxruntime", integers, found)

    few = {name: array[:REFERENCE_SAMPLES] for name, array in inputs.items()}
    trace = Trace()
    Reference(exported)(few, trace)
    wanted = {name: array[:REFERENCE_SAMPLES] for name, array in integers.items()}
    _check_equal("the reference", wanted, trace.integers)


class _Values(fx.Interpreter):
    """Runs a model and keeps the value of every node."""

    def __init__(self, model: fx.GraphModule) -> None:
        super().__init__(model, garbage_collect_values=False)
        self.seen: dict[fx.Node, Tensor] = {}

    @torch.no_grad()
    def run_node(self, n: fx.Node) -> object:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.seen[n] = result
        return result


def _output_names(outputs: object) -> list[str]:
    if isinstance(outputs, dict):
        return [str(name) for name in outputs]
    if isinstance(outputs, Tensor):
        return ["output"]
    return [f"output_{i}" for i in range(len(outputs))]


def _with_outputs(exported: onnx.ModelProto, integers: Mapping[str, Array]) -> onnx.ModelProto:
    """The model with its uint8 tensors as further outputs."""
    probed = onnx.ModelProto()
    probed.CopyFrom(exported)
    for name, array in integers.items():
        kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        shape = ["N", *array.shape[1:]]
        probed.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    return probed


def _check_fused(model: fx.GraphModule, session: Session) -> None:
    linear = sum(isinstance(layer, QuantizedLinear) for _, layer in iter_quantized_layers(model))
    convolutions = sum(True for _ in iter_quantized_layers(model)) - linear
    in_float = sum(session.operators[kind] for kind in FLOAT)
    if session.operators["QLinearConv"] == convolutions and not in_float:
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(session.operators.items()))
    raise BitnnError(
        f"onnxruntime does not run all {convolutions} convolutions and {linear} matrix products in"
        f" integers, nothing was written; it runs {kinds}"
    )


def _check_equal(who: str, integers: Mapping[str, Array], found: Mapping[str, Array]) -> None:
    for name, wanted in integers.items():
        if name not in found:
            raise BitnnError(f"{who} has no tensor '{name}'; nothing was written")
        different = int((wanted != found[name]).sum())
        if different:
            raise BitnnError(
                f"'{name}': {different} of {wanted.size} integers differ between the model and"
                f" {who}; nothing was written. Please report this with the model"
            )


def _write(path: Path, content: bytes) -> None:
    try:
        replace_file(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise BitnnError(f"cannot write {path}: {error.strerror}") from error

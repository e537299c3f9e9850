# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The node tests of ONNX, as models with constant weights.

In the node tests every operand is an input of the graph. bitnn compiles constants, so everything
but the activations is frozen into initializers, with the values of the data set.

    python python/tests/onnx_node_tests.py DATA > python/tests/onnx_node_tests.tsv

writes the table of all outcomes anew; DATA is the folder onnx-node-tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

import bitnn
from bitnn import BitnnError
from bitnn.values import Array

# Operators whose second operand is an activation too.
TWO_ACTIVATIONS = {"Add", "BitShift", "Div", "Max", "Min", "Mod", "Mul", "Sub"}


def read(folder: Path, what: str) -> list[Array]:
    """The tensors input_0.pb, input_1.pb, .. or output_0.pb, .. of a data set."""
    paths = sorted(folder.glob(f"{what}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())) for path in paths]


def freeze(model: onnx.ModelProto, inputs: list[Array]) -> dict[str, Array]:
    """Make initializers of all inputs but the activations, which are returned."""
    graph = model.graph
    count = 2 if graph.node[0].op_type in TWO_ACTIVATIONS else 1
    arrays = dict(zip([edge.name for edge in graph.input], inputs, strict=True))
    activations = {edge.name: arrays.pop(edge.name) for edge in graph.input[:count]}
    graph.initializer.extend(numpy_helper.from_array(x, name) for name, x in arrays.items())
    del graph.input[count:]
    return activations


def outcome(folder: Path) -> str:
    """What the compiler makes of a node test: "pass", "refused: REASON" or "wrong: COUNT"."""
    model = onnx.load(folder / "model.onnx")
    data = folder / "test_data_set_0"
    inputs, outputs = freeze(model, read(data, "input")), read(data, "output")
    try:
        network = bitnn.compile(model)
        results = network.run([inputs])[0]
    except BitnnError as error:
        # The first node that cannot be taken, without the remedy.
        reason = str(error).splitlines()[0].removeprefix("model.onnx: error: ").split(";")[0]
        return f"refused: {reason}"
    wrong = 0
    for edge, right in zip(model.graph.output, outputs, strict=True):
        got = results[edge.name]
        if got.dtype != right.dtype or got.shape != right.shape:
            return f"wrong: {got.shape} {got.dtype} instead of {right.shape} {right.dtype}"
        wrong += int(np.count_nonzero(got != right))
    return f"wrong: {wrong} values" if wrong else "pass"


def outcomes(data: Path) -> dict[str, str]:
    """The outcome of every node test in a folder, by name."""
    return {path.parent.name: outcome(path.parent) for path in sorted(data.glob("*/model.onnx"))}


if __name__ == "__main__":
    print("test\toutcome")
    for test, result in outcomes(Path(sys.argv[1])).items():
        print(f"{test}\t{result}")

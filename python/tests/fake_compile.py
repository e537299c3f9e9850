# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A stand-in for bitnn-compile that knows elementwise networks with one input.

Each output is a 256-entry table, which the reference computes. $FAKE_FAULT names a tensor whose
table gets one wrong entry, and everything behind it with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from bitnn.errors import BitnnError
from bitnn.reference import Reference

FLAGS = {
    "host": ["cc", "-shared", "-fPIC"],
    "aarch64": ["clang-22", "--target=aarch64-unknown-linux-gnu", "-c"],
    "rv32i": ["clang-22", "--target=riscv32-unknown-elf", "-march=rv32i", "-mabi=ilp32", "-c"],
}


def main(arguments: list[str]) -> None:
    options = {"--target": "host", "--schedule": "auto"}
    position = 0
    while position < len(arguments):
        name, _, value = arguments[position].partition("=")
        if name == "-o":
            position += 1
            options["-o"] = arguments[position]
        elif name in ("--target", "--schedule", "--report", "--outputs"):
            options[name] = value
        elif name.startswith("-"):
            raise BitnnError(f"unknown option '{name}'")
        else:
            options["model"] = name
        position += 1
    if options["--target"] not in FLAGS:
        raise BitnnError(f"{options['model']}: unknown target '{options['--target']}'")
    write(options)


def write(options: dict[str, str]) -> None:
    reference = Reference(options["model"])
    graph = reference.graph
    quantized = [node for node in graph.nodes if node.op == "QuantizeLinear"]
    cut = quantized[0].outputs[0]
    names = [name for name in options.get("--outputs", "").split(",") if name]
    ends = names or [graph.outputs[0].name]
    tensors = names or [quantized[-1].outputs[0]]
    codes = np.arange(256, dtype=np.uint8)
    fault = os.environ.get("FAKE_FAULT")
    given = {cut: codes}
    if fault:
        wrong = reference.evaluate(given, [fault])[fault]
        given = {**given, fault: wrong ^ (codes == 120)}
    values = reference.evaluate(given, tensors)
    shape = [1, 3, 4, 2]
    size = int(np.prod(shape))
    arguments = ", ".join(f"unsigned char *out{i}" for i in range(len(tensors)))
    lines = [f"void fake_run(const unsigned char *in, {arguments}, void *scratch) {{"]
    lines += ["  (void)scratch;"]
    for index, name in enumerate(tensors):
        table = ", ".join(map(str, values[name].view(np.uint8)))
        lines += [f"  static const unsigned char t{index}[256] = {{{table}}};"]
        lines += [f"  for (int i = 0; i < {size}; ++i) out{index}[i] = t{index}[in[i]];"]
    source = Path(options["-o"] + ".c")
    source.write_text("\n".join([*lines, "}", ""]))
    command = [*FLAGS[options["--target"]], "-O1", str(source), "-o", options["-o"]]
    subprocess.run(command, check=True)
    if "--report" in options:
        edge = {"element": "uint8", "shape": shape, "scale": 0.5, "zero_point": 100}
        outputs = [
            {**edge, "name": end, "tensor": tensor, "float": not names}
            for end, tensor in zip(ends, tensors, strict=True)
        ]
        report = {
            "name": "fake",
            "inputs": [{**edge, "name": graph.inputs[0].name, "tensor": cut, "float": True}],
            "outputs": outputs,
        }
        Path(options["--report"]).write_text(json.dumps(report))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BitnnError as error:
        sys.exit(f"bitnn-compile: error: {error}")

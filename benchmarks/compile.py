# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Time and memory of compilations, beside the size of the network.

The networks are chains of 3x3 convolutions with dense random int8 weights, the worst that can come:
every digit of every weight becomes code. Processor time is that of all threads; the peak is that of
the compiler's process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[1]
# Layers and channels: about 100,000, 300,000 and 1,000,000 digits.
NETWORKS = ((1, 64), (3, 64), (10, 64))
HEADER = (
    "digits",
    "adds",
    "target",
    "threads",
    "CPU s",
    "wall s",
    "us/add",
    "peak MB",
    "object MB",
)
WIDTHS = (10, 10, 12, 8, 8, 8, 8, 9, 10)


def make_network(layers: int, channels: int, size: int, seed: int) -> onnx.ModelProto:
    """A chain of `layers` convolutions of `channels` channels on images of `size` x `size`."""
    rng = np.random.default_rng(seed)
    shape = [1, channels, size, size]
    constants, nodes = [], []

    def constant(name: str, values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(values, name))
        return name

    scale = constant("scale", np.float32(0.05))
    zero = constant("zero", np.uint8(128))
    weight_zero = constant("weight_zero", np.int8(0))
    # A sum of 9 x channels products of random weights keeps the spread of its inputs.
    spread = float(np.sqrt(9 * channels * (127**2) / 3))
    weight_scale = constant("weight_scale", np.float32(1 / spread))
    for index in range(layers):
        weights = rng.integers(-127, 128, (channels, channels, 3, 3)).astype(np.int8)
        bias = rng.integers(-1000, 1001, channels).astype(np.int32)
        inputs = [f"x{index}", scale, zero, constant(f"w{index}", weights), weight_scale]
        inputs += [weight_zero, scale, zero, constant(f"b{index}", bias)]
        nodes.append(
            helper.make_node(
                "QLinearConv", inputs, [f"x{index + 1}"], name=f"conv{index}", pads=[1, 1, 1, 1]
            )
        )
    ends = [
        helper.make_tensor_value_info(f"x{index}", TensorProto.UINT8, shape)
        for index in (0, layers)
    ]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def measure(compiler: Path, model: Path, options: list[str]) -> dict[str, float]:
    """One compilation: its report, with `cpu`, `wall` (seconds) and `peak` (bytes)."""
    report = model.with_suffix(".json")
    command = [compiler, model, "-o", model.with_suffix(".o"), f"--report={report}", *options]
    start = time.monotonic()
    process = os.posix_spawn(
        compiler,
        [str(part) for part in command],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    wall = time.monotonic() - start
    if status:
        raise SystemExit(f"compile: '{' '.join(map(str, command))}' failed")
    measured = json.loads(report.read_text())
    measured["cpu"] = usage.ru_utime + usage.ru_stime
    measured["wall"] = wall
    measured["peak"] = usage.ru_maxrss * 1024
    return measured


def line(*cells: str) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench compile", description=__doc__)
    parser.add_argument("--networks", default=",".join(f"{n}x{c}" for n, c in NETWORKS))
    parser.add_argument("--size", type=int, default=16, help="height and width of the images")
    parser.add_argument("--targets", default="x86-64-v3,rv32i")
    parser.add_argument("--threads", default="1,2", help="values of --threads")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compiler", type=Path, default=ROOT / "build" / "bin" / "bitnn-compile")
    parser.add_argument("--save", type=Path, help="keep the networks in this folder")
    parser.add_argument("options", nargs="*", help="options of bitnn-compile, behind --")
    options = parser.parse_args()
    print(f"chains of 3x3 convolutions, dense random int8, seed {options.seed}\n")
    print(line(*HEADER))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.save or Path(temporary)
        folder.mkdir(exist_ok=True)
        for network in options.networks.split(","):
            layers, channels = map(int, network.split("x"))
            model = folder / f"chain{network}.onnx"
            onnx.save(make_network(layers, channels, options.size, options.seed), model)
            for target in options.targets.split(","):
                for threads in options.threads.split(","):
                    show(target, threads, model, options)
    return 0


def show(target: str, threads: str, model: Path, options: argparse.Namespace) -> None:
    flags = [f"--target={target}", "--schedule=straight-line", *options.options]
    if threads:
        flags.append(f"--threads={threads}")
    report = measure(options.compiler, model, flags)
    digits = sum(layer["digits"] for layer in report["layers"])
    adds = sum(layer["adds"] // layer["positions"] for layer in report["layers"])
    cells = [f"{digits:,}", f"{adds:,}", target, threads or "-"]
    cells += [f"{report['cpu']:.1f}", f"{report['wall']:.1f}", f"{report['cpu'] / adds * 1e6:.1f}"]
    cells += [f"{report['peak'] / 1e6:,.0f}", f"{report['object_bytes'] / 1e6:.1f}"]
    print(line(*cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compile the digits network for this machine and for rv32i, run both, and check every integer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import bitnn
from bitnn import BitnnError, Reference
from bitnn.compiler import Network, find_tool
from bitnn.emulator import count_instructions
from bitnn.npz import read_npz
from bitnn.values import Array

HERE = Path(__file__).resolve().parent
MODEL = HERE / "model.onnx"
OUTPUT = HERE.parents[1] / "build" / "demo"
TARGETS = {"host": "this machine", "rv32i": "rv32i, emulated: no multiplier, no divider"}


def main() -> int:
    heldout = read_npz(HERE / "heldout.npz")
    labels = heldout["label"]
    samples = [{"image": image[None]} for image in heldout["image"]]
    reference = Reference(MODEL)
    expected = [reference.values(sample, ["scores.q"])["scores.q"] for sample in samples]
    print(f"{MODEL.name}: 8x8 digits, int8, {len(samples)} held-out images")
    print(f"the reference in Python is right on {accuracy(expected, labels)}")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for target, name in TARGETS.items():
        print(f"\n== {name}")
        network = bitnn.compile(MODEL, target=target)
        integers = [network.cut_inputs(sample) for sample in samples]
        scores = [outputs[0] for outputs in network.run_integers(integers)]
        equal = sum(np.array_equal(a, b) for a, b in zip(scores, expected, strict=True))
        print(f"accuracy:       {accuracy(scores, labels)}")
        describe(network)
        if network.program:
            counts = count_instructions(network, samples[0])
            products = sum(
                counts[name] for name in counts if name.startswith(("mul", "div", "rem"))
            )
            print(
                f"instructions:   {sum(counts.values()):,} per image, {products} multiply or divide"
            )
        print(f"integers:       equal to the reference on {equal} of {len(samples)} images")
        if equal != len(samples):
            print("demo: the integers differ from the reference", file=sys.stderr)
            return 1
    print("\n== from C, with the header and the object alone")
    return classify_in_c(heldout["image"][0], int(expected[0].argmax()))


def describe(network: Network) -> None:
    report = network.report
    adds, macs = report["adds"], report["macs"]
    scratch, alignment = network.scratch
    print(f"adds:           {adds:,} per image instead of {macs:,} multiplications")
    print(f"adds per MAC:   {adds / macs:.2f}")
    code, tables = report["code_bytes"], report["data_bytes"]
    print(f"object:         {code:,} bytes of code, {tables:,} of tables")
    print(f"scratch:        {scratch:,} bytes, aligned to {alignment}")


def accuracy(scores: list[Array], labels: Array) -> str:
    right = sum(int(y.argmax()) == int(label) for y, label in zip(scores, labels, strict=True))
    return f"{right} of {len(labels)} images ({right / len(labels):.2%})"


def classify_in_c(image: Array, expected: int) -> int:
    """Build main.c against the generated header and run it on one image."""
    grey = np.rint(image * 16).astype(np.uint8)
    (OUTPUT / "image.bin").write_bytes(grey.tobytes())
    shutil.copy(HERE / "main.c", OUTPUT)
    print(f"$ cd {os.path.relpath(OUTPUT)}")
    commands = [
        [os.path.relpath(find_tool(), OUTPUT), os.path.relpath(MODEL, OUTPUT), "-o", "model.o"],
        ["cc", "main.c", "model.o", "-o", "classify"],
        ["./classify", "image.bin"],
    ]
    output = ""
    for command in commands:
        print("$", " ".join(command))
        output = subprocess.run(
            command, cwd=OUTPUT, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    print(output, end="")
    return 0 if output.splitlines()[-1] == f"the image shows a {expected}" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BitnnError, subprocess.CalledProcessError) as error:
        sys.exit(f"demo: {error}")

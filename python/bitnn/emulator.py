# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Machines that are emulated: how to link an object for them, run it and count instructions."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bitnn.errors import BitnnError
from bitnn.values import Array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitnn.compiler import Network

NATIVE = Path(__file__).parent / "native"


@dataclass(frozen=True)
class Machine:
    """Compiler flags of a target and the command that runs its programs."""

    flags: tuple[str, ...]
    emulator: tuple[str, ...]


def _riscv(architecture: str, multiplier: bool) -> Machine:
    # Every extension is off, so that an instruction that is not allowed stops the program.
    cpu = f"rv32,m={str(multiplier).lower()},a=false,f=false,d=false,c=false"
    return Machine(
        ("--target=riscv32-unknown-elf", f"-march={architecture}", "-mabi=ilp32"),
        ("qemu-riscv32", "-cpu", cpu),
    )


MACHINES = {
    "rv32i": _riscv("rv32i", multiplier=False),
    "rv32im": _riscv("rv32im", multiplier=True),
    "aarch64": Machine(("--target=aarch64-unknown-elf",), ("qemu-aarch64", "-cpu", "max")),
}


@dataclass(frozen=True)
class Program:
    """An object linked with the runner."""

    machine: Machine
    path: Path
    output_bytes: tuple[int, ...]

    def run(self, samples: Sequence[Sequence[Array]], *qemu: str) -> list[list[bytes]]:
        """The outputs of every sample (its inputs in the entry function's order)."""
        emulator, *flags = self.machine.emulator
        content = b"".join(array.tobytes() for sample in samples for array in sample)
        finished = subprocess.run(
            [_program(emulator), *flags, *qemu, str(self.path)], input=content, capture_output=True
        )
        size = sum(self.output_bytes)
        if finished.returncode or len(finished.stdout) != size * len(samples):
            raise BitnnError(
                f"{emulator} ended with {_ending(finished.returncode)} after "
                f"{len(finished.stdout) // max(size, 1)} of {len(samples)} samples"
            )
        outputs, position = [], 0
        for _ in samples:
            outputs.append([])
            for length in self.output_bytes:
                outputs[-1].append(finished.stdout[position : position + length])
                position += length
        return outputs


def link(
    machine: Machine,
    target: Path,
    objects: Path,
    entry: str,
    input_bytes: Sequence[int],
    output_bytes: Sequence[int],
    scratch: tuple[int, int],
) -> Program:
    """Link an object with the runner; `scratch` is its size in bytes and its alignment."""
    lists = [
        "".join(f"X({index},{size})" for index, size in enumerate(sizes))
        for sizes in (input_bytes, output_bytes)
    ]
    defines = {
        "RUN": entry,
        "INPUTS(X)": lists[0],
        "OUTPUTS(X)": lists[1],
        "SCRATCH_BYTES": scratch[0],
        "SCRATCH_ALIGNMENT": max(scratch[1], 1),
    }
    command = [
        *(_program("clang-22", "clang"), *machine.flags),
        *("-O1", "-ffreestanding", "-fno-builtin", "-nostdlib", "-static", "-fuse-ld=lld"),
        *(f"-D{name}={value}" for name, value in defines.items()),
        *(str(NATIVE / "runner.c"), str(objects), "-o", str(target)),
    ]
    _checked(command, "linking the runner")
    return Program(machine, target, tuple(output_bytes))


def count_instructions(
    network: Network, inputs: Mapping[str, Array] | None = None
) -> dict[str, int]:
    """Executed instructions of one run, by mnemonic, without the runner's own.

    `network` is compiled for an emulated target; the default input is zero everywhere.
    """
    program = network.program
    if program is None:
        raise BitnnError("instructions can be counted for emulated targets only")
    sample = network.cut_inputs(inputs if inputs is not None else network.zeros())
    with tempfile.TemporaryDirectory(prefix="bitnn-") as folder:
        counts = Path(folder) / "counts"
        program.run([sample], "-plugin", f"{_plugin()},out={counts}")
        lines = counts.read_text().splitlines()
    pairs = (line.split(" ", 1) for line in lines)
    return {mnemonic: int(count) for count, mnemonic in pairs if int(count)}


@functools.cache
def _plugin_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bitnn-")


@functools.cache
def _plugin() -> Path:
    library = Path(_plugin_folder().name) / "insncount.so"
    source = str(NATIVE / "insncount.c")
    command = [_program("cc"), "-O1", "-shared", "-fPIC", source, "-o", str(library)]
    _checked(command, "building the instruction counter")
    return library


def _checked(command: Sequence[str], what: str) -> None:
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        lines = [line for line in finished.stderr.splitlines() if "error" in line]
        raise BitnnError(f"{what} failed: {(lines or ['no message'])[0]}")


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise BitnnError(f"the program '{names[0]}' is not installed")


def _ending(code: int) -> str:
    if code in (132, -4):
        return "an illegal instruction"
    if code in (139, -11):
        return "an access outside its memory"
    return f"exit code {code}"

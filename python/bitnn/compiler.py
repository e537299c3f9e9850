# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compile an ONNX model with bitnn-compile and call it from Python."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from bitnn import emulator
from bitnn.errors import BitnnError
from bitnn.graph import load_graph, load_model
from bitnn.reference import Reference
from bitnn.tools import find_tool
from bitnn.values import Array, Quantized, Value, real

TOOL = "bitnn-compile"
# The processor features of a target's name, as /proc/cpuinfo spells them.
CPU_FEATURES = {
    "x86-64-v2": ("ssse3", "sse4_1", "sse4_2", "popcnt"),
    "x86-64-v3": ("avx2", "bmi1", "bmi2", "fma"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}


@dataclass(frozen=True)
class Cut:
    """An array of the entry function: where the ONNX graph was cut, and how it is quantized."""

    name: str
    tensor: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    scale: Array
    axis: int
    zero_point: int
    is_float: bool
    caller: tuple[str, ...] = ()

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Cut:
        """Read an entry of the report's inputs or outputs."""
        return cls(
            name=entry["name"],
            tensor=entry.get("tensor") or entry["name"],
            dtype=np.dtype(entry.get("element", "int8")),
            shape=tuple(entry["shape"]),
            scale=np.asarray(entry.get("scale", 1), np.float32),
            axis=int(entry.get("axis", 0)),
            zero_point=int(entry.get("zero_point", 0)),
            is_float=bool(entry.get("float", False)),
            caller=tuple(entry.get("caller", ())),
        )

    @property
    def size(self) -> int:
        """Bytes, which are elements."""
        return int(np.prod(self.shape))


@dataclass
class Network:
    """A compiled model: call it with arrays, save it as an object, read its report.

    Inputs and outputs have the names, shapes and element types of the ONNX graph. Operators that
    the report leaves to the caller are applied by the reference evaluator.
    """

    reference: Reference
    report: dict[str, Any]
    inputs: tuple[Cut, ...]
    outputs: tuple[Cut, ...]
    command: list[str]
    program: emulator.Program | None
    library: Path
    _folder: tempfile.TemporaryDirectory[str] = field(repr=False)

    def __post_init__(self) -> None:
        name = self.report.get("name", "model")
        self.entry = f"{name}_run"
        self.scratch = _scratch(self.report)
        self._function = None
        if self.program is None:
            try:
                self._function = getattr(ctypes.CDLL(str(self.library)), self.entry)
            except (OSError, AttributeError) as error:
                raise BitnnError(f"the compiled model cannot be loaded: {error}") from None
            self._function.restype = None

    def __call__(self, *arrays: Array | Mapping[str, Array]) -> Any:  # noqa: ANN401 - see below
        """One inference. A dict gives a dict; arrays in the graph's order give an array, or a
        tuple where the graph has several outputs."""
        if len(arrays) == 1 and isinstance(arrays[0], Mapping):
            return self.run([arrays[0]])[0]
        edges = self.reference.graph.inputs
        if len(arrays) != len(edges):
            raise BitnnError(f"{len(arrays)} arrays were given, the graph has {len(edges)} inputs")
        named = {edge.name: np.asarray(x) for edge, x in zip(edges, arrays, strict=True)}
        outputs = tuple(self.run([named])[0].values())
        return outputs[0] if len(outputs) == 1 else outputs

    def run(self, samples: Sequence[Mapping[str, Array]]) -> list[dict[str, Array]]:
        """Several inferences, in one process where the target is emulated."""
        integers = [self.cut_inputs(sample) for sample in samples]
        pairs = zip(samples, self.run_integers(integers), strict=True)
        return [self.finish(sample, outputs) for sample, outputs in pairs]

    def finish(self, sample: Mapping[str, Array], outputs: Sequence[Array]) -> dict[str, Array]:
        """The graph's outputs from those of the entry function: the caller's operators."""
        given: dict[str, Value] = dict(sample)
        for cut, y in zip(self.outputs, outputs, strict=True):
            given[cut.tensor] = self._value(cut, y)
        return self.reference.evaluate(given, [cut.name for cut in self.outputs])

    def run_integers(self, samples: Sequence[Sequence[Array]]) -> list[list[Array]]:
        """What the entry function itself does, in its order of arguments."""
        if self.program is None:
            return [self._call(sample) for sample in samples]
        return [
            [
                np.frombuffer(y, cut.dtype).reshape(cut.shape)
                for cut, y in zip(self.outputs, outputs, strict=True)
            ]
            for outputs in self.program.run(samples)
        ]

    def cut_inputs(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The integer arrays of the entry function for inputs of the graph."""
        self.reference.check_inputs(inputs)
        values = self.reference.values(inputs, [cut.tensor for cut in self.inputs])
        arrays = []
        for cut in self.inputs:
            q = integers(values[cut.tensor])
            if q.dtype != cut.dtype or q.size != cut.size:
                raise BitnnError(
                    f"the report calls input '{cut.name}' {cut.shape} {cut.dtype}, "
                    f"the graph's tensor '{cut.tensor}' is {q.shape} {q.dtype}"
                )
            arrays.append(np.ascontiguousarray(q))
        return arrays

    def zeros(self) -> dict[str, Array]:
        """Inputs of the graph that are zero everywhere."""
        return {
            edge.name: np.zeros([extent or 1 for extent in edge.shape], edge.dtype)
            for edge in self.reference.graph.inputs
        }

    def save(self, path: str | Path) -> None:
        """Compile again into `path`; its ending says what: .o .a .so .s .ll .mlir."""
        _run([*self.command, "-o", str(path)])

    def _call(self, inputs: Sequence[Array]) -> list[Array]:
        # Everything is local, so that threads can share a network.
        outputs = [np.empty(cut.shape, cut.dtype) for cut in self.outputs]
        size, alignment = self.scratch
        scratch = np.full(size + alignment, 0xA5, np.uint8)
        start = -scratch.ctypes.data % alignment
        self._function(
            *(ctypes.c_void_p(array.ctypes.data) for array in (*inputs, *outputs)),
            ctypes.c_void_p(scratch.ctypes.data + start),
            # Nobody's threads: code that takes them runs in order.
            *([None] if self.report.get("parallel") else []),
        )
        return outputs

    def _value(self, cut: Cut, y: Array) -> Value:
        """An output of the entry function as the value that the graph has there."""
        if self.reference.graph.is_integer(cut.tensor):
            return y
        # The cut lies behind data movement of a dequantized tensor.
        return Quantized.of(y, cut.scale, np.asarray(cut.zero_point), cut.axis)


def integers(value: Value) -> Array:
    """The integers of a value at a cut, which the graph may have dequantized already."""
    return value.q if isinstance(value, Quantized) else real(value)


def compile(
    model: onnx.ModelProto | str | Path,
    *,
    target: str | None = None,
    schedule: str | None = None,
    outputs: Sequence[str] = (),
    **options: str | int | bool,
) -> Network:
    """Compile a model for this machine, or for an emulated target.

    `outputs` cuts the graph at those tensors. Other options are those of bitnn-compile, with
    underscores: `encoding="csd"`, `max_code_size=65536`.
    """
    proto = load_model(model)
    reference = Reference(load_graph(proto))
    options = {"target": target, "schedule": schedule, **options}
    machine = _machine(options)
    folder = tempfile.TemporaryDirectory(prefix="bitnn-")
    place = Path(folder.name)
    path = place / (f"{Path(model).stem}.onnx" if isinstance(model, str | Path) else "model.onnx")
    path.write_bytes(proto.SerializeToString())
    command = [find_tool(), str(path)]
    command += [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in options.items()
        if value is not None and value is not False
    ]
    command += [f"--outputs={','.join(outputs)}"] if outputs else []
    report_path = place / "report.json"
    binary = place / ("network.o" if machine else "network.so")
    _run([*command, "-o", str(binary), f"--report={report_path}"])
    try:
        report = json.loads(report_path.read_text())
        inputs = tuple(Cut.of(entry) for entry in report["inputs"])
        cuts = tuple(Cut.of(entry) for entry in report["outputs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BitnnError(f"{TOOL} wrote no usable report: {error!r}") from None
    program = None
    if machine and report.get("parallel"):
        raise BitnnError("emulated programs have no threads to share: leave out parallel")
    if machine:
        program = emulator.link(
            machine,
            place / "program",
            binary,
            f"{report.get('name', 'model')}_run",
            [cut.size for cut in inputs],
            [cut.size for cut in cuts],
            _scratch(report),
        )
    return Network(reference, report, inputs, cuts, command, program, binary, folder)


def _machine(options: Mapping[str, Any]) -> emulator.Machine | None:
    """The emulated machine that the options ask for; None is this one."""
    target = options.get("target") or str(options.get("triple") or "host").split("-")[0]
    if target == "riscv32":
        target = "rv32im" if "+m" in str(options.get("features")) else "rv32i"
    if target in emulator.MACHINES and target != platform.machine():
        return emulator.MACHINES[target]
    if missing := missing_features(target):
        raise BitnnError(f"this machine cannot run {target}: it lacks {', '.join(missing)}")
    return None


def missing_features(target: str) -> list[str]:
    """What this machine's processor lacks to run a target's code; nothing of emulated ones."""
    return [name for name in CPU_FEATURES.get(target, ()) if name not in _cpu_flags()]


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split()[2:]}


def _scratch(report: Mapping[str, Any]) -> tuple[int, int]:
    return int(report.get("scratch_bytes", 0)), max(int(report.get("scratch_alignment", 64)), 1)


def _run(command: Sequence[str]) -> None:
    try:
        finished = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise BitnnError(f"cannot run '{command[0]}': {error.strerror}") from None
    if finished.returncode:
        lines = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "error:" in line] or lines[-1:]
        errors = errors or [f"{TOOL} ended with exit code {finished.returncode}"]
        # The user's model has a name, not the place of our copy.
        place = f"{Path(command[1]).parent}{os.sep}"
        lines = [error.replace(place, "").removeprefix(f"{TOOL}: ") for error in errors]
        raise BitnnError("\n".join(line.removeprefix("error: ") for line in lines))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""This machine: its name and features, its limit of additions, a core to measure on."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bitnn.emulator import NATIVE
from bitnn.errors import BitnnError

# Bits of a target's vectors. A target that is not here has what `host` has.
VECTOR_BITS = {"x86-64": 128, "x86-64-v2": 128, "x86-64-v3": 256, "x86-64-v4": 512, "aarch64": 128}
FEATURES = ("avx2", "avx_vnni", "avx512bw", "avx512_vnni", "amx_int8", "asimd", "asimddp", "i8mm")


def describe() -> dict[str, Any]:
    """Name, features and core count of this machine, as JSON has them."""
    text = _read("/proc/cpuinfo")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    numbers = [fields.get(key, "?") for key in ("cpu family", "model", "stepping")]
    return {
        "architecture": platform.machine(),
        "name": fields.get("model name", "unknown"),
        "family_model_stepping": "/".join(numbers),
        "hypervisor": "hypervisor" in flags,
        "cpuid_fault": "cpuid_fault" in flags,
        "cores": os.cpu_count(),
        "features": [feature for feature in FEATURES if feature in flags],
        "load": os.getloadavg()[0],
    }


def vector_bits(target: str) -> int:
    """Bits of the vectors that a target's code has."""
    if target in VECTOR_BITS:
        return VECTOR_BITS[target]
    features = describe()["features"]
    return 512 if "avx512bw" in features else 256 if "avx2" in features else 128


@contextlib.contextmanager
def pinned(core: int | None = None) -> Iterator[int]:
    """Keeps this process on one core: the last one it may use, unless told."""
    allowed = os.sched_getaffinity(0)
    chosen = max(allowed) if core is None else core
    try:
        os.sched_setaffinity(0, {chosen})
    except OSError as error:
        raise BitnnError(f"core {chosen} cannot be used: {error.strerror}") from None
    try:
        yield chosen
    finally:
        os.sched_setaffinity(0, allowed)


class Timer:
    """The loops of native/bench.c."""

    def __init__(self) -> None:
        library = ctypes.CDLL(str(build_native("bench.c")))
        self._run = library.bitnn_bench_run
        self._run.restype = ctypes.c_double
        self._run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
        self._profile = library.bitnn_bench_profile
        self._profile.restype = None
        self._limit = library.bitnn_bench_limit
        self._limit.restype = ctypes.c_double
        self._nothing = ctypes.cast(library.bitnn_bench_nothing, ctypes.c_void_p)

    def run(self, function: ctypes.c_void_p, arrays: Any, count: int) -> float:  # noqa: ANN401
        """Seconds of CPU time of `count` calls with the pointers in `arrays` (eight)."""
        return float(self._run(function, arrays, count))

    def profile(self, function: ctypes.c_void_p, arrays: Any, count: int) -> list[int]:  # noqa: ANN401
        """Program counters at `count` ticks of a timer, one each 1 to 10 milliseconds."""
        places = (ctypes.c_ulong * count)()
        self._profile(function, arrays, places, ctypes.c_long(count))
        return list(places)

    def overhead(self) -> float:
        """Nanoseconds of a call that does nothing."""
        arrays = (ctypes.c_void_p * 8)()
        count = 1_000_000
        return min(self.run(self._nothing, arrays, count) for _ in range(5)) / count * 1e9

    def limit(self, bits: int) -> float:
        """16-bit additions per nanosecond from registers, with vectors of `bits`."""
        return float(self._limit(bits))


@functools.cache
def build_native(source: str) -> Path:
    """A shared library of a file in bitnn/native; it is built once per process."""
    compiler = shutil.which("clang-22") or shutil.which("cc")
    if compiler is None:
        raise BitnnError("the benchmark needs a C compiler: clang-22 or cc")
    folder = tempfile.TemporaryDirectory(prefix="bitnn-")
    _folders.append(folder)
    library = Path(folder.name) / f"{Path(source).stem}.so"
    command = [
        compiler,
        "-O2",
        "-shared",
        "-fPIC",
        "-pthread",
        str(NATIVE / source),
        "-o",
        str(library),
    ]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        raise BitnnError(f"{source} cannot be compiled: {finished.stderr.strip()}")
    return library


# Removed when the process ends.
_folders: list[tempfile.TemporaryDirectory[str]] = []


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peers that see fewer CPU features than the machine has.

A library asks the processor with the instruction CPUID. It is copied with each of those replaced by
an invalid instruction, and the handler of native/cpuidmask.c answers in its place. (Linux can make
CPUID itself fault, but few virtual machines can.)
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from bitnn.bench.machine import build_native
from bitnn.errors import BitnnError

CPUID = b"\x0f\xa2"
TRAP = b"\x06\xa2"


def mask(cap: str, package: str) -> None:
    """Make this process import `package` with features hidden: `cap` is "avx2" or "vnni".

    It must not have been imported yet; one that is not installed is an ImportError. memcpy and the
    like come from the C library, which is not masked.
    """
    if package in sys.modules:
        raise BitnnError(f"{package} is imported already, so its features cannot be hidden")
    copy = _trapping_copy(package)
    if not _handler:
        os.environ["CAP"] = cap
        _handler.append(ctypes.CDLL(str(build_native("cpuidmask.c"))))
        del os.environ["CAP"]
    sys.path.insert(0, str(copy))


def answers() -> int:
    """How many CPUID instructions were answered by the mask so far."""
    return sum(ctypes.c_int.in_dll(library, "bitnn_mask_count").value for library in _handler)


_handler: list[ctypes.CDLL] = []


def _trapping_copy(package: str) -> Path:
    """A folder to import the package from, made once per version of it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    source = Path(spec.submodule_search_locations[0])
    libraries = [path for path in sorted(source.rglob("*.so*")) if path.is_file()]
    stamp = max(path.stat().st_mtime_ns for path in libraries)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bitnn"
    place = cache / f"{package}-{stamp}"
    if place.is_dir():
        return place
    print(f"note: making a copy of {package} whose CPUID traps, once, in {place}", file=sys.stderr)
    unfinished = cache / f"{package}-{stamp}.{os.getpid()}"
    shutil.copytree(source, unfinished / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in libraries:
        _replace(unfinished / package / path.relative_to(source))
    try:
        unfinished.rename(place)
    except OSError:
        # Another process was faster.
        shutil.rmtree(unfinished)
    return place


def _replace(library: Path) -> None:
    """Replace each CPUID of a shared library; a disassembler tells them from other bytes."""
    tool = shutil.which("llvm-objdump-22") or shutil.which("objdump")
    if tool is None:
        raise BitnnError("hiding CPU features needs llvm-objdump-22 or objdump")
    content = bytearray(library.read_bytes())
    with subprocess.Popen(
        [tool, "-d", "--no-show-raw-insn", str(library)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        found = [
            int(line.split(":")[0], 16)
            for line in process.stdout
            if line.rstrip().endswith("cpuid")
        ]
    segments = _segments(bytes(content))
    for address in found:
        place = next(
            address - start + offset
            for start, offset, size in segments
            if start <= address < start + size
        )
        if content[place : place + 2] != CPUID:
            raise BitnnError(f"{library.name}: no CPUID at {address:#x}, where one was listed")
        content[place : place + 2] = TRAP
    library.write_bytes(content)


def _segments(elf: bytes) -> list[tuple[int, int, int]]:
    """Address, file offset and size of every loaded segment of a 64-bit ELF file."""
    (table,) = struct.unpack_from("<Q", elf, 0x20)
    entry_size, count = struct.unpack_from("<HH", elf, 0x36)
    segments = []
    for index in range(count):
        kind, _, offset, address, _, size = struct.unpack_from(
            "<IIQQQQ", elf, table + index * entry_size
        )
        if kind == 1:
            segments.append((address, offset, size))
    return segments

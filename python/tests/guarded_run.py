# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Call a compiled network with a page that may not be touched on either side of every argument.

    guarded_run.py NETWORK.so JSON INPUTS.npz OUTPUTS.npz

JSON has the entry function, sizes and alignments. In a process of its own, because what it looks
for ends the process. Inputs are read-only; outputs and scratch hold 0xA5 before every run.
"""

from __future__ import annotations

import ctypes
import json
import sys
import threading

import numpy as np

PAGE = 4096
READ, WRITE, PRIVATE_ANONYMOUS = 1, 2, 0x22

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Guarded:
    """Bytes that touch the page after them, or the page before them."""

    def __init__(self, size: int, alignment: int, at_end: bool) -> None:
        self.length = max(-(-size // PAGE), 1) * PAGE
        base = libc.mmap(None, self.length + 2 * PAGE, 0, PRIVATE_ANONYMOUS, -1, 0)
        assert base not in (None, ctypes.c_void_p(-1).value)
        self.start = base + PAGE
        self.protect(READ | WRITE)
        offset = (self.length - size) // alignment * alignment if at_end else 0
        self.address = self.start + offset
        self.bytes = np.ctypeslib.as_array(
            ctypes.cast(self.address, ctypes.POINTER(ctypes.c_uint8)), (size,)
        )

    def protect(self, access: int) -> None:
        assert libc.mprotect(self.start, self.length, access) == 0


def run(function: object, layout: dict, inputs: list, at_end: bool, results: list) -> None:
    arguments = [Guarded(x.nbytes, 1, at_end) for x in inputs]
    for argument, x in zip(arguments, inputs, strict=True):
        argument.bytes[:] = x.reshape(-1).view(np.uint8)
        argument.protect(READ)
    written = [Guarded(size, 1, at_end) for size in layout["outputs"]]
    scratch = Guarded(layout["scratch"], layout["alignment"], at_end)
    pointers = [ctypes.c_void_p(a.address) for a in (*arguments, *written, scratch)]
    for _ in range(2):
        for area in (*written, scratch):
            area.bytes[:] = 0xA5
        function(*pointers)
        results.append([area.bytes.copy() for area in written])


def main(library: str, description: str, inputs_path: str, outputs_path: str) -> None:
    layout = json.loads(description)
    function = getattr(ctypes.CDLL(library), layout["entry"])
    function.restype = None
    with np.load(inputs_path) as archive:
        inputs = [archive[name] for name in archive.files]
    results: list = []
    for at_end in (True, False):
        run(function, layout, inputs, at_end, results)
    threads = [
        threading.Thread(target=run, args=(function, layout, inputs, True, results))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.savez(
        outputs_path, **{f"{i}_{j}": y for i, ys in enumerate(results) for j, y in enumerate(ys)}
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the time of a compiled network goes: ticks of a timer, by layer and kind of code."""

from __future__ import annotations

import bisect
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass

from bitnn.bench.measure import CompiledRunner
from bitnn.compiler import Network
from bitnn.errors import BitnnError

# A code block's function, "l3_2_first_0.b1.w0", or the epilogue behind blocks.
BLOCK = re.compile(r"(?P<kernel>.+)\.b\d+\.(?P<kind>w|epilogue)\d*$")


@dataclass(frozen=True)
class Share:
    """Ticks of one layer, in its code blocks, its epilogues and other functions of its own."""

    layer: str
    adds: int
    blocks: int
    epilogues: int


@dataclass(frozen=True)
class Profile:
    """`entry` counts ticks in the entry function: layout, halos, pools, loops."""

    ticks: int
    entry: int
    shares: tuple[Share, ...]

    def lines(self, ns: float) -> list[str]:
        """A table; `ns` is the time of one run."""
        each = ns / self.ticks / 1e3
        lines = [f"    {'layer':32}{'us':>9}{'blocks':>9}{'epilogue':>9}{'adds/ns in blocks':>19}"]
        for share in self.shares:
            blocks, epilogues = share.blocks * each, share.epilogues * each
            rate = f"{share.adds / blocks / 1e3:.1f}" if blocks else "-"
            lines.append(
                f"    {share.layer:32}{blocks + epilogues:9.1f}{blocks:9.1f}{epilogues:9.1f}"
                f"{rate:>19}"
            )
        lines.append(f"    {'the entry function itself':32}{self.entry * each:9.1f}")
        return lines


def profile(network: Network, runner: CompiledRunner, ticks: int) -> Profile:
    """Run the network for that many ticks of CPU time."""
    starts, names = _functions(network)
    entry = starts[names.index(network.entry)]
    counts: Counter[tuple[str, str]] = Counter()
    own = 0
    for place in runner.profile(ticks):
        index = bisect.bisect_right(starts, place + entry) - 1
        found = BLOCK.match(names[index]) if index >= 0 else None
        if found:
            counts[found["kernel"], found["kind"]] += 1
        else:
            own += 1
    shares = tuple(
        Share(
            layer["name"],
            layer["adds"],
            counts[layer["kernel"], "w"],
            counts[layer["kernel"], "epilogue"],
        )
        for layer in network.report["layers"]
    )
    return Profile(ticks, own, shares)


def _functions(network: Network) -> tuple[list[int], list[str]]:
    """Addresses and names of the library's functions, in order of addresses."""
    tool = shutil.which("llvm-nm-22") or shutil.which("nm")
    if tool is None:
        raise BitnnError("a profile needs llvm-nm-22 or nm")
    command = [tool, "--defined-only", "--numeric-sort", str(network.library)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in text.splitlines()]
    functions = [(int(line[0], 16), line[2]) for line in lines if line[1] in "tT"]
    return [place for place, _ in functions], [name for _, name in functions]

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Break-even beside a peer that was measured on another machine: computed, not measured.

Our times are those of results that `./dev bench layers --json` wrote here, taken as they are; the
peer's are in benchmarks/published. Results with --chain=N beside those of single layers give our
time of one more layer in a chain.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bitnn.bench import breakeven
from bitnn.bench.report import Result, read_json
from bitnn.errors import BitnnError

PUBLISHED = Path(__file__).resolve().parent / "published" / "amx.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench break-even", description=__doc__)
    parser.add_argument("results", nargs="+", help="JSON files")
    parser.add_argument("--published", default=PUBLISHED, help=f"default: {PUBLISHED.name}")
    parser.add_argument("--target", default="x86-64-v4", help="default: x86-64-v4")
    options = parser.parse_args()
    published = json.loads(Path(options.published).read_text())
    print(published["about"])
    results = [result for path in options.results for result in read_json(path)[1]]
    ours = {r.name: r for r in results if r.target == options.target}
    single = [result for name, result in ours.items() if len(name.split(" ")) == 2]
    for kind, times in (("single", single), ("in_chain", _in_chain(ours))):
        compared = _beside(times, published, kind)
        if compared:
            print(f"\n{kind}: adds per MAC (digits per weight) at which both are as fast")
            print(breakeven.table(compared))
    return 0


def _in_chain(ours: dict[str, Result]) -> list[Result]:
    """The time of one more layer, from those of one and of N."""
    found = []
    for name, result in ours.items():
        layer, density, *more = name.split(" ")
        one = ours.get(f"{layer} {density}")
        if one and len(more) == 1 and more[0].startswith("x"):
            count = int(more[0][1:])
            found.append(replace(one, ns=(result.ns - one.ns) / (count - 1)))
    return found


def _beside(times: Sequence[Result], published: dict, kind: str) -> list[Result]:
    """The results beside the published times of their layers."""
    compared = []
    for result in times:
        layer = published["layers"].get(breakeven.layer_of(result))
        if layer:
            ratio = 1e3 * layer[kind] / result.ns
            side = {key: published[key] for key in ("peer", "peer_isa")}
            compared.append(replace(result, ratio_median=ratio, **side))
    return compared


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BitnnError as error:
        sys.exit(f"bench: {error}")

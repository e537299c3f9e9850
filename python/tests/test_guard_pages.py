# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Objects touch nothing but their arguments, whatever the scratch holds, from several threads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bitnn
from bitnn.compiler import Network
from bitnn.npz import write_npz
from bitnn.randomlayers import Options, combine, random_layers
from bitnn.values import Array

RUNS = 8  # Two at either end of the pages, and two in each of two threads.


def guarded(
    library: Path, layout: dict, inputs: list[Array], folder: Path
) -> tuple[int, list[list[Array]]]:
    """Exit code, and the outputs of every run."""
    sent, received = folder / "guarded_in.npz", folder / "guarded_out.npz"
    write_npz(sent, {f"{index:04}": x for index, x in enumerate(inputs)})
    script = Path(__file__).parent / "guarded_run.py"
    command = [sys.executable, script, library, json.dumps(layout), sent, received]
    code = subprocess.run(list(map(str, command))).returncode
    if code:
        return code, []
    with np.load(received) as archive:
        count = len(layout["outputs"])
        return code, [[archive[f"{i}_{j}"] for j in range(count)] for i in range(RUNS)]


def layout_of(network: Network) -> dict:
    size, alignment = network.scratch
    sizes = [cut.size for cut in network.outputs]
    return {"entry": network.entry, "outputs": sizes, "scratch": size, "alignment": alignment}


@pytest.mark.parametrize("target", ["host", "x86-64"])
@pytest.mark.parametrize("schedule", ["straight-line", "table", "multiply"])
def test_guard_pages(compiler: str, tmp_path: Path, seed: int, target: str, schedule: str) -> None:
    # Layers side by side share one scratch; each alone has inputs and outputs of odd sizes.
    layers = random_layers(seed, 60, Options(large=0.1))
    network = bitnn.compile(combine(layers), target=target, schedule=schedule)
    rng = np.random.default_rng(seed)
    sample = {name: x for layer in layers for name, x in layer.random_inputs(rng).items()}
    inputs = network.cut_inputs(sample)
    code, results = guarded(network.library, layout_of(network), inputs, tmp_path)
    assert code == 0, f"--seed={seed}: the process ended with {code}"
    reference = network.reference.values(sample, [cut.tensor for cut in network.outputs])
    for outputs in results:
        for cut, y in zip(network.outputs, outputs, strict=True):
            value = reference[cut.tensor]
            expected = value if isinstance(value, np.ndarray) else value.q
            assert (y.view(cut.dtype) == expected.reshape(-1)).all(), f"--seed={seed}: {cut}"


@pytest.mark.parametrize(
    ("body", "fails"),
    [
        ("out[0] = in[0];", False),
        ("out[-1] = 0;", True),
        ("out[5] = 0;", True),
        ("out[0] = in[-1];", True),
        ("out[0] = in[3];", True),
        ("scratch[-1] = 0;", True),
        ("scratch[64] = 0;", True),
        ("((char *)in)[0] = 0;", True),
    ],
)
def test_guards_hold(tmp_path: Path, body: str, fails: bool) -> None:
    source, library = tmp_path / "f.c", tmp_path / "f.so"
    source.write_text(
        "void f(const volatile char *in, volatile char *out, volatile char *scratch)"
        f" {{ (void)in, (void)out, (void)scratch; {body} }}"
    )
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library], check=True)
    layout = {"entry": "f", "outputs": [5], "scratch": 64, "alignment": 64}
    code, results = guarded(library, layout, [np.int8([1, 2, 3])], tmp_path)
    assert (code != 0) == fails
    for (y,) in results:
        # What the function leaves alone still holds what was there before the run.
        assert y.tolist() == [1, 0xA5, 0xA5, 0xA5, 0xA5]

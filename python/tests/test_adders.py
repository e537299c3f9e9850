# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`bitnn adders`: graphs and programs compute the matrix, and bad matrices are refused by name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitnn import BitnnError, adders
from bitnn.command import main
from bitnn.tools import find_tool
from bitnn.values import Array


@pytest.fixture(autouse=True)
def tool() -> str:
    try:
        return find_tool(adders.TOOL)
    except BitnnError as error:
        pytest.skip(str(error))


def random_matrix(seed: int, shape: tuple[int, int] = (7, 9), bits: int = 8) -> Array:
    return np.random.default_rng(seed).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape)


def assert_computes(graph: dict[str, Any], matrix: Array, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-128, 128, (20, graph["inputs"]))
    columns = graph["inputs"] - graph["accumulators"]
    expected = values[:, :columns] @ np.asarray(matrix, np.int64).T
    if graph["accumulators"]:
        expected += values[:, columns:]
    assert np.array_equal(adders.evaluate(graph, values), expected)
    if "programs" in graph:
        for sample in values[:5, :columns]:
            run_programs(graph["programs"], sample, np.asarray(matrix, np.int64))


def run_programs(programs: dict[str, Any], inputs: Array, matrix: Array) -> None:
    """All blocks in order, with no more registers than they say; they add to accumulators."""
    start = np.arange(len(matrix)) * 1000 - 77
    stored = start.copy()
    counts = dict.fromkeys(("loads", "shifts", "adds", "stores"), 0)
    for block in programs["blocks"]:
        assert block["registers"] <= programs["registers"]
        registers: list[int | None] = [None] * block["registers"]
        for step in block["instructions"]:
            lhs = registers[step["lhs"]] if "lhs" in step else 0
            kind = "adds"
            if "store" in step:
                stored[step["store"]], kind = lhs, "stores"
            elif "input" in step:
                value, kind = inputs[step["input"]], "loads"
            elif "accumulator" in step:
                value, kind = stored[step["accumulator"]], "loads"
            elif "shift" in step:
                value, kind = lhs << step["shift"], "shifts"
            elif "add" in step:
                value = lhs + registers[step["add"]]
            elif "subtract" in step:
                value = lhs - registers[step["subtract"]]
            else:
                assert step["negate"]
                value = -lhs
            if "result" in step:
                registers[step["result"]] = int(value)
            counts[kind] += 1
    assert counts == {kind: programs[kind] for kind in counts}
    assert np.array_equal(stored, start + matrix @ inputs)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "int8": lambda m: m.astype(np.int8),
    "int64": lambda m: m.astype(np.int64),
    "big endian": lambda m: m.astype(">i4"),
    "uint8": lambda m: (m + 128).astype(np.uint8),
    "bool": lambda m: m > 0,
    "float16": lambda m: m.astype(np.float16),
    "float64": lambda m: m.astype(np.float64),
    "Fortran": np.asfortranarray,
    "transposed": lambda m: m.T,
    "strided": lambda m: m[::2, ::3],
    "backwards": lambda m: m[::-1, ::-1],
    "broadcast": lambda m: np.broadcast_to(m[:1], m.shape),
    "one value": lambda m: m[:1, :1],
    "zeros": np.zeros_like,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_types(layout: str, seed: int, tmp_path: Path) -> None:
    matrix = LAYOUTS[layout](random_matrix(seed))
    assert_computes(adders.share_adders(matrix), matrix, seed)
    np.save(tmp_path / "m.npy", matrix)
    loaded = adders.read_matrix(tmp_path / "m.npy")
    assert np.array_equal(adders.check_matrix(loaded), matrix)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"encoding": "binary"},
        {"accumulate": True},
        {"depth": 8},
        {"depth": 8, "accumulate": True, "encoding": "binary"},
        {"anneal": 5, "seed": 3},
        {"window": 3},
        {"weigh_by_width": True, "input_bits": 4},
    ],
    ids=str,
)
def test_options(options: dict[str, Any], seed: int) -> None:
    for bits in (2, 8, 16, 24):
        matrix = random_matrix(seed, (6, 8), bits)
        graph = adders.share_adders(matrix, **options)
        assert_computes(graph, matrix, seed)
        assert graph["depth"] <= options.get("depth", graph["depth"])
        assert graph["adds"] == len(graph["adders"]) <= graph["adds_without_sharing"]


def test_24_bits_are_the_limit() -> None:
    limits = np.array([[-(2**23), 2**23 - 1]])
    assert_computes(adders.share_adders(limits), limits, 0)
    for value in (2**23, -(2**23) - 1, 2**63, -(2**63)):
        dtype = np.uint64 if value > 0 else np.int64
        with pytest.raises(BitnnError, match=f"row 0, column 1 is {value}, .* more than 24 bits"):
            adders.share_adders(np.array([[0, value]], dtype))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.array([[1.0, np.nan]]), "row 0, column 1 is nan, which is no integer"),
        (np.array([[1], [np.inf]]), "row 1, column 0 is inf, which is no integer"),
        (np.array([[1.0, 2.5]], np.float32), "row 0, column 1 is 2.5, which is no integer"),
        (np.array([[1e30]]), "row 0, column 0 is 1e\\+30, which takes more than 24 bits"),
        (np.array([[1 + 1j]]), "holds complex128"),
        (np.array([["7"]]), "holds <U1"),
        (np.array([[2**80]], object), "holds object"),
        (np.array([1, 2]), "1 dimensions"),
        (np.array(3), "0 dimensions"),
        (np.ones((4, 3, 2, 2)), "4 dimensions.*reshape"),
        (np.ones((0, 3)), "empty: 0 outputs, 3 inputs"),
        (np.ones((3, 0)), "empty: 3 outputs, 0 inputs"),
    ],
)
def test_bad_matrices_are_refused(matrix: Array, message: str) -> None:
    with pytest.raises(BitnnError, match=message):
        adders.share_adders(matrix)


def npy_of(matrix: Array, folder: Path) -> bytes:
    np.save(folder / "whole.npy", matrix)
    return (folder / "whole.npy").read_bytes()


BAD_FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated values": (lambda b: b[:-1], "not a whole .npy"),
    "truncated header": (lambda b: b[:40], "not a whole .npy"),
    "nothing": (lambda b: b"", "not a whole .npy"),
    "garbage": (lambda b: b"\x93NUMPY" + bytes(90), "not a whole .npy"),
    "text": (lambda b: b"1 2 3\n", "not a whole .npy"),
    # Ten billion values in a file of 200 bytes: refused without allocating them.
    "huge shape": (lambda b: b.replace(b"(7, 9), }    ", b"(99999, 99999), }"), "whole .npy"),
    "negative shape": (lambda b: b.replace(b"(7, 9), } ", b"(-7, 9), }"), "whole .npy"),
    "huge header": (
        lambda b: b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + b[10:],
        "not a whole .npy",
    ),
    "long header": (
        lambda b: b"\x93NUMPY\x02\x00" + (20000).to_bytes(4, "little") + b" " * 20000,
        "not a whole .npy",
    ),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_files_are_refused(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    change, message = BAD_FILES[kind]
    path = tmp_path / "bad.npy"
    whole = npy_of(random_matrix(0), tmp_path)
    assert change(whole) != whole
    path.write_bytes(change(whole))
    assert main(["adders", str(path)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.startswith("bitnn: error: ") and str(path) in output.err
    assert message in output.err


def test_places_that_hold_no_matrix(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    np.savez(tmp_path / "several.npz", a=np.ones((2, 2)))
    np.save(tmp_path / "objects.npy", np.array([[None]]), allow_pickle=True)
    for name, message in {
        "none.npy": "No such file",
        ".": "Is a directory",
        "several.npz": "several arrays",
        "objects.npy": "not a whole .npy",
    }.items():
        assert main(["adders", str(tmp_path / name)]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--depth=-1"], ["--registers=x"], ["--encoding=ternary"], ["--nothing"], ["--input-bits=17"]],
)
def test_bad_options_are_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    np.save(tmp_path / "m.npy", random_matrix(0))
    assert main(["adders", str(tmp_path / "m.npy"), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert arguments[0].split("=")[0].removeprefix("--") in error


def test_a_depth_out_of_reach_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    np.save(tmp_path / "m.npy", np.ones((1, 9), int))
    assert main(["adders", str(tmp_path / "m.npy"), "--depth=3"]) == 1
    assert "depth 3 is out of reach: " in capsys.readouterr().err
    assert main(["adders", str(tmp_path / "m.npy"), "--depth=4"]) == 0
    assert "depth: 4, " in capsys.readouterr().out


@pytest.mark.parametrize("registers", [3, 4, 8, 16, 31, 100])
def test_programs(registers: int, seed: int) -> None:
    for shape in ((1, 1), (9, 30), (20, 5)):
        matrix = random_matrix(seed, shape)
        matrix[:, 1::7] = 0
        matrix[3::4] = 0
        graph = adders.share_adders(matrix, registers=registers)
        assert graph["programs"]["registers"] <= registers
        assert_computes(graph, matrix, seed)


def test_more_registers_take_fewer_instructions() -> None:
    matrix = random_matrix(3, (16, 40))
    programs = [adders.share_adders(matrix, registers=n)["programs"] for n in (3, 8, 32)]
    counts = [sum(p[kind] for kind in ("loads", "shifts", "adds", "stores")) for p in programs]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 3


def test_too_few_registers_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    np.save(tmp_path / "m.npy", np.array([[1, 1]]))
    assert main(["adders", str(tmp_path / "m.npy"), "--registers=2"]) == 1
    assert "registers: at least 3 are needed" in capsys.readouterr().err


def test_text_says_what_json_says(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    np.save(tmp_path / "m.npy", random_matrix(5))
    command = ["adders", str(tmp_path / "m.npy"), "--registers=64"]
    assert main([*command, "--json"]) == 0
    graph = json.loads(capsys.readouterr().out)
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("t") for line in lines) == graph["adds"]
    assert f"adders: {graph['adds']}, without sharing {graph['adds_without_sharing']}" in lines
    assert any(line.startswith(f"depth: {graph['depth']}, ") for line in lines)
    assert "proved: all 63 coefficients equal the matrix" in lines


def test_widths_are_exact() -> None:
    graph = adders.share_adders(np.array([[7, 0], [3, 3]]), input_bits=4)
    # 7 * [-8, 7] = [-56, 49] takes 7 bits, though 8 x alone takes 7 and x another 4.
    assert [adder["width"] for adder in graph["adders"]][graph["outputs"][0]["node"] - 2] == 7


def test_the_same_seed_gives_the_same_bytes() -> None:
    matrix = adders.check_matrix(random_matrix(2, (8, 8)))
    arguments = ["--anneal=20", "--seed=7", "--json"]
    assert adders.run_tool(matrix, arguments) == adders.run_tool(matrix, arguments)


def wait_until_busy(process: subprocess.Popen[bytes]) -> None:
    """Until the tool that the command has started has worked for a while."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(600):
        time.sleep(0.1)
        assert process.poll() is None
        if tools := children.read_text().split():
            user_time = Path(f"/proc/{tools[0]}/stat").read_text().rsplit(")")[1].split()[11]
            if int(user_time) >= 0.3 * os.sysconf("SC_CLK_TCK"):
                return
    raise AssertionError("bitnn-adders has not begun within a minute")


@pytest.mark.parametrize("whom", ["the command", "both, as a terminal does"])
def test_interrupted_annealing_gives_the_best_so_far(whom: str, tmp_path: Path) -> None:
    matrix = random_matrix(1, (12, 12))
    np.save(tmp_path / "m.npy", matrix)
    command = [sys.executable, "-m", "bitnn", "adders", str(tmp_path / "m.npy"), "--json"]
    process = subprocess.Popen(
        [*command, "--anneal=4000000000"],  # Some days of work.
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        # Tests that a shell started in the background have it ignored, and so would the command.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_until_busy(process)
    if whom == "the command":
        process.send_signal(signal.SIGINT)
    else:
        os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    graph = json.loads(output)
    assert graph["interrupted"]
    assert graph["adds"] < adders.share_adders(matrix)["adds"]
    assert_computes(graph, matrix, 1)


def test_annealing_saves_adders() -> None:
    matrix = random_matrix(4, (12, 12))
    annealed = adders.share_adders(matrix, anneal=3000)
    assert annealed["adds"] < adders.share_adders(matrix)["adds"]

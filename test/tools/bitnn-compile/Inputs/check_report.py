# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Check a report of layers.mlir against its object and the table; or two reports: --same A B."""

import json
import subprocess
import sys
from pathlib import Path

KEYS = [
    "name",
    "function",
    "target",
    "schedule",
    "encoding",
    "multiply",
    "multiply_allowed",
    "checked",
    "scratch_bytes",
    "scratch_alignment",
    "parallel",
    "object_bytes",
    "code_bytes",
    "data_bytes",
    "inputs",
    "outputs",
    "layers",
    "arena",
    "macs",
    "adds",
    "unshared_adds",
    "adds_per_mac",
    "shortfalls",
    "undefined_symbols",
    "compile",
]


def check_same(paths: list[str]) -> None:
    first, second = (json.loads(Path(path).read_text()) for path in paths)
    assert first.pop("compile").keys() == second.pop("compile").keys()
    assert first == second
    assert list(first) == list(second)


def check(report_path: str, object_path: str, table_path: str) -> None:
    report = json.loads(Path(report_path).read_text())
    assert list(report) == KEYS, list(report)
    assert report["target"]["triple"].startswith("riscv32")
    assert report["object_bytes"] == Path(object_path).stat().st_size
    (image,) = report["inputs"]
    assert image == {
        "name": "image",
        "tensor": "image_q",
        "element": "uint8",
        "shape": [1, 3],
        "scale": 0.5,
        "zero_point": 131,
        "float": True,
        "caller": ["Transpose"],
    }
    first, second = report["outputs"]
    assert (first["name"], first["element"], first["shape"]) == ("int", "int32", [1, 2])
    assert "scale" not in second and second["float"] is False

    layers = report["layers"]
    assert [layer["name"] for layer in layers] == ["fc1", "fc2"]
    assert [layer["macs"] for layer in layers] == [6, 3]
    for key in ("macs", "unshared_adds", "adds"):
        assert report[key] == sum(layer[key] for layer in layers)
    assert report["adds_per_mac"] == report["adds"] / report["macs"]
    assert report["undefined_symbols"] == []

    # The bytes of a layer are those of the functions named after its kernel.
    listing = subprocess.check_output(["llvm-nm", "-S", object_path], text=True)
    functions = {}
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tT":
            functions[fields[3]] = int(fields[1], 16)
    for layer in layers:
        kernel = layer["kernel"]
        bytes_ = sum(size for name, size in functions.items() if name.startswith(kernel + "."))
        assert layer["code_bytes"] == bytes_ > 0
    assert report["code_bytes"] >= sum(functions.values())

    compilation = report["compile"]
    assert 0 <= compilation["seconds"] < 600
    assert compilation["peak_bytes"] > 1 << 20

    rows = [line.split() for line in Path(table_path).read_text().splitlines()]
    columns = [
        "name",
        "operator",
        "weights",
        "digits",
        "unshared_adds",
        "adds",
        "schedule",
        "groups",
        "code_bytes",
        "table_bytes",
    ]
    for row, layer in zip(rows[1:], layers, strict=False):
        assert row == [str(layer[column]) for column in columns], row


if __name__ == "__main__":
    if sys.argv[1] == "--same":
        check_same(sys.argv[2:])
    else:
        check(*sys.argv[1:])

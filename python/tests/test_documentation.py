# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every operation, attribute and pass has an example in its description, and it is run.

The examples are the ```mlir fences of the .td files, and of the README:

* A first line `// given %x: i8, %n: index` names the values that the rest takes for granted;
  it goes on in lines that begin with `//   `.
* The example of an operation or attribute is parsed, verified and printed.
* The example of a pass has a line `// becomes`, or `// becomes, with {options}`. What is before
  it goes through the pass, and gives what is after it, but for the names of values and `...`.
  Or it ends with a line `// refused: REASON`, part of the pass's error.
* In the README, the line is `// becomes, by bitnn-opt OPTIONS`.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT

LLVM = Path("/usr/lib/llvm-22")
BITNN_OPT = ROOT / "build" / "bin" / "bitnn-opt"
FENCE = re.compile(r"^ *```mlir\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
GIVEN = re.compile(r"\s*// given (.*?)\n(?!\s*//  )", re.DOTALL)
BECOMES = re.compile(r"^ *// becomes(?:, with \{(.*)\})?$", re.MULTILINE)
BECOMES_BY = re.compile(r"^// becomes, by bitnn-opt (.*)$", re.MULTILINE)
REFUSED = re.compile(r"^ *// refused: (.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Entity:
    """Something that the .td files define and describe."""

    kind: str
    name: str
    description: str

    @property
    def examples(self) -> list[str]:
        return FENCE.findall(self.description)


def entities() -> dict[str, Entity]:
    """All operations, attributes and passes, by the names of their definitions."""
    found: dict[str, Entity] = {}
    for file in sorted((ROOT / "include").rglob("*.td")):
        command = [LLVM / "bin" / "llvm-tblgen", "--dump-json", file]
        command += [f"-I{ROOT / 'include'}", f"-I{LLVM / 'include'}"]
        records = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        for definition, record in records.items():
            if isinstance(record, dict) and (entity := entity_of(record)):
                found[definition] = entity
    return found


def entity_of(record: dict) -> Entity | None:
    classes = record.get("!superclasses", ())
    dialect = record.get("opDialect") or record.get("dialect")
    ours = dialect is not None and dialect["def"] == "BitNN_Dialect"
    if "Op" in classes and ours:
        return Entity("operation", f"bitnn.{record['opName']}", record["description"])
    if "AttrDef" in classes and ours and "EnumAttr" not in classes:
        return Entity("attribute", f"#bitnn.{record['mnemonic']}", record["description"])
    if "PassBase" in classes:
        return Entity("pass", record["argument"], record["description"])
    return None


try:
    ENTITIES = entities()
except FileNotFoundError:
    pytest.skip("llvm-tblgen is not installed (llvm-22-dev)", allow_module_level=True)


@pytest.fixture(autouse=True)
def built() -> None:
    if not BITNN_OPT.exists():
        pytest.skip("bitnn-opt is not built: run ./dev build")


@pytest.mark.parametrize("definition", ENTITIES)
def test_example(definition: str) -> None:
    entity = ENTITIES[definition]
    assert entity.examples, f"{entity.kind} '{entity.name}' has no ```mlir example"
    for example in entity.examples:
        if entity.kind == "pass":
            check_pass(entity, example)
        else:
            assert entity.name in bitnn_opt(wrapped(example)), example


def check_pass(entity: Entity, example: str) -> None:
    if refused := REFUSED.search(example):
        finished = run(wrapped(example), f"--{entity.name}")
        assert finished.returncode == 1 and refused[1] in finished.stderr, finished.stderr
        return
    parts = BECOMES.split(example)
    assert len(parts) == 3, f"there is no line '// becomes' in:\n{example}"
    before, options, after = parts
    check_output(before, f"--{entity.name}={options or ''}".removesuffix("="), after)


def test_readme() -> None:
    examples = FENCE.findall((ROOT / "README.md").read_text())
    assert examples
    for example in examples:
        before, options, after = BECOMES_BY.split(example)
        check_output(before, options, after)


def check_output(source: str, options: str, expected: str) -> None:
    output = bitnn_opt(wrapped(source), options)
    position = 0
    for chunk in map(normal, expected.split("...")):
        found = normal(output).find(chunk, position)
        assert found >= 0, f"{options} does not give\n{expected}\nin this order, but\n{output}"
        position = found + len(chunk)


def wrapped(example: str) -> str:
    """The example as a module: in a function, if values are given; an attribute on the module."""
    match = GIVEN.match(example)
    if match is None:
        alias = re.match(r"\s*(#\w+) =", example)
        return example + (f"module attributes {{example.of = {alias[1]}}} {{}}" if alias else "")
    arguments = re.sub(r"\s*//\s*", " ", match[1])
    return f"func.func @example({arguments}) {{\n{example[match.end(1) :]}\nreturn\n}}\n"


def bitnn_opt(source: str, *options: str) -> str:
    """What the tool makes of a source."""
    finished = run(source, *options)
    assert finished.returncode == 0, f"{source}\n{finished.stderr}"
    return finished.stdout


def run(source: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BITNN_OPT, *options], input=source, capture_output=True, text=True)


def normal(text: str) -> str:
    """Without comments, names of values, and white space."""
    text = re.sub(r"//.*", "", text)
    text = re.sub(r"%[\w$.-]+(?:#\d+)?", "%", text)
    return "".join(text.split())

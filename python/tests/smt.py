# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Code blocks, as the compiler materialized them, in the `smt` dialect, and proofs by z3.

The kernels are followed from their calls: loads of the input are free bit-vectors, stores to the
accumulators are their sums. Everything is computed modulo 2^width: additions, subtractions and left
shifts commute with taking the low bits, so that 16-bit lanes, and the 32-bit sums they are widened
to, are proved modulo 2^16, and 32-bit lanes modulo 2^32. Loops are followed for their first
iteration; the others run the same code on other pixels.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

LLVM = Path("/usr/lib/llvm-22/bin")
NAME = r"%[\w#-]+"


@dataclass(frozen=True)
class Address:
    """An element of an argument of a kernel."""

    buffer: str
    offset: int = 0


@dataclass
class Smt:
    """Lines of the dialect: every operation gives a value of `width` bits, or a Boolean."""

    width: int
    lines: list[str] = field(default_factory=list)

    @property
    def type(self) -> str:
        return f"!smt.bv<{self.width}>"

    def emit(self, operation: str) -> str:
        name = f"%{len(self.lines)}"
        self.lines.append(f"{name} = {operation}")
        return name

    def declare(self, name: str) -> str:
        return self.emit(f'smt.declare_fun "{name}" : {self.type}')

    def constant(self, value: int) -> str:
        value %= 2**self.width
        return self.emit(f"smt.bv.constant #smt.bv<{value}> : {self.type}")

    def add(self, lhs: str, rhs: str) -> str:
        return self.emit(f"smt.bv.add {lhs}, {rhs} : {self.type}")

    def subtract(self, lhs: str, rhs: str) -> str:
        return self.add(lhs, self.emit(f"smt.bv.neg {rhs} : {self.type}"))

    def multiply(self, lhs: str, factor: int) -> str:
        return self.emit(f"smt.bv.mul {lhs}, {self.constant(factor)} : {self.type}")

    def shift(self, lhs: str, amount: int) -> str:
        """lhs << amount, as the product that z3 first proves it to be: it brings sums of products
        into one form, but would take a shift apart into bits."""
        assert shift_is_product(self.width, amount)
        return self.multiply(lhs, 1 << amount)

    def differ(self, lhs: str, rhs: str) -> str:
        return self.emit(f"smt.distinct {lhs}, {rhs} : {self.type}")

    def claim(self, differences: list[str]) -> str:
        """A module that is unsatisfiable if no difference is possible."""
        either = differences[0]
        if len(differences) > 1:
            either = self.emit(f"smt.or {', '.join(differences)}")
        body = [*self.lines, f"smt.assert {either}", "smt.check sat {} unknown {} unsat {}"]
        return "\n".join(["smt.solver () : () -> () {", *body, "}"])


@cache
def shift_is_product(width: int, amount: int) -> bool:
    """Whether z3 proves x << amount = x * 2^amount for bit-vectors of that width."""
    smt = Smt(width)
    x = smt.declare("x")
    shifted = smt.emit(f"smt.bv.shl {x}, {smt.constant(amount)} : {smt.type}")
    return check(smt.claim([smt.differ(shifted, smt.multiply(x, 1 << amount))])) == "unsat"


def check(module: str) -> str:
    """z3's verdict: sat, unsat or unknown."""
    command = [LLVM / "mlir-translate", "--export-smtlib"]
    exported = subprocess.run(command, input=module, capture_output=True, text=True, check=True)
    solved = subprocess.run(
        ["z3", "-in", "-T:60"], input=exported.stdout, capture_output=True, text=True, check=True
    )
    return solved.stdout.strip()


@dataclass
class Kernels:
    """The functions of a materialized module, by name: the names of arguments, and the body."""

    functions: dict[str, tuple[list[str], list[str]]]
    calls: list[tuple[str, list[str]]]

    @classmethod
    def parse(cls, module: str) -> Kernels:
        functions: dict[str, tuple[list[str], list[str]]] = {}
        calls = []
        body: list[str] = []
        for line in map(str.strip, module.splitlines()):
            if found := re.match(r"func\.func .*?@([\w.]+)\((.*)\)", line):
                body = []
                functions[found[1]] = (re.findall(r"(%\w+): ", found[2]), body)
            elif found := re.match(r"(?:func\.)?call @([\w.]+)\((.*?)\)", line):
                calls.append((found[1], found[2].split(", ")))
            body.append(line)
        return cls(functions, calls)

    def sums(self, smt: Smt) -> tuple[dict[int, str], dict[int, str]]:
        """The inputs by their offset in the image, and what the accumulators hold at the end by
        their offset; the kernels are called in order, on one buffer of accumulators."""
        inputs: dict[int, str] = {}
        sums: dict[int, str] = {}
        for name, _ in self.calls:
            if re.search(r"\.w\d+$", name):
                image, start, accumulators = self.functions[name][0]
                values = {image: Address("in"), start: 0, accumulators: Address("acc")}
                Execution(smt, inputs, sums, values).run(self.functions[name][1])
        return inputs, sums


class Execution:
    """One call of a kernel. Values are integers (index), addresses, or names of bit-vectors."""

    def __init__(
        self,
        smt: Smt,
        inputs: dict[int, str],
        sums: dict[int, str],
        values: dict[str, int | Address | str],
    ) -> None:
        self.smt, self.inputs, self.sums, self.values = smt, inputs, sums, values
        self.constants: dict[str, int] = {}

    def run(self, body: list[str]) -> None:
        for line in body[1:]:
            for pattern, execute in RULES:
                if found := re.match(pattern, line):
                    execute(self, *found.groups())
                    break
            else:
                raise AssertionError(f"no rule for: {line}")

    def constant(self, name: str, value: str, type: str) -> None:
        number = int(value.removeprefix("dense<").removesuffix(">"))
        self.constants[name] = number
        self.values[name] = number if type == "index" else self.smt.constant(number)

    def arithmetic(self, name: str, op: str, lhs: str, rhs: str, type: str) -> None:
        a, b = self.values[lhs], self.values[rhs]
        if type == "index":
            assert op == "addi" and isinstance(a, int) and isinstance(b, int)
            self.values[name] = a + b
        elif op == "shli":
            self.values[name] = self.smt.shift(a, self.constants[rhs])
        else:
            self.values[name] = (self.smt.add if op == "addi" else self.smt.subtract)(a, b)

    def loop(self, arguments: str) -> None:
        for name, start in re.findall(rf"({NAME}) = ({NAME})", arguments):
            self.values[name] = self.values[start]

    def move(self, name: str, source: str, offset: str) -> None:
        base = self.values[source]
        self.values[name] = Address(base.buffer, base.offset + self.values[offset])

    def load(self, name: str, source: str, index: str) -> None:
        base = self.values[source]
        offset = base.offset + self.values[index]
        if base.buffer == "acc":
            self.values[name] = self.sums[offset]
        else:
            if offset not in self.inputs:
                self.inputs[offset] = self.smt.declare(f"x{offset}")
            self.values[name] = self.inputs[offset]

    def store(self, value: str, target: str, index: str) -> None:
        base = self.values[target]
        assert base.buffer == "acc"
        self.sums[base.offset + self.values[index]] = self.values[value]

    def widen(self, name: str, source: str) -> None:
        self.values[name] = self.values[source]

    def skip(self, *_: str) -> None:
        """What does nothing to values."""


RULES: list[tuple[str, Callable[..., None]]] = [
    (rf"({NAME}) = arith\.constant (\S+) : (\S+)$", Execution.constant),
    (rf"({NAME}) = arith\.(addi|subi|shli) ({NAME}), ({NAME}) : (\S+)", Execution.arithmetic),
    (rf"({NAME}) = arith\.extsi ({NAME}) :", Execution.widen),
    (rf"{NAME}(?::\d+)? = scf\.for {NAME} = .* iter_args\((.*?)\) ->", Execution.loop),
    (rf"({NAME}) = memref\.reinterpret_cast ({NAME}) to offset: \[({NAME})\]", Execution.move),
    (rf"({NAME}) = (?:memref|vector)\.load ({NAME})\[({NAME})\] :", Execution.load),
    (rf"(?:memref|vector)\.store ({NAME}), ({NAME})\[({NAME})\] :", Execution.store),
    (r"scf\.yield|return|\}|$", Execution.skip),
]

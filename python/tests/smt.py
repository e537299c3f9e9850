# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels, as the compiler materialized them, in the `smt` dialect, and proofs by z3.

They are followed from their calls, through the buffers of partial sums to what the epilogue
stores: loads of the input are free bit-vectors, stores to the output are the results. Everything
is computed modulo 2^width: additions, subtractions and left shifts commute with taking the low
bits, so that 16-bit lanes, and the 32-bit sums they are widened to, are proved modulo 2^16, and
32-bit lanes modulo 2^32. Beside it goes what a value is as an integer: a linear form of the
inputs, whose interval says whether widening it is exact. Loops are followed for their first
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

    def follow(self, smt: Smt) -> State:
        """All kernels, called in order. Buffers of partial sums have the names of the caller."""
        state = State(smt)
        for name, operands in self.calls:
            arguments, body = self.functions[name]
            if re.search(r"\.w\d+$", name):
                buffers = ["in", "", operands[2]]
            elif name.endswith(".epilogue"):
                buffers = [*operands[:-2], "out", ""]
            else:
                continue
            values: dict[str, int | Address | str] = {
                argument: Address(buffer) if buffer else 0
                for argument, buffer in zip(arguments, buffers, strict=True)
            }
            Execution(state, values).run(body)
        return state


# Factors of inputs by their offset in the image, and the constant at CONSTANT.
Form = dict[int, int]
CONSTANT = -1
INPUT = (-128, 127)


def scaled_sum(lhs: Form, rhs: Form, factor: int) -> Form:
    """lhs + factor * rhs, without zeros."""
    offsets = lhs.keys() | rhs.keys()
    sums = {offset: lhs.get(offset, 0) + factor * rhs.get(offset, 0) for offset in offsets}
    return {offset: value for offset, value in sums.items() if value}


def fits(form: Form, bits: int) -> bool:
    """Whether a form is a signed integer of so many bits for all inputs of 8 bits."""
    ends = [0, 0]
    for offset, factor in form.items():
        bounds = (factor, factor) if offset == CONSTANT else [factor * end for end in INPUT]
        ends = [ends[0] + min(bounds), ends[1] + max(bounds)]
    return -(2 ** (bits - 1)) <= ends[0] and ends[1] < 2 ** (bits - 1)


@dataclass
class State:
    """Memory: inputs, and all that is stored, by buffer and offset, as names of bit-vectors."""

    smt: Smt
    inputs: dict[int, str] = field(default_factory=dict)
    stored: dict[Address, str] = field(default_factory=dict)
    # Of every bit-vector, the integer that it stands for.
    forms: dict[str, Form] = field(default_factory=dict)
    # Values that did not fit their bits when they were widened.
    wrapped: list[str] = field(default_factory=list)

    @property
    def results(self) -> dict[int, str]:
        """What the epilogues stored, by its offset in the output."""
        return {at.offset: value for at, value in self.stored.items() if at.buffer == "out"}


class Execution:
    """One call of a kernel. Values are integers (index), addresses, or names of bit-vectors."""

    def __init__(self, state: State, values: dict[str, int | Address | str]) -> None:
        self.state, self.smt, self.values = state, state.smt, values
        self.constants: dict[str, int] = {}

    def run(self, body: list[str]) -> None:
        for line in body[1:]:
            for pattern, execute in RULES:
                if found := re.match(pattern, line):
                    execute(self, *found.groups())
                    break
            else:
                raise AssertionError(f"no rule for: {line}")

    def define(self, name: str, value: str, form: Form) -> None:
        self.values[name] = value
        self.state.forms[value] = form

    def constant(self, name: str, value: str, type: str) -> None:
        number = int(value.removeprefix("dense<").removesuffix(">"))
        self.constants[name] = number
        if type == "index":
            self.values[name] = number
        else:
            self.define(name, self.smt.constant(number), {CONSTANT: number} if number else {})

    def arithmetic(self, name: str, op: str, lhs: str, rhs: str, type: str) -> None:
        a, b = self.values[lhs], self.values[rhs]
        if type == "index":
            assert op == "addi" and isinstance(a, int) and isinstance(b, int)
            self.values[name] = a + b
            return
        left, right = self.state.forms[a], self.state.forms[b]
        if op == "shli":
            amount = self.constants[rhs]
            self.define(name, self.smt.shift(a, amount), scaled_sum({}, left, 1 << amount))
        elif op == "addi":
            self.define(name, self.smt.add(a, b), scaled_sum(left, right, 1))
        else:
            self.define(name, self.smt.subtract(a, b), scaled_sum(left, right, -1))

    def loop(self, arguments: str) -> None:
        for name, start in re.findall(rf"({NAME}) = ({NAME})", arguments):
            self.values[name] = self.values[start]

    def move(self, name: str, source: str, offset: str) -> None:
        base = self.values[source]
        self.values[name] = Address(base.buffer, base.offset + self.values[offset])

    def load(self, name: str, source: str, index: str) -> None:
        base = self.values[source]
        offset = base.offset + self.values[index]
        if base.buffer != "in":
            self.values[name] = self.state.stored[Address(base.buffer, offset)]
            return
        if offset not in self.state.inputs:
            self.state.inputs[offset] = self.smt.declare(f"x{offset}")
        self.define(name, self.state.inputs[offset], {offset: 1})

    def store(self, value: str, target: str, index: str) -> None:
        base = self.values[target]
        assert base.buffer != "in"
        place = Address(base.buffer, base.offset + self.values[index])
        self.state.stored[place] = self.values[value]

    def widen(self, name: str, source: str, bits: str) -> None:
        self.values[name] = self.values[source]
        if not fits(self.state.forms[self.values[source]], int(bits)):
            self.state.wrapped.append(source)

    def skip(self, *_: str) -> None:
        """What does nothing to values."""


RULES: list[tuple[str, Callable[..., None]]] = [
    (rf"({NAME}) = arith\.constant (\S+) : (\S+)$", Execution.constant),
    (rf"({NAME}) = arith\.(addi|subi|shli) ({NAME}), ({NAME}) : (\S+)", Execution.arithmetic),
    (rf"({NAME}) = arith\.extsi ({NAME}) : (?:vector<\d+x)?i(\d+)", Execution.widen),
    (rf"{NAME}(?::\d+)? = scf\.for {NAME} = .* iter_args\((.*?)\) ->", Execution.loop),
    (rf"({NAME}) = memref\.reinterpret_cast ({NAME}) to offset: \[({NAME})\]", Execution.move),
    (rf"({NAME}) = (?:memref|vector)\.load ({NAME})\[({NAME})\] :", Execution.load),
    (rf"(?:memref|vector)\.store ({NAME}), ({NAME})\[({NAME})\] :", Execution.store),
    (r"scf\.yield|return|\}|$", Execution.skip),
]

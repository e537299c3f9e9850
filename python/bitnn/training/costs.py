# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a network costs: digits, adds, shifts, and the energy of its arithmetic in two models.

Everything is counted per sample, in three forms of the same integers:

    dense          every product: one multiplication and one addition each
    mult-add       the same without weights of zero (what weight pruning saves)
    add-shift-add  one addition per digit; one shift per output and plane that has digits, plane 0
                   excepted (accumulators start at the bias, so digits are all additions there are)

each of them once with all activations and once without those operations whose activation is zero.
Memory and control are not included: these are figures of arithmetic in an ASIC, never of a
microcontroller's or a processor's energy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

FORMS = ("dense", "mult-add", "add-shift-add")


@dataclass(frozen=True)
class EnergyModel:
    """Picojoules of one operation as functions of its width in bits."""

    name: str
    source: str
    add: Callable[[float], float]
    multiply: Callable[[float], float]
    shift: Callable[[float], float]


def _between(points: tuple[tuple[float, float], ...]) -> Callable[[float], float]:
    """The line through neighbouring (bits, pJ) points; outside of them, the nearest point."""

    def value(bits: float) -> float:
        lower = max((p for p in points if p[0] <= bits), default=points[0])
        upper = min((p for p in points if p[0] >= bits), default=points[-1])
        if lower[0] == upper[0]:
            return lower[1]
        part = (bits - lower[0]) / (upper[0] - lower[0])
        return lower[1] + part * (upper[1] - lower[1])

    return value


HOROWITZ = EnergyModel(
    "horowitz-45nm",
    "additions and multiplications of 8 and 32 bits: Horowitz, Computing's energy problem, ISSCC"
    " 2014; barrel shifts of 8, 16 and 32 bits: You et al., ShiftAddNet, NeurIPS 2020",
    add=_between(((8, 0.03), (32, 0.1))),
    multiply=_between(((8, 0.2), (32, 3.1))),
    shift=_between(((8, 0.024), (16, 0.057), (32, 0.13))),
)
QKERAS = EnergyModel(
    "qkeras",
    "formulas of QKeras' qtools; a shift counts as an addition there",
    add=lambda bits: 0.003125 * bits,
    multiply=lambda bits: 0.0029948 * bits**2 + 0.0010417 * bits,
    shift=lambda bits: 0.003125 * bits,
)
ENERGY_MODELS = (HOROWITZ, QKERAS)


@dataclass(frozen=True)
class Operations:
    """Executed operations of one form, per sample."""

    multiplications: float = 0
    additions: float = 0
    shifts: float = 0

    def __add__(self, other: Operations) -> Operations:
        return Operations(
            self.multiplications + other.multiplications,
            self.additions + other.additions,
            self.shifts + other.shifts,
        )


@dataclass(frozen=True)
class LayerCost:
    """One layer: its size, and its operations by form; `active` leaves zero activations out."""

    path: str
    weights: int
    nonzero: int
    digits: int
    positions: int
    macs: int
    accumulator_bits: int
    factor_bits: int
    operations: dict[str, Operations]
    active: dict[str, Operations] | None
    shared_adds: int | None = None

    @property
    def adds(self) -> float:
        """Executed additions without sharing."""
        return self.operations["add-shift-add"].additions


@dataclass(frozen=True)
class CostReport:
    """A network's layers and their sums.

    adder_bits: the width that additions and shifts are priced at; None: each layer's own.
    """

    encoding: str
    adder_bits: int | None
    layers: tuple[LayerCost, ...]
    models: tuple[EnergyModel, ...] = field(default=ENERGY_MODELS, repr=False)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def adds(self) -> float:
        return sum(layer.adds for layer in self.layers)

    @property
    def adds_per_mac(self) -> float:
        return self.adds / self.macs

    @property
    def digits_per_weight(self) -> float:
        return sum(e.digits for e in self.layers) / sum(e.weights for e in self.layers)

    @property
    def shared_adds(self) -> int | None:
        """Executed additions of the compiled network, partial sums shared; None: not compiled."""
        counts = [layer.shared_adds for layer in self.layers]
        return None if None in counts else sum(count for count in counts if count is not None)

    def energy(
        self, model: EnergyModel, form: str, active: bool = False
    ) -> dict[str, float] | None:
        """Picojoules per sample by operation, and their total; None where zeros were not counted.

        total_with_wired_shifts leaves shifts out: a constant shift in hardware is wiring.
        """
        parts = dict.fromkeys(("multiplications", "additions", "shifts"), 0.0)
        for layer in self.layers:
            operations = layer.active if active else layer.operations
            if operations is None:
                return None
            bits = self.adder_bits or layer.accumulator_bits
            counts = operations[form]
            parts["multiplications"] += counts.multiplications * model.multiply(layer.factor_bits)
            parts["additions"] += counts.additions * model.add(bits)
            parts["shifts"] += counts.shifts * model.shift(bits)
        total = sum(parts.values())
        return {**parts, "total": total, "total_with_wired_shifts": total - parts["shifts"]}

    def to_dict(self) -> dict[str, object]:
        """For JSON: everything above; energies in pJ per sample by model, form and zeros."""
        shared = self.shared_adds
        return {
            "encoding": self.encoding,
            "adder_bits": self.adder_bits or "each layer's accumulator_bits",
            "macs": self.macs,
            "adds": self.adds,
            "adds_per_mac": self.adds_per_mac,
            "digits_per_weight": self.digits_per_weight,
            "shared_adds": shared,
            "shared_adds_per_mac": None if shared is None else shared / self.macs,
            "energy_pj": {
                model.name: {
                    form: {
                        "all": self.energy(model, form),
                        "without_zero_activations": self.energy(model, form, active=True),
                    }
                    for form in FORMS
                }
                for model in self.models
            },
            "sources": {model.name: model.source for model in self.models},
            "layers": [asdict(layer) for layer in self.layers],
        }

    def __str__(self) -> str:
        return _table(self)


def _table(report: CostReport) -> str:
    rows = [("layer", "weights", "digits", "adds", "adds/MAC", "shared", "acc bits")]
    for layer in report.layers:
        shared = "-" if layer.shared_adds is None else str(layer.shared_adds)
        ratio = f"{layer.adds / layer.macs:.3f}"
        rows.append(
            (layer.path, str(layer.weights), str(layer.digits), f"{layer.adds:.0f}", ratio, shared,
             str(layer.accumulator_bits))
        )  # fmt: skip
    shared = "-" if report.shared_adds is None else str(report.shared_adds)
    total = (sum(e.weights for e in report.layers), sum(e.digits for e in report.layers))
    rows.append(
        ("total", *map(str, total), f"{report.adds:.0f}", f"{report.adds_per_mac:.3f}", shared, "")
    )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    width = f"{report.adder_bits} bits" if report.adder_bits else "each layer's own width"
    lines.append(f"energy in nJ per sample, additions and shifts of {width}; (x): constant shifts")
    lines.append("as wiring; [x]: also without operations on zero activations")
    for model in report.models:
        cells = [f"{form} {_cell(report, model, form)}" for form in FORMS]
        lines.append(f"{model.name}: {', '.join(cells)}")
    return "\n".join(line.rstrip() for line in lines)


def _cell(report: CostReport, model: EnergyModel, form: str) -> str:
    energy = report.energy(model, form)
    text = f"{energy['total'] / 1e3:.4g}"
    if energy["shifts"]:
        text += f" ({energy['total_with_wired_shifts'] / 1e3:.4g})"
    active = report.energy(model, form, active=True)
    return text if active is None else f"{text} [{active['total_with_wired_shifts'] / 1e3:.4g}]"

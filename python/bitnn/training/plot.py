# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Accuracy against adds and energy of finished runs, all methods in one SVG picture.

Runs that differ in their seed alone are one point, their mean, with a bar from the lowest to the
highest accuracy. The same runs give the same bytes.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from bitnn.errors import BitnnError
from bitnn.training import files

# Forms of arithmetic in which a method's networks are priced. One that prunes whole weights, or
# nothing, may also run on multipliers.
MULTIPLIES = ("dense", "weight-pruning")
COLOURS = ("#1f5fa8", "#c8500a", "#2e8540", "#7b3f98", "#8a6d00", "#555555")


@dataclass(frozen=True)
class Point:
    """One setting over its seeds: label of its curve, accuracies in percent, metrics by seed."""

    label: str
    method: str
    accuracies: list[float]
    metrics: list[dict[str, Any]]

    def average(self, *path: str) -> float | None:
        """The mean over the seeds of a nested entry of metrics.json."""
        values = []
        for one in self.metrics:
            value: Any = one
            for key in path:
                value = None if value is None else value.get(key)
            values.append(value)
        return None if None in values else mean(values)


def points(runs: Iterable[Path]) -> list[Point]:
    """The finished, quantized runs among the folders, seeds together, in order of adds."""
    groups: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    for run in runs:
        if not (run / "metrics.json").exists():
            continue
        settings, metrics = (files.read_json(run / f) for f in ("config.json", "metrics.json"))
        if "adds_per_mac" in metrics:
            key = {k: v for k, v in settings.items() if k not in ("seed", "out", "data_root")}
            groups[repr(sorted(key.items()))].append((settings, metrics))
    if not groups:
        raise BitnnError("no finished run among the folders: 'bitnn train' leaves metrics.json")
    found = [
        Point(
            label(group[0][0]),
            group[0][0]["method"],
            [metrics["accuracy"] for _, metrics in group],
            [metrics for _, metrics in group],
        )
        for group in groups.values()
    ]
    return sorted(found, key=lambda p: (p.label, p.average("adds_per_mac")))


def label(settings: dict[str, Any]) -> str:
    """The curve that a run belongs to."""
    name = settings["method"]
    if name == "bit-pruning":
        name = "bit-pruning to a budget"
        if not settings["budget"]:
            name = f"bit-pruning, {settings['form']} form, prox λ {settings['prox_lambda']:g}"
    if settings["power_of_two"]:
        name += ", powers of two"
    if settings["weight_bits"] != 8 or settings["activation_bits"] != 8:
        name += f", {settings['weight_bits']}/{settings['activation_bits']} bits"
    return name


def plot(runs: list[Path], out: Path, title: str) -> None:
    """Write the picture: adds per MAC, and the energy of the arithmetic in each model."""
    try:
        import matplotlib
    except ImportError as error:
        raise BitnnError("plots need matplotlib: pip install bitnn[train]") from error
    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "bitnn", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot, ticker

    curves: dict[str, list[Point]] = defaultdict(list)
    for point in points(runs):
        curves[point.label].append(point)
    models = sorted(next(iter(curves.values()))[0].metrics[0].get("energy_pj", {}))
    figure, axes = pyplot.subplots(
        1, 1 + len(models), figsize=(4.6 * (1 + len(models)), 4.4), squeeze=False, sharey=True
    )
    for colour, (name, curve) in enumerate(curves.items()):
        style = {"color": COLOURS[colour % len(COLOURS)], "label": name}
        _adds(axes[0][0], curve, style)
        for axis, model in zip(axes[0][1:], models, strict=True):
            _energy(axis, curve, model, style)
    axes[0][0].set(xlabel="adds per MAC", ylabel="accuracy in %", xscale="log")
    for axis, model in zip(axes[0][1:], models, strict=True):
        axis.set(xlabel=f"nJ of arithmetic per image, {model}", xscale="log")
        axis.set_title("● add-shift-add   ■ on multipliers", fontsize=8)
    for axis in axes[0]:
        axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:g}"))
        axis.xaxis.set_minor_formatter(ticker.NullFormatter())
        axis.grid(alpha=0.3, which="both", linewidth=0.5)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(title)
    figure.set_layout_engine("constrained")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    files.replace_file(out, lambda path: path.write_bytes(buffer.getvalue()))


def _adds(axis: Any, curve: list[Point], style: dict[str, Any]) -> None:  # noqa: ANN401
    _draw(axis, curve, [p.average("adds_per_mac") for p in curve], style, "o-")
    shared = [p.average("shared_adds_per_mac") for p in curve]
    if None not in shared:
        hollow = style | {"label": f"{style['label']}, sums shared", "markerfacecolor": "white"}
        _draw(axis, curve, shared, hollow, "o:")


def _energy(axis: Any, curve: list[Point], model: str, style: dict[str, Any]) -> None:  # noqa: ANN401
    """Filled: add-shift-add. Squares: the same network on multipliers."""
    forms = {"add-shift-add": "o-"}
    if curve[0].method in MULTIPLIES:
        forms["mult-add"] = "s--"
    for form, marks in forms.items():
        energies = [p.average("energy_pj", model, form, "all", "total") for p in curve]
        known = [energy / 1e3 for energy in energies if energy is not None]
        if len(known) == len(curve):
            _draw(axis, curve, known, style, marks)


def _draw(axis: Any, curve: list[Point], xs: list[Any], style: dict[str, Any], marks: str) -> None:  # noqa: ANN401
    ys = [mean(p.accuracies) for p in curve]
    below = [y - min(p.accuracies) for y, p in zip(ys, curve, strict=True)]
    above = [max(p.accuracies) - y for y, p in zip(ys, curve, strict=True)]
    axis.errorbar(xs, ys, [below, above], fmt=marks, markersize=4, linewidth=1, capsize=2, **style)

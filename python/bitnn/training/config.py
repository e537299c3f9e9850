# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one configuration of a run: typed, from a TOML file and from the command line.

Nothing here imports torch, so that `bitnn --help` stays quick.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from bitnn.errors import BitnnError


def _option(default: Any, text: str) -> Any:  # noqa: ANN401 (the type is the field's annotation)
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Config:
    """Every setting of a run. Equal configurations give equal files."""

    out: str = _option("", "folder of the run; an interrupted run continues in it")

    data: str = _option("digits", "digits, mnist, fashion-mnist, cifar10, cifar100, folder:PATH")
    data_root: str = _option("", "folder of the data files (default: $BITNN_DATA)")
    size: int = _option(0, "scale images to this height and width (0: as they are)")
    augment: str = _option("standard", "standard (that of the data set), none, crop-flip, warp")
    augment_strength: float = _option(1.0, "factor of warp's rotations, scales, shifts, bends")
    hold_out: int = _option(0, "evaluate on so many training images, not on the test set")
    limit: int = _option(0, "use only so many training images (0: all)")

    model: str = _option("mlp", "the network; 'bitnn train --model list' lists them")
    init: str = _option("", "start from weights.pt of another run (a --method float run)")
    weight_bits: int = _option(8, "2 to 8")
    activation_bits: int = _option(8, "2 to 8")
    power_of_two: bool = _option(False, "requantize by shifts alone")
    per_tensor: bool = _option(False, "one weight scale per layer instead of per output channel")

    method: str = _option("dense", "float, dense, bit-pruning, weight-pruning")
    budget: float = _option(0.0, "bit-pruning: executed adds per MAC of the whole network")
    strength: float = _option(0.0, "the paper's regulariser: its factor in the loss, no budget")
    prox_lambda: float = _option(1.0, "the paper's regulariser: cost of one digit")
    form: str = _option("weight", "the paper's regulariser: weight or activation")
    encoding: str = _option("csd", "digits that count: csd or binary")
    ramp: float = _option(0.35, "budget: part of the run in which it falls to its value")
    solve_every: int = _option(10, "budget: steps between two exact allocations")

    epochs: int = _option(5, "passes over the training images")
    batch: int = _option(128, "images per step, all processes together")
    optimizer: str = _option("adamw", "adamw or sgd (with momentum 0.9)")
    lr: float = _option(1e-3, "highest learning rate; cosine after a linear warm-up")
    lr_end: float = _option(1e-5, "learning rate at the end")
    warm_up: float = _option(0.05, "part of the run")
    weight_decay: float = _option(1e-4, "of weights, not of biases, BatchNorm and steps")
    beta2: float = _option(0.99, "AdamW's second moment")
    label_smoothing: float = _option(0.0, "part of the target spread over all classes")

    seed: int = _option(0, "of weights, order and augmentation")
    device: str = _option("cpu", "cpu or cuda")
    threads: int = _option(0, "CPU threads (0: torch's choice)")
    precision: str = _option("float32", "float32, bfloat16 or float16 (mixed)")
    checkpoint_minutes: float = _option(5.0, "between two checkpoints; also at every epoch's end")
    tensorboard: bool = _option(False, "also write TensorBoard's event files")

    def __post_init__(self) -> None:
        _check(self.epochs > 0 and self.batch > 0, "epochs and batch must be positive")
        _check(2 <= self.weight_bits <= 8, "weight_bits must be 2 to 8")
        _check(2 <= self.activation_bits <= 8, "activation_bits must be 2 to 8")
        _one_of("method", self.method, ["float", "dense", "bit-pruning", "weight-pruning"])
        _one_of("encoding", self.encoding, ["csd", "binary"])
        _one_of("form", self.form, ["weight", "activation"])
        _one_of("optimizer", self.optimizer, ["adamw", "sgd"])
        _one_of("precision", self.precision, ["float32", "bfloat16", "float16"])
        if self.method == "bit-pruning":
            _check(
                (self.budget > 0) != (self.strength > 0),
                "bit-pruning takes either --budget (adds per MAC) or --strength",
            )
        if self.method == "weight-pruning":
            _check(self.strength > 0, "weight-pruning takes --strength")

    def json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


# Settings of earlier versions, and the value at which they did nothing: files that have them are
# still read. All of them belonged to budgets.
RETIRED: dict[str, Any] = {"settle": 1.0}

# They say where and how fast a run goes, not what comes out of it.
CIRCUMSTANCES = ("out", "data_root", "threads", "checkpoint_minutes", "tensorboard")


def same_run(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether two configurations, as `Config.json` writes them, describe the same run."""
    return not differing(left, right)


def differing(left: dict[str, Any], right: dict[str, Any]) -> str:
    """Settings in which two runs differ, with both values; empty for one and the same run.

    A setting that a file does not have yet had its default's effect when the file was written.
    """
    left, right = _completed(left), _completed(right)
    keys = sorted((left.keys() | right.keys()) - set(CIRCUMSTANCES))
    parts = [f"{k}: {left.get(k)} / {right.get(k)}" for k in keys if left.get(k) != right.get(k)]
    return ", ".join(parts)


def _completed(settings: dict[str, Any]) -> dict[str, Any]:
    defaults = {spec.name: spec.default for spec in dataclasses.fields(Config)} | RETIRED
    settings = defaults | settings
    return settings if settings["budget"] else settings | RETIRED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One `--option` per field; what is not given keeps the file's value or the default."""
    types = get_type_hints(Config)
    for spec in dataclasses.fields(Config):
        flag = "--" + spec.name.replace("_", "-")
        text = spec.metadata["help"]
        if types[spec.name] is bool:
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=None, help=text)
        else:
            shown = "" if spec.default in ("", 0) else f" (default: {spec.default})"
            parser.add_argument(flag, type=types[spec.name], metavar="X", help=text + shown)


def from_arguments(options: argparse.Namespace, file: str | None) -> Config:
    """Defaults, overridden by the file, overridden by the command line."""
    settings = read(Path(file)) if file else {}
    for spec in dataclasses.fields(Config):
        if getattr(options, spec.name) is not None:
            settings[spec.name] = getattr(options, spec.name)
    return from_settings(settings, file or "the command line")


def from_settings(settings: dict[str, Any], origin: str) -> Config:
    """A configuration from a dictionary; `origin` is named where a key or a type is wrong."""
    types = get_type_hints(Config)
    known: dict[str, Any] = {}
    for key, value in settings.items():
        name = key.replace("-", "_")
        if name in RETIRED:
            _check(
                value == RETIRED[name] or not settings.get("budget"),
                f"{origin}: '{key}' is no longer a setting: leave it out, or use the version of"
                " bitnn that wrote the file",
            )
            continue
        _check(name in types, f"{origin}: there is no setting '{key}'")
        wanted = types[name]
        if wanted is float and type(value) is int:
            value = float(value)
        _check(type(value) is wanted, f"{origin}: '{key}' must be of type {wanted.__name__}")
        known[name] = value
    return Config(**known)


def read(path: Path) -> dict[str, Any]:
    """A TOML file, or the config.json of an earlier run."""
    try:
        text = path.read_text()
        return json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BitnnError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise BitnnError(f"{path}: {error}") from error


def _one_of(name: str, value: str, known: list[str]) -> None:
    _check(value in known, f"{name} '{value}' is not one of {', '.join(known)}")


def _check(holds: bool, text: str) -> None:
    if not holds:
        raise BitnnError(text)

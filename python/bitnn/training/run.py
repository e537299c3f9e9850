# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One training run: a folder, a configuration, a model, a method.

The folder gets config.json at once, checkpoint.pt while training, log.csv after every epoch, and
at the end weights.pt, model.onnx (where the model is quantized) and, last, metrics.json: a run is
finished when that file is there. Started again, a run continues where its checkpoint is, and
gives the bytes it would have given without the interruption.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import fx, nn

from bitnn.errors import BitnnError
from bitnn.training import distributed, files, methods, models, optimization
from bitnn.training.batches import Batches, evaluation, splits
from bitnn.training.config import Config, differing, same_run
from bitnn.training.data import resized
from bitnn.training.distributed import World
from bitnn.training.finish import export_and_measure
from bitnn.training.interruption import Interrupted, Interruption
from bitnn.training.layers import estimate_statistics
from bitnn.training.log import Log
from bitnn.training.prepare import prepare
from bitnn.training.progress import Progress


def train(config: Config) -> dict[str, Any]:
    """Run, or continue, or only read what a finished run has measured; returns metrics.json."""
    if not config.out:
        raise BitnnError("say where the run's files go: --out runs/NAME")
    if config.model == "autoencoder":
        raise BitnnError(
            "'bitnn train' trains classifiers; for the autoencoder, write the loop with"
            " bitnn.prepare and bitnn.BitPruning"
        )
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.device == "cuda" and not torch.cuda.is_available():
        raise BitnnError("no CUDA device is available: --device cpu")
    world = distributed.join(config.device)
    try:
        done = finished(config)
        return done if done else Run(config, world).train()
    finally:
        distributed.leave()


def finished(config: Config) -> dict[str, Any] | None:
    """What the folder's finished run measured; refuses a folder of another configuration."""
    folder = Path(config.out)
    stored = folder / "config.json"
    if stored.exists():
        earlier = files.read_json(stored)
        if not same_run(earlier, config.json()):
            changed = differing(earlier, config.json())
            raise BitnnError(f"{folder} holds another run ({changed}): choose another --out")
    metrics = folder / "metrics.json"
    return files.read_json(metrics) if metrics.exists() else None


# Training images from which activations get their first steps; the export is checked on them.
CALIBRATION = 256
# Batches over which the exported BatchNorm statistics are taken.
STATISTICS = 100


def _prepared(config: Config, model: nn.Module, sample: torch.Tensor) -> nn.Module:
    """The model as the method trains it: started from `init`, and quantized unless in float."""
    if config.init:
        model.load_state_dict(files.read_tensors(Path(config.init)))
    if config.method == "float":
        return model
    return prepare(
        model,
        sample,
        weight_bits=config.weight_bits,
        activation_bits=config.activation_bits,
        per_channel=not config.per_tensor,
        power_of_two=config.power_of_two,
    )


class Run:
    """The state of a run between two steps."""

    def __init__(self, config: Config, world: World) -> None:
        self.config, self.world = config, world
        self.folder = Path(config.out)
        self.device = torch.device(config.device)
        torch.manual_seed(config.seed)
        data = splits(config)
        self.evaluated = data.test
        self.batches = Batches(data.train, config, world)
        self.total = self.batches.steps * config.epochs
        _, channels, size, _ = data.test.images.shape
        model = models.build(config.model, channels, data.train.classes, size)
        first = resized(data.train.select(slice(CALIBRATION)), size)
        self.sample = first.values(first.images)
        self.model = _prepared(config, model, self.sample).to(self.device)
        self.method = methods.create(config, self.model, self.total)
        self.optimizer = optimization.create(config, self.model)
        self.scaler = torch.amp.GradScaler(config.device, enabled=config.precision == "float16")
        self.log = Log(self.folder, config.tensorboard and world.is_main)
        self.done = 0  # Steps, of self.total.
        self.sums: dict[str, float] = {}  # Of the epoch's steps so far.
        if (self.folder / "checkpoint.pt").exists():
            self._load()

    def train(self) -> dict[str, Any]:
        """All epochs that are left, then what the run delivers."""
        if self.world.is_main:
            files.write_json(self.folder / "config.json", self.config.json())
        steps = self.batches.steps
        with Interruption() as interruption:
            while self.done < self.total:
                epoch = self.done // steps
                begin = saved = time.monotonic()
                bar = Progress(f"epoch {epoch + 1}", steps, self.world.is_main)
                while self.done < (epoch + 1) * steps:
                    self._step(epoch, self.done % steps)
                    bar.update(self.done - epoch * steps, f"loss {self._means()['loss']:.3f}")
                    late = time.monotonic() - saved > 60 * self.config.checkpoint_minutes
                    stop, late = self.world.any([interruption.requested, late], self.device)
                    if stop or late:
                        self._save()
                        saved = time.monotonic()
                    if stop:
                        bar.close()
                        raise Interrupted(f"saved in {self.folder}: the same command continues")
                bar.close(self._end_of_epoch(epoch, time.monotonic() - begin))
        return self._finish()

    def _step(self, epoch: int, step: int) -> None:
        rate = optimization.set_rate(self.optimizer, self.config, self.done / self.total)
        x, y = (part.to(self.device) for part in self.batches(epoch, step))
        self.model.train()
        with self._autocast():
            scores = self.model(x)
        task = F.cross_entropy(scores.float(), y, label_smoothing=self.config.label_smoothing)
        extra = self.method.loss()
        loss = task + extra
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.world.average(p.grad for p in self.model.parameters() if p.grad is not None)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.method.step()
        self.done += 1
        correct = (scores.argmax(1) == y).sum()
        self._add(loss=loss, task=task, correct=correct, images=torch.tensor(len(y)))
        self.sums["rate"] = rate
        if not math.isfinite(self.sums["loss"]):
            raise BitnnError(
                f"the loss of step {self.done} is not finite: lower --lr; the checkpoint before it"
                f" is {self.folder / 'checkpoint.pt'}"
            )

    def _autocast(self) -> torch.autocast:
        kind = torch.float16 if self.config.precision == "float16" else torch.bfloat16
        return torch.autocast(self.device.type, kind, enabled=self.config.precision != "float32")

    def _add(self, **values: torch.Tensor) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())

    def _means(self) -> dict[str, float]:
        """Averages over the epoch's steps so far, of this process."""
        steps = self.done % self.batches.steps or self.batches.steps
        return {
            "loss": self.sums["loss"] / steps,
            "task": self.sums["task"] / steps,
            "train_accuracy": self.sums["correct"] / self.sums["images"],
        }

    def _end_of_epoch(self, epoch: int, seconds: float) -> str:
        """Average what differs between processes, log, save; returns the line for the user."""
        self.world.average(self.model.buffers())
        row = {"epoch": epoch + 1, "rate": self.sums["rate"]}
        row |= self.world.average_values(self._means(), self.device)
        row |= self.method.measures()
        if self.config.hold_out:
            row["held_out_accuracy"] = self.accuracy()
        row["seconds"] = round(seconds, 1)
        self.sums = {}
        if self.world.is_main:
            self.log.add(row)
        self._save()
        return "  ".join(f"{name} {value:.5g}" for name, value in row.items())

    @torch.no_grad()
    def accuracy(self) -> float:
        """Percent of the images to evaluate on, in float32, over all processes."""
        self.model.eval()
        correct = torch.zeros((), device=self.device)
        for x, y in evaluation(self.evaluated, self.world):
            correct += (self.model(x.to(self.device)).argmax(1) == y.to(self.device)).sum()
        return 100 * float(self.world.total(correct)) / len(self.evaluated)

    def deploy(self) -> None:
        """Fix the integers, and BatchNorm's statistics for them; the model is then in eval mode."""
        self.method.finish()
        with self._autocast():
            estimate_statistics(self.model, self._inputs())
        self.world.average(self.model.buffers())

    def _finish(self) -> dict[str, Any]:
        self.deploy()
        metrics: dict[str, Any] = {
            "accuracy": self.accuracy(),
            "evaluated_on": f"{self.config.hold_out} held-out" if self.config.hold_out else "test",
            "seed": self.config.seed,
            "epochs": self.config.epochs,
        }
        if self.world.is_main:
            if self.config.method != "float":
                model = cast(fx.GraphModule, self.model.cpu())
                metrics |= export_and_measure(model, self.sample, self.folder, self.config.encoding)
            metrics["seconds"] = round(self.log.total("seconds"), 1)
            files.write_tensors(self.folder / "weights.pt", self.model.state_dict())
            files.write_json(self.folder / "metrics.json", metrics)
            (self.folder / "checkpoint.pt").unlink(missing_ok=True)
        self.world.barrier()
        return metrics

    def _inputs(self) -> Iterator[torch.Tensor]:
        """Training images of the epoch that would be next, augmented like all others."""
        for step in range(min(STATISTICS, self.batches.steps)):
            yield self.batches(self.config.epochs, step)[0].to(self.device)

    def _save(self) -> None:
        if self.world.is_main:
            state = {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "method": self.method.state_dict(),
                "scaler": self.scaler.state_dict(),
                "log": self.log.rows,
                "done": self.done,
                "sums": self.sums,
                "random": torch.get_rng_state(),
            }
            files.write_tensors(self.folder / "checkpoint.pt", state)
        self.world.barrier()

    def _load(self) -> None:
        state = files.read_tensors(self.folder / "checkpoint.pt")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.method.load_state_dict(state["method"])
        self.scaler.load_state_dict(state["scaler"])
        self.log.rows = state["log"]
        self.done, self.sums = state["done"], state["sums"]
        torch.set_rng_state(state["random"])

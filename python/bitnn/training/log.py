# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run says about every epoch: log.csv, and TensorBoard's events on request."""

from __future__ import annotations

from pathlib import Path

from bitnn.errors import BitnnError
from bitnn.training import files

Row = dict[str, float]


class Log:
    """Rows of all epochs; a checkpoint carries them, so that a resumed log has no gap."""

    def __init__(self, folder: Path, tensorboard: bool) -> None:
        self._folder = folder
        self.rows: list[Row] = []
        self._writer = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise BitnnError("--tensorboard needs it: pip install tensorboard") from error
            self._writer = SummaryWriter(str(folder / "tensorboard"))

    def add(self, row: Row) -> None:
        self.rows.append(row)
        files.write_csv(self._folder / "log.csv", self.rows)
        if self._writer:
            for name, value in row.items():
                self._writer.add_scalar(name, value, int(row["epoch"]))
            self._writer.flush()

    def total(self, name: str) -> float:
        return sum(row[name] for row in self.rows)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Progress on a terminal: one line that moves, and one that stays for every epoch."""

from __future__ import annotations

import sys
import time


class Progress:
    """A bar for the steps of one epoch, drawn at most five times a second, only on a terminal."""

    def __init__(self, label: str, steps: int, shown: bool) -> None:
        self._label, self._steps = label, steps
        self._shown = shown and sys.stderr.isatty()
        self._begin = self._drawn = time.monotonic()
        self._first: int | None = None

    def update(self, step: int, text: str) -> None:
        """`step` of the epoch's steps are done."""
        now = time.monotonic()
        if self._first is None:
            self._first = step - 1
        if not self._shown or now - self._drawn < 0.2:
            return
        self._drawn = now
        rate = (now - self._begin) / max(1, step - self._first)
        full = 24 * step // self._steps
        bar = "#" * full + "." * (24 - full)
        left = rate * (self._steps - step)
        print(f"\r{self._label} [{bar}] {left:4.0f} s left  {text}\033[K", end="", file=sys.stderr)

    def close(self, text: str = "") -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr)
        if text:
            print(text, file=sys.stderr, flush=True)

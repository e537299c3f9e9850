# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Code whose layers the caller's threads share: the same integers in any order, on any threads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import bitnn
from bitnn.compiler import missing_features
from bitnn.npz import read_npz

EXAMPLE = ROOT / "examples" / "digits"
MODEL = EXAMPLE / "model.onnx"
SAMPLES = 8

# Reads images, writes scores; its argument says who runs the bodies.
PROGRAM = r"""
#include "model.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  void (*body)(void *argument, int32_t index);
  void *argument;
  int32_t first, count;
} Share;

enum { Threads = 4 };
static int calls, bodies;

static void *work(void *pointer) {
  Share *share = pointer;
  for (int32_t i = share->first; i < share->count; i += Threads)
    share->body(share->argument, i);
  return 0;
}

static void in_threads(void *context, int32_t count,
                       void (*body)(void *, int32_t), void *argument) {
  pthread_t threads[Threads];
  Share shares[Threads];
  for (int32_t t = 0; t < Threads; ++t) {
    shares[t] = (Share){body, argument, t, count};
    if (pthread_create(&threads[t], 0, work, &shares[t]))
      exit(3);
  }
  for (int t = 0; t < Threads; ++t)
    pthread_join(threads[t], 0);
  ++*(int *)context;
  bodies += count;
}

static void reversed(void *context, int32_t count,
                     void (*body)(void *, int32_t), void *argument) {
  for (int32_t i = count; i-- > 0;)
    body(argument, i);
  ++*(int *)context;
  bodies += count;
}

int main(int argc, char **argv) {
  static uint8_t image[MODEL_IMAGE_SIZE], scores[MODEL_SCORES_SIZE];
  static _Alignas(MODEL_SCRATCH_ALIGNMENT) char scratch[MODEL_SCRATCH_BYTES];
  model_parallel threads = {in_threads, &calls}, backwards = {reversed, &calls};
  const model_parallel *parallel = 0;
  if (argc == 2)
    parallel = argv[1][0] == 't' ? &threads : &backwards;
  while (fread(image, 1, sizeof image, stdin) == sizeof image) {
    model_run(image, scores, scratch, parallel);
    fwrite(scores, 1, sizeof scores, stdout);
  }
  fprintf(stderr, "%d %d\n", calls, bodies);
  return 0;
}
"""


def build(compiler: str, folder: Path, *options: str) -> Path:
    """The program with the example's network, of the name `model`."""
    (folder / "main.c").write_text(PROGRAM)
    flags = ["--parallel", "--name=model", "--report=model.json", *options]
    commands = [
        [compiler, str(MODEL), "-o", "model.o", *flags],
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", "main.c", "model.o"],
    ]
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "a.out"


def images() -> bytes:
    grey = [np.rint(image * 16) for image in read_npz(EXAMPLE / "heldout.npz")["image"][:SAMPLES]]
    return np.stack(grey).astype(np.uint8).tobytes()


def expected(target: str, schedule: str) -> bytes:
    network = bitnn.compile(MODEL, target=target, schedule=schedule)
    image = np.frombuffer(images(), np.uint8).reshape(SAMPLES, -1)
    scores = [network.run_integers([[each.reshape(network.inputs[0].shape)]]) for each in image]
    return b"".join(outputs[0][0].tobytes() for outputs in scores)


@pytest.mark.parametrize("schedule", ["straight-line", "table"])
@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3"])
def test_any_order(compiler: str, tmp_path: Path, target: str, schedule: str) -> None:
    if missing := missing_features(target):
        pytest.skip(f"this machine lacks {', '.join(missing)}")
    program = build(compiler, tmp_path, f"--target={target}", f"--schedule={schedule}")
    scores = expected(target, schedule)
    for mode in ([], ["threads"], ["reversed"]):
        finished = subprocess.run([program, *mode], input=images(), capture_output=True, check=True)
        assert finished.stdout == scores, mode
        calls, bodies = map(int, finished.stderr.split())
        assert (calls > 0) == bool(mode)
        assert bodies >= 2 * calls


def test_no_two_bodies_touch_the_same_bytes(compiler: str, tmp_path: Path) -> None:
    """A checker of races watches every access, also those of the compiled code."""
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    program = build(compiler, tmp_path, "--target=x86-64", "--schedule=straight-line")
    image = images()[: len(images()) // SAMPLES]
    finished = subprocess.run(
        ["valgrind", "--tool=drd", "--quiet", "--error-exitcode=9", program, "threads"],
        input=image,
        capture_output=True,
        text=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    assert finished.stdout == expected("x86-64", "straight-line")[: len(finished.stdout)]


def test_parts_and_report(compiler: str, tmp_path: Path) -> None:
    """The same in parts; the object needs nothing, and its only symbol is the network's."""
    program = build(compiler, tmp_path, "--target=x86-64", "--part-size=300")
    symbols = subprocess.run(
        ["nm", "-g", "model.o"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.split()
    assert symbols[1:] == ["T", "model_run"]
    assert json.loads((tmp_path / "model.json").read_text())["parallel"] is True
    finished = subprocess.run([program, "threads"], input=images(), capture_output=True, check=True)
    assert finished.stdout == expected("x86-64", "auto")


def test_benchmark_of_threads() -> None:
    """It compares the integers of all sides before it prints a line."""
    command = [sys.executable, ROOT / "benchmarks" / "parallel.py", MODEL, "--threads=2"]
    command += ["--target=x86-64", "--quick"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    name, *times, gain = finished.stdout.splitlines()[-1].split()
    assert name == "model" and len(times) == 3
    # Threads may lose: whoever runs tests may have but one processor.
    assert all(float(time) > 0 for time in times) and float(gain) >= 0

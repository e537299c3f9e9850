# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The public matrices: random ones from seeds, sparse ones, layers of the MLPerf Tiny networks.

A matrix is stored as (inputs, outputs), y = x @ M, in int16. Its name, its rule and the first 16
hex digits of the SHA-256 of its values (little endian, in C order) are what others need to measure
the same; what is made is checked against them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.int16]
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BITNN_DATA", ROOT.parent / "shared" / "data"))
NETWORKS = DATA / "mlperf-tiny" / "onnx"
FUSED = "BiasAdd_weights_fused_bn"

# Name, network, tensor; convolutions have their inputs in the order channel, row, column.
LAYERS = [
    ("real_ad_dense1_128x128", "anomaly_detection", "functional_1/dense_1/MatMul"),
    (
        "real_kws_pw1_64x64",
        "keyword_spotting",
        f"StatefulPartitionedCall/functional_1/conv2d_1/{FUSED}",
    ),
    ("real_rn8_conv0_27x16", "image_classification", f"model/conv2d/{FUSED}"),
    ("real_rn8_conv1_144x16", "image_classification", f"model/conv2d_1/{FUSED}"),
    ("real_rn8_conv7_576x64", "image_classification", f"model/conv2d_7/{FUSED}"),
    ("real_vww_pw7_128x128", "visual_wake_words", "model/conv2d_7/Conv2D"),
]

HASHES = {
    "rand_8x8_b4_s0": "a8ef186b22ef7ae2",
    "rand_16x16_b4_s0": "0304561eafbb2d74",
    "rand_32x32_b4_s0": "991df8b5ce325ab8",
    "rand_64x64_b4_s0": "2e2870ae549fae0c",
    "rand_128x128_b4_s0": "e1650d35a310c1cc",
    "rand_8x8_b8_s0": "be8dcb85cf58d57f",
    "rand_16x16_b8_s0": "39214262bdf96376",
    "rand_32x32_b8_s0": "60e27d65b816feaf",
    "rand_64x64_b8_s0": "1dd774a5245516d5",
    "rand_128x128_b8_s0": "7e33106ac1a6b8c8",
    "sparse_576x64_d30": "b9232708257a27aa",
    "sparse_576x64_d15": "3bf6a26cc7b83b63",
    "real_ad_dense1_128x128": "b9c9fa7763da663f",
    "real_kws_pw1_64x64": "636e9ae46e4226b2",
    "real_rn8_conv0_27x16": "a85382bf1f098dec",
    "real_rn8_conv1_144x16": "5eb72d82c43719a9",
    "real_rn8_conv7_576x64": "8fe8f1be36fe0203",
    "real_vww_pw7_128x128": "56073143e314518b",
}


@dataclass(frozen=True)
class Case:
    """A matrix by its name. Cases of one class differ in their seeds alone."""

    name: str
    make: Callable[[], Matrix]

    @property
    def group(self) -> str:
        return self.name.rsplit("_s", 1)[0] if self.name.startswith("rand") else self.name

    def matrix(self) -> Matrix:
        """(inputs, outputs), int16; refuses values that are not those others measure."""
        matrix = np.ascontiguousarray(self.make(), "<i2")
        digest = hashlib.sha256(matrix.tobytes()).hexdigest()[:16]
        if HASHES.get(self.name, digest) != digest:
            raise ValueError(f"{self.name} is not the public matrix: its SHA-256 begins {digest}")
        return matrix


def public_cases() -> Iterator[Case]:
    """The whole set, small before large."""
    for size in (8, 16, 32, 64, 128):
        for bits in (4, 8):
            for seed in range(5 if size < 128 else 1):
                name = f"rand_{size}x{size}_b{bits}_s{seed}"
                yield Case(name, lambda n=size, b=bits, s=seed: random(n, b, s))
    for density in (0.30, 0.15):
        yield Case(f"sparse_576x64_d{int(100 * density)}", lambda d=density: sparse(d))
    if NETWORKS.is_dir():
        for name, network, tensor in LAYERS:
            yield Case(name, lambda f=network, t=tensor: layer(f, t))


def random(size: int, bits: int, seed: int) -> Matrix:
    half = 2 ** (bits - 1)
    return np.random.default_rng(seed).integers(-half, half, (size, size)).astype(np.int16)


def sparse(density: float) -> Matrix:
    """Powers of two up to 32 and their negatives, as training for few digits gives."""
    rng = np.random.default_rng(0)
    mask = rng.random((64, 576)) < density
    powers = rng.integers(0, 6, (64, 576))
    signs = rng.choice(np.array([-1, 1]), (64, 576))
    return (mask * signs * (1 << powers)).T.astype(np.int16)


def layer(network: str, tensor: str) -> Matrix:
    import onnx  # Only the real layers need it.

    graph = onnx.load(NETWORKS / f"{network}.onnx").graph
    weights = {entry.name: entry for entry in graph.initializer}
    array = onnx.numpy_helper.to_array(weights[tensor]).astype(np.int16)
    return array.reshape(array.shape[0], -1).T

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`bitnn accuracy`: the test images of a data set through the compiled code."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bitnn.compiler import compile
from bitnn.errors import BitnnError
from bitnn.graph import Edge, load_model
from bitnn.options import chosen, positive
from bitnn.reference import Reference
from bitnn.samples import range_of
from bitnn.values import Array

if TYPE_CHECKING:
    from bitnn.training.data import Dataset

# How a byte becomes a number, by the data set's offset and divisor. 'trained' is what networks of
# `bitnn train` see; MLPerf Tiny's ResNet-8 takes bytes.
PIXELS: dict[str, Callable[[Array, int, int], Array]] = {
    "trained": lambda x, offset, divisor: (x.astype(np.float32) - offset) / np.float32(divisor),
    "bytes": lambda x, offset, divisor: x.astype(np.float32),
    "unit": lambda x, offset, divisor: x.astype(np.float32) / np.float32(255),
}
BATCH = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `bitnn accuracy` takes, besides the options of bitnn-compile."""
    parser.add_argument("model", help="the ONNX model: one input, one output of class scores")
    parser.add_argument("--data", required=True, help="cifar10, mnist, ... or folder:PATH")
    parser.add_argument("--data-root", help="where its files are (default: $BITNN_DATA)")
    parser.add_argument("--pixels", choices=PIXELS, help="default: what fits the input's range")
    parser.add_argument("--limit", type=positive, help="so many images (default: the test set)")
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class Images:
    """Test images as bytes (N, C, H, W), their labels, and how the network takes them.

    `channels_last`: its input is N, H, W, C. An input without these axes takes the bytes in order.
    """

    data: Dataset
    edge: Edge
    pixels: str
    channels_last: bool

    def batches(self, count: int) -> Iterator[tuple[list[Array], Array]]:
        """The network's inputs and the labels, some at a time."""
        shape = [extent or 1 for extent in self.edge.shape]
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            x = PIXELS[self.pixels](
                self.data.images[start:stop].numpy(), self.data.offset, self.data.divisor
            )
            x = np.moveaxis(x, 1, 3) if self.channels_last else x
            inputs = [np.ascontiguousarray(image).reshape(shape) for image in x]
            yield inputs, self.data.labels[start:stop].numpy()


def run(options: argparse.Namespace) -> int:
    """Print how many images are right, and what onnxruntime makes of them."""
    reference = Reference(options.model)
    images = _images(reference, options)
    count = min(options.limit or len(images.data), len(images.data))
    given = chosen(options)
    network = compile(options.model, **given)
    print(f"network:      {Path(options.model).name}, {' '.join(given.values()) or 'host'}")
    print(f"data:         {options.data}, {count:,} test images; pixels: {images.pixels}")
    name = images.edge.name

    def compiled(inputs: list[Array]) -> list[int]:
        results = network.run([{name: x} for x in inputs])
        return [int(np.argmax(next(iter(result.values())))) for result in results]

    ours, labels = _classes(images, count, compiled, "compiled")
    _print("accuracy", ours, labels)
    if importlib.util.find_spec("onnxruntime") is None:
        print("onnxruntime:  not installed, not compared (pip install bitnn[compare])")
        return 0
    theirs, _ = _classes(images, count, _onnxruntime(options.model, reference), "onnxruntime")
    same = int((ours == theirs).sum())
    _print("onnxruntime", theirs, labels, f"; the same class on {same:,} of {count:,}")
    return 0


def _print(what: str, classes: Array, labels: Array, more: str = "") -> None:
    right, count = int((classes == labels).sum()), len(labels)
    share = 100 * right / count
    print(f"{what + ':':<13} {right:,} of {count:,} images ({share:.2f} %){more}", flush=True)


def _classes(
    images: Images, count: int, classify: Callable[[list[Array]], list[int]], what: str
) -> tuple[Array, Array]:
    """The class of every image and its label; shows how far it is."""
    start, found, labels = time.monotonic(), [], []
    for inputs, right in images.batches(count):
        found += classify(inputs)
        labels += right.tolist()
        seconds = time.monotonic() - start
        text = f"{what}: {len(found)} of {count} images, {seconds:.0f} s"
        print(f"\r{text}", end="" if len(found) < count else "\n", file=sys.stderr, flush=True)
    return np.asarray(found), np.asarray(labels)


def _onnxruntime(model: str, reference: Reference) -> Callable[[list[Array]], list[int]]:
    """Optimized, with uint8 activations where the model allows it: all of it in integers."""
    from bitnn.peers import Session
    from bitnn.unsigned import as_unsigned

    proto = load_model(model)
    try:
        proto = as_unsigned(proto)
    except BitnnError as error:
        print(f"onnxruntime:  the model as it is: {error}", file=sys.stderr)
    session = Session(proto, optimize=True)
    (edge,) = reference.graph.inputs

    def classify(inputs: list[Array]) -> list[int]:
        return [int(np.argmax(next(iter(session({edge.name: x}).values())))) for x in inputs]

    return classify


def _images(reference: Reference, options: argparse.Namespace) -> Images:
    """The test images, as large as the network's input wants them."""
    graph = reference.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise BitnnError(
            f"the network has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs: "
            "accuracy needs one input, images, and one output, scores"
        )
    (edge,) = graph.inputs
    if edge.dtype != np.float32:
        raise BitnnError(f"the input {edge} is not float32: there is no pixel format for it")
    data = _load(options, edge)
    channels = data.images.shape[1]
    shape = [extent or 1 for extent in edge.shape]
    channels_last = len(shape) == 4 and shape[3] == channels != shape[1]
    if int(np.prod(shape)) != data.images[0].numel():
        extents = "x".join(map(str, data.images.shape[1:]))
        raise BitnnError(f"the input {edge} takes no images of {extents}, as '{options.data}' has")
    return Images(data, edge, options.pixels or _fitting(reference, edge, data), channels_last)


def _load(options: argparse.Namespace, edge: Edge) -> Dataset:
    try:
        from bitnn.training.data import load, resized
    except ImportError:
        raise BitnnError("data sets need PyTorch: pip install bitnn[train]") from None
    size = edge.shape[2] or 0 if len(edge.shape) == 4 else 0
    data = load(options.data, options.data_root, size).test
    if len(edge.shape) == 2:
        # A flat input: as many pixels as it has.
        size = round(((edge.shape[1] or 0) / data.images.shape[1]) ** 0.5)
    return resized(data, size)


def _fitting(reference: Reference, edge: Edge, data: Dataset) -> str:
    """The pixel format whose ends are nearest to those of the input's quantization."""
    scale, lower, upper = range_of(reference.graph, edge.name)
    ends = np.asarray([lower * scale, upper * scale])
    extremes = np.asarray([data.images.min(), data.images.max()])

    def distance(name: str) -> float:
        return float(np.abs(PIXELS[name](extremes, data.offset, data.divisor) - ends).sum())

    return min(PIXELS, key=distance)

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random small networks: stages of layers with branches, sums and joins between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import helper

from bitnn.randomlayers.builder import Activation, Builder
from bitnn.randomlayers.layer import MICROSOFT, OPSET, Layer, Options, random_input
from bitnn.randomlayers.operators import pick_function
from bitnn.randomlayers.others import add, average, move
from bitnn.randomlayers.products import conv, product, window
from bitnn.reference import Reference
from bitnn.values import Value
from bitnn.windows import output_extents

# Elements of a tensor inside a network: a few hundred layers must run in seconds.
LARGEST = 2048


def random_networks(seed: int, count: int, options: Options | None = None) -> list[Layer]:
    """`count` networks of 3 to 10 stages, drawn with `seed`. The same seed gives the same bytes."""
    networks = []
    for index in range(count):
        rng = np.random.default_rng([seed, index, 1])
        name = f"network{index}"
        builder = Builder(name, "network", False, rng, options or Options(), _network)
        networks.append(builder.build())
    return networks


def _network(b: Builder) -> Activation:
    x = b.input((1, b.between(1, 4), b.between(4, 12), b.between(4, 12)))
    probe, more = Probe(b), []
    for _ in range(b.between(3, 10)):
        x = probe.stage(b.pick(_STAGES), x)
        if b.chance(0.06):
            more.append(x)
    y = probe.stage(b.pick((_classifier, _classifier, _pooled, _same)), x)
    # A stage that was taken back leaves the tensor before it, which is an output once.
    for other in {x.name: x for x in more if x.name != y.name}.values():
        b.output(other)
    return y


class Probe:
    """Runs the network while it is drawn, and takes back stages behind which little is left.

    Full-range weights and arbitrary zero points clamp most values after a few layers; a network
    whose output is a constant would test nothing.
    """

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.known: list[dict[str, Value]] = [{}, {}]
        self.nodes = self.constants = self.inputs = 0
        self.update()

    def stage(self, make: Callable[[Builder, Activation], Activation], x: Activation) -> Activation:
        """The stage's output, or x itself where eight drawings of it lost what x has."""
        b = self.b
        before = (len(b.nodes), len(b.constants), len(b.inputs), len(b.notes))
        for _ in range(8):
            y = make(b, x)
            if y.name == x.name or self._informative(y.name):
                self.update()
                return y
            for drawn, length in zip(
                (b.nodes, b.constants, b.inputs, b.notes), before, strict=True
            ):
                del drawn[length:]
        return x

    def update(self) -> None:
        """What was drawn last stays."""
        self.known = self._values()
        self.nodes, self.constants = len(self.b.nodes), len(self.b.constants)
        self.inputs = len(self.b.inputs)

    def _informative(self, name: str) -> bool:
        first, second = (np.asarray(values[name]) for values in self._values())
        distinct = len(np.unique(np.stack([first, second])))
        return distinct >= min(8, first.size) and bool((first != second).any())

    def _values(self) -> list[dict[str, Value]]:
        """All tensors of two samples, the known ones and those that follow from them."""
        b = self.b
        nodes, constants = b.nodes[self.nodes :], b.constants[self.constants :]
        graph = helper.make_graph(nodes, "stage", [], [], constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        reference = Reference(helper.make_model(graph, opset_imports=opsets))
        targets = [name for node in nodes for name in node.output]
        found = []
        for index, known in enumerate(self.known):
            rng = np.random.default_rng(index)
            inputs = {
                edge.name: random_input(rng, edge, b.scales[edge.name])
                for edge in b.inputs[self.inputs :]
            }
            values = reference.values({**known, **inputs}, targets)
            found.append({**known, **inputs, **values})
        return found


# --- Stages: from an image to an image ----------------------------------------------------------


def _conv(b: Builder, x: Activation) -> Activation:
    kernel, attributes = window(b, x.shape)
    return conv(b, x, b.between(1, 8), kernel, 1, **attributes)


def _pointwise(b: Builder, x: Activation) -> Activation:
    return conv(b, x, b.between(1, 10), (1, 1), 1)


def _depthwise(b: Builder, x: Activation) -> Activation:
    kernel, attributes = window(b, x.shape)
    return conv(b, x, x.shape[1], kernel, x.shape[1], **attributes)


def _same_conv(b: Builder, x: Activation, outputs: int) -> Activation:
    """A convolution that keeps height and width."""
    return conv(b, x, outputs, (3, 3), 1, pads=[1, 1, 1, 1])


def _residual(b: Builder, x: Activation) -> Activation:
    """x, or a 1x1 convolution of it, added to one or two convolutions."""
    outputs = b.pick((x.shape[1], x.shape[1], b.between(1, 8)))
    y = x
    for _ in range(b.between(1, 2)):
        y = _same_conv(b, y, outputs)
    shortcut = x if outputs == x.shape[1] else conv(b, x, outputs, (1, 1), 1)
    return add(b, y, shortcut) if b.chance(0.5) else add(b, shortcut, y)


def _branches(b: Builder, x: Activation) -> Activation:
    """Two or three branches of the same height and width, one after the other in channels."""
    parts = []
    for _ in range(b.between(2, 3)):
        branch = b.pick((_same, _function, _branch_conv, _branch_depthwise))
        parts.append(branch(b, x))
    shape = (1, sum(part.shape[1] for part in parts), *x.shape[2:])
    if int(np.prod(shape)) > LARGEST:
        return parts[-1]
    y = b.like(shape, b.scale(float(max(part.scale for part in parts)) * b.rng.uniform(0.8, 1.2)))
    b.notes.append(f"concat {shape}")
    if b.form == "qlinear":
        inputs = b.quantization(y)
        for part in parts:
            inputs += [part.name, *b.quantization(part)]
        return b.renamed(y, b.node("QLinearConcat", inputs, domain=MICROSOFT, axis=1))
    return b.quantize(b.node("Concat", [b.dequantize(part) for part in parts], axis=1), y)


def _branch_conv(b: Builder, x: Activation) -> Activation:
    return _same_conv(b, x, b.between(1, 5))


def _branch_depthwise(b: Builder, x: Activation) -> Activation:
    return conv(b, x, x.shape[1], (3, 3), x.shape[1], pads=[1, 1, 1, 1])


def _second_input(b: Builder, x: Activation) -> Activation:
    return add(b, x, b.input(x.shape))


def _max_pool(b: Builder, x: Activation) -> Activation:
    kernel, attributes = window(b, x.shape, 3)
    shape = (*x.shape[:2], *output_extents(x.shape[2:], kernel, attributes))
    return move(b, x, "MaxPool", shape, kernel_shape=kernel, **attributes)


def _average_pool(b: Builder, x: Activation) -> Activation:
    return average(b, x, whole=False)


def _function(b: Builder, x: Activation) -> Activation:
    op, attributes = pick_function(b)
    # A function of a float is between DQ and Q in either form.
    return b.qdq(x, b.like(x.shape, b.scale(float(x.scale))), op, **attributes)


def _transpose(b: Builder, x: Activation) -> Activation:
    permutation = [0, *(int(axis) for axis in 1 + b.rng.permutation(3))]
    shape = tuple(x.shape[axis] for axis in permutation)
    b.notes.append(f"transpose {permutation}")
    return move(b, x, "Transpose", shape, perm=permutation)


def _same(b: Builder, x: Activation) -> Activation:
    return x


_STAGES: tuple[Callable[[Builder, Activation], Activation], ...] = (
    *(_conv, _conv, _pointwise, _depthwise, _residual, _residual, _branches),
    *(_second_input, _max_pool, _average_pool, _function, _transpose),
)


# --- Heads --------------------------------------------------------------------------------------


def _classifier(b: Builder, x: Activation) -> Activation:
    """Pooled or not, flattened, one or two products."""
    x = _pooled(b, x) if b.chance(0.5) or int(np.prod(x.shape)) > 512 else x
    x = move(b, x, "Flatten", (1, int(np.prod(x.shape[1:]))), axis=1)
    for _ in range(b.between(1, 2)):
        x = product(b, x, b.between(2, 12), gemm=b.chance(0.7))
    return x


def _pooled(b: Builder, x: Activation) -> Activation:
    return average(b, x, whole=True)

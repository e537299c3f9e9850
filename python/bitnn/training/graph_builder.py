# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The quantized graph while it is built: modules, quantizers, and which steps are tied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, fx, nn

from bitnn.training import operations as ops
from bitnn.training.operators import QuantizedActivation
from bitnn.training.quantizers import ActivationQuantizer


@dataclass(frozen=True)
class Quantization:
    """How a layer is quantized; activation_bits are those of its output."""

    weight_bits: int = 8
    activation_bits: int = 8
    per_channel: bool = True
    power_of_two: bool = False


class GraphBuilder:
    """`values` maps a traced node to the node that computes it now and to its quantizer.

    settings: the quantization of a layer by its path; general: that of everything else.
    """

    def __init__(
        self,
        traced: fx.GraphModule,
        sample: Tensor,
        settings: Callable[[str], Quantization],
        general: Quantization,
    ) -> None:
        self.traced, self.settings, self.general = traced, settings, general
        self.signed_input = bool((sample < 0).any())
        self.graph = fx.Graph()
        self.modules: dict[str, nn.Module] = {}
        self.values: dict[fx.Node, tuple[fx.Node, ActivationQuantizer]] = {}
        self._order: dict[ActivationQuantizer, int] = {}

    # --- The traced graph -----------------------------------------------------------------------

    def sources(self, node: fx.Node) -> list[ActivationQuantizer]:
        """The quantizers of a node's operands."""
        return [self.values[operand][1] for operand in ops.operands(node)]

    def next(
        self, node: fx.Node, kinds: tuple[type[nn.Module], ...]
    ) -> tuple[fx.Node | None, nn.Module | None]:
        """The only user of a node and its module, if that is of these kinds."""
        if len(node.users) != 1:
            return None, None
        user = next(iter(node.users))
        if user.op == "output":
            return None, None
        module = ops.module_of(user, self.traced)
        return (user, module) if isinstance(module, kinds) else (None, None)

    def path(self, node: fx.Node) -> str:
        """The user's path of a module, or a name for a function."""
        return str(node.target) if node.op == "call_module" else node.name

    # --- The quantized graph --------------------------------------------------------------------

    def put(
        self,
        node: fx.Node,
        module: nn.Module,
        quantizer: ActivationQuantizer,
        *,
        last: fx.Node | None = None,
        operands: list[fx.Node] | None = None,
    ) -> None:
        """Put a module where the traced nodes from `node` to `last` were."""
        if operands is None:
            operands = [self.values[operand][0] for operand in ops.operands(node)]
        entry = self.call(self.path(node), module, operands)
        while True:
            self.values[node] = (entry, quantizer)
            if node is (last or node):
                return
            node = next(iter(node.users))

    def call(self, path: str, module: nn.Module, operands: list[fx.Node]) -> fx.Node:
        """A new node that applies a module, which gets this path or one like it."""
        fresh, count = path, 1
        while fresh in self.modules:
            count += 1
            fresh = f"{path}_{count}"
        self.modules[fresh] = module
        return self.graph.call_module(fresh, tuple(operands))

    def finish(self) -> fx.GraphModule:
        """The graph with its modules at their paths."""
        root = nn.Module()
        for path, module in self.modules.items():
            *parents, name = path.split(".")
            place = root
            for parent in parents:
                if not hasattr(place, parent):
                    place.add_module(parent, nn.Module())
                place = getattr(place, parent)
            place.add_module(name, module)
        return fx.GraphModule(root, self.graph, type(self.traced).__name__)

    # --- Quantizers -----------------------------------------------------------------------------

    def quantizer(
        self, node: fx.Node, signed: bool, bits: int | None = None, limit: float | None = None
    ) -> ActivationQuantizer:
        """A new quantizer for the values of a traced node; the network's outputs have 8 bits."""
        if ops.reaches_output(node, self.traced):
            bits = 8
        return self.new_quantizer(bits or self.general.activation_bits, signed, limit)

    def new_quantizer(
        self, bits: int, signed: bool, limit: float | None = None, by_range: bool = False
    ) -> ActivationQuantizer:
        made = ActivationQuantizer(
            bits,
            signed,
            power_of_two=self.general.power_of_two,
            limit=limit,
            by_range=by_range,
        )
        self._order[made] = len(self._order)
        return made

    def tie(self, a: ActivationQuantizer, b: ActivationQuantizer) -> ActivationQuantizer:
        """Make the steps of both differ by powers of two; returns the one that leads."""
        first, second = sorted((a.root(), b.root()), key=self._order.__getitem__)
        if first is not second and not self.general.power_of_two:
            second.tie(first)
        return first

    def with_step(self, operand: fx.Node, shared: ActivationQuantizer) -> fx.Node:
        """A traced node's values in steps of `shared`, requantized only where that must be."""
        entry, source = self.values[operand]
        if source is shared or (source.locked and source.base is shared):
            return entry
        alike = (source.signed, source.bits) == (shared.signed, shared.bits)
        if alike and source.base is None and shared.root() is not source and source.limit is None:
            source.tie(shared, locked=True)
            return entry
        quantizer = self.new_quantizer(shared.bits, shared.signed)
        quantizer.tie(shared, locked=True)
        return self.call(f"{entry.name}_requantize", QuantizedActivation(quantizer), [entry])

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rewrites a traced model: layers with what follows them fused, operators with tied steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, fx, nn

from bitnn.errors import BitnnError
from bitnn.training import operations as ops
from bitnn.training.layers import QuantizedConv1d, QuantizedConv2d, QuantizedLayer, QuantizedLinear
from bitnn.training.operators import (
    QuantizedActivation,
    QuantizedAdd,
    QuantizedAvgPool,
    QuantizedConcat,
)
from bitnn.training.quantizers import ActivationQuantizer

LAYERS: dict[type[nn.Module], type[QuantizedLayer]] = {
    nn.Conv1d: QuantizedConv1d,
    nn.Conv2d: QuantizedConv2d,
    nn.Linear: QuantizedLinear,
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
RELUS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d)
AVG_POOLS = (nn.AvgPool1d, nn.AvgPool2d)
ADAPTIVE_POOLS = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)


@dataclass(frozen=True)
class Quantization:
    """How a layer is quantized; activation_bits are those of its output."""

    weight_bits: int = 8
    activation_bits: int = 8
    per_channel: bool = True
    power_of_two: bool = False


class Reshape(nn.Module):
    """x [N, ..] -> [N, *tail]."""

    def __init__(self, tail: tuple[int, ...]) -> None:
        super().__init__()
        self.tail = tail

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.tail)

    def extra_repr(self) -> str:
        return f"tail={self.tail}"


class Converter:
    """Builds the quantized graph node by node.

    `values` maps a node of the traced graph to the node that computes it now and to the quantizer
    of its values.
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
        self.order: dict[ActivationQuantizer, int] = {}
        self.refusals: list[str] = []

    def run(self) -> fx.GraphModule:
        """The quantized model; its operators keep the paths of the modules that they come from."""
        for node in self.traced.graph.nodes:
            if node in self.values or (node.op != "output" and not ops.is_tensor(node)):
                continue
            try:
                self._convert(node)
            except BitnnError as error:
                self._refuse(node, f"{ops.describe(node, self.traced)}: {error}")
        if self.refusals:
            raise BitnnError("\n  ".join(["the model cannot be prepared:", *self.refusals]))
        root = nn.Module()
        for path, module in self.modules.items():
            _place(root, path, module)
        return fx.GraphModule(root, self.graph, type(self.traced).__name__)

    # --- One node -------------------------------------------------------------------------------

    def _convert(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            return self._input(node)
        if node.op == "output":
            self.graph.output(fx.map_arg(node.args[0], lambda n: self.values[n][0]))
            return None
        module = ops.module_of(node, self.traced)
        if type(module) in LAYERS:
            return self._layer(node, module)
        if isinstance(module, NORMS):
            return self._norm(node, module)
        if isinstance(module, RELUS):
            unsigned = self._quantizer(node, False, limit=_limit(module))
            return self._operator(node, QuantizedActivation(unsigned), unsigned)
        if isinstance(module, nn.LeakyReLU):
            quantizer = self._quantizer(node, True)
            leaky = QuantizedActivation(quantizer, module.negative_slope)
            return self._operator(node, leaky, quantizer)
        if isinstance(module, MAX_POOLS):
            return self._max_pool(node, module)
        if isinstance(module, AVG_POOLS):
            return self._avg_pool(node, module)
        if isinstance(module, ADAPTIVE_POOLS):
            return self._adaptive_pool(node, module)
        if isinstance(module, DROPOUTS):
            return self._moved(node, module)
        if isinstance(module, nn.Identity):
            self.values[node] = self.values[ops.operands(node)[0]]
            return None
        if isinstance(module, ops.RESHAPE_MODULES) or node.target in (
            *ops.RESHAPES,
            *ops.RESHAPE_METHODS,
        ):
            return self._reshape(node)
        if node.target in ops.ADDITIONS:
            return self._add(node)
        if node.target in ops.CONCATENATIONS:
            return self._concat(node)
        if node.target in ops.MEANS:
            return self._mean(node)
        self._refuse(node, ops.refusal(node, self.traced))
        return None

    def _refuse(self, node: fx.Node, reason: str) -> None:
        """Note it and go on, so that everything that is wrong is told at once."""
        self.refusals.append(reason)
        operands = [self.values[operand] for operand in ops.operands(node)]
        self.values[node] = operands[0] if operands else (node, self._new(8, True))

    def _input(self, node: fx.Node) -> None:
        entry = self.graph.placeholder(str(node.target))
        quantizer = self._new(8, self.signed_input, by_range=True)
        self.values[node] = (entry, quantizer)
        self._operator(
            node, QuantizedActivation(quantizer), quantizer, path=f"{node.target}_quantized"
        )

    def _layer(self, node: fx.Node, module: nn.Module) -> None:
        path = self._path(node)
        source = ops.operands(node)[0]
        if isinstance(module, nn.Linear) and len(source.meta["shape"]) != 2:
            raise BitnnError("a Linear needs an input [N, features]: flatten it, or use nn.Conv1d")
        if path in self.modules:
            raise BitnnError("it is called twice; give every call a module of its own")
        norm_node, norm = self._next(node, NORMS)
        last, relu = self._next(norm_node or node, RELUS)
        last = last or norm_node or node
        settings = self.settings(path)
        output = self._quantizer(last, relu is None, settings.activation_bits, _limit(relu))
        layer = LAYERS[type(module)](
            module,
            norm,
            self.values[source][1],
            output,
            weight_bits=settings.weight_bits,
            per_channel=settings.per_channel,
            power_of_two=settings.power_of_two,
        )
        self._operator(node, layer, output, last=last)

    def _norm(self, node: fx.Node, norm: nn.Module) -> None:
        """A BatchNorm that follows no layer: a depthwise convolution with kernel 1."""
        rank = len(node.meta["shape"])
        if rank == 2:
            raise BitnnError("a BatchNorm of features must follow its Linear directly")
        kind = nn.Conv1d if rank == 3 else nn.Conv2d
        scaling = kind(
            norm.num_features, norm.num_features, 1, groups=norm.num_features, bias=False
        )
        nn.init.ones_(scaling.weight)
        last, relu = self._next(node, RELUS)
        settings = self.settings(self._path(node))
        output = self._quantizer(last or node, relu is None, settings.activation_bits, _limit(relu))
        layer = LAYERS[kind](
            scaling,
            norm,
            self.values[ops.operands(node)[0]][1],
            output,
            weight_bits=settings.weight_bits,
            per_channel=settings.per_channel,
            power_of_two=settings.power_of_two,
        )
        self._operator(node, layer, output, last=last or node)

    def _add(self, node: fx.Node) -> None:
        operands = ops.operands(node)
        if len(operands) != 2 or node.kwargs.get("alpha", 1) != 1:
            raise BitnnError("only two tensors can be added; put a constant into a layer's bias")
        a, b = operands
        if a.meta["shape"] != b.meta["shape"]:
            raise BitnnError(f"adds {a.meta['shape']} and {b.meta['shape']}; shapes must be equal")
        last, relu = self._next(node, RELUS)
        sources = [self.values[operand][1] for operand in operands]
        signed = relu is None and any(source.signed for source in sources)
        output = self._quantizer(last or node, signed, limit=_limit(relu))
        self._tie(self._tie(*sources), output)
        self._operator(node, QuantizedAdd(output), output, last=last or node)

    def _concat(self, node: fx.Node) -> None:
        operands = ops.operands(node)
        dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        rank = len(node.meta["shape"])
        dim = dim + rank if dim < 0 else dim
        if dim == 0:
            raise BitnnError(
                "concatenates samples of the batch; only other dimensions are supported"
            )
        sources = [self.values[operand][1] for operand in operands]
        signed = any(source.signed for source in sources)
        bits = max(source.bits for source in sources)
        shared = next((s for s in sources if (s.signed, s.bits) == (signed, bits)), None)
        shared = shared or self._new(bits, signed)
        entries = [self._with_step(operand, shared) for operand in operands]
        self._operator(node, QuantizedConcat(dim), shared, operands=entries)

    def _with_step(self, operand: fx.Node, shared: ActivationQuantizer) -> fx.Node:
        """The operand's values in steps of `shared`, requantized only where that must be."""
        entry, source = self.values[operand]
        if source is shared or (source.locked and source.base is shared):
            return entry
        alike = (source.signed, source.bits) == (shared.signed, shared.bits)
        if alike and source.base is None and shared.root() is not source and not source.limit:
            source.tie(shared, locked=True)
            return entry
        quantizer = self._new(shared.bits, shared.signed)
        quantizer.tie(shared, locked=True)
        path = self._fresh_path(f"{entry.name}_requantize")
        self.modules[path] = QuantizedActivation(quantizer)
        return self.graph.call_module(path, (entry,))

    def _tie(self, a: ActivationQuantizer, b: ActivationQuantizer) -> ActivationQuantizer:
        """Make the steps of both differ by powers of two; returns the one that leads."""
        first, second = sorted((a.root(), b.root()), key=self.order.__getitem__)
        if first is not second and not (first.power_of_two and second.power_of_two):
            second.tie(first)
        return first

    # --- Pools and movement ---------------------------------------------------------------------

    def _max_pool(self, node: fx.Node, module: nn.Module) -> None:
        if module.ceil_mode or module.return_indices:
            raise BitnnError("ceil_mode and return_indices are not supported")
        self._moved(node, module)

    def _avg_pool(self, node: fx.Node, module: nn.Module) -> None:
        if module.ceil_mode or getattr(module, "divisor_override", None):
            raise BitnnError("ceil_mode and divisor_override are not supported")
        rank = len(node.meta["shape"]) - 2
        stride = module.stride or module.kernel_size
        geometry = [_tuple(entry, rank) for entry in (module.kernel_size, stride, module.padding)]
        self._average(node, geometry, module.count_include_pad)

    def _adaptive_pool(self, node: fx.Node, module: nn.Module) -> None:
        extents = ops.operands(node)[0].meta["shape"][2:]
        outputs = node.meta["shape"][2:]
        if all(extent == 1 for extent in outputs):
            return self._average(node)
        if any(extent % output for extent, output in zip(extents, outputs, strict=True)):
            raise BitnnError(
                f"pools {extents} to {outputs}, in windows of different sizes; use nn.AvgPool2d"
            )
        kernel = tuple(extent // output for extent, output in zip(extents, outputs, strict=True))
        return self._average(node, [kernel, kernel, (0,) * len(kernel)])

    def _average(
        self, node: fx.Node, geometry: list[tuple[int, ...]] | None = None, pad: bool = True
    ) -> None:
        """A pool with kernel, strides and padding, or over the whole image."""
        source = self.values[ops.operands(node)[0]][1]
        output = self._quantizer(node, source.signed)
        self._tie(source, output)
        pool = QuantizedAvgPool(source, output, *(geometry or [None]), count_include_pad=pad)
        self._operator(node, pool, output)

    def _mean(self, node: fx.Node) -> None:
        (operand,) = ops.operands(node)
        rank = len(operand.meta["shape"])
        dims = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
        dims = dims if isinstance(dims, list | tuple) else (dims,)
        if {dim + rank if dim and dim < 0 else dim for dim in dims} != set(range(2, rank)):
            raise BitnnError("only the mean over all positions of an image is supported")
        self._average(node)
        if len(node.meta["shape"]) == 2:
            path = self._fresh_path(f"{self._path(node)}_flatten")
            self.modules[path] = nn.Flatten()
            entry, quantizer = self.values[node]
            self.values[node] = (self.graph.call_module(path, (entry,)), quantizer)

    def _reshape(self, node: fx.Node) -> None:
        operand = ops.operands(node)[0]
        before, after = operand.meta["shape"], node.meta["shape"]
        if before == after:
            self.values[node] = self.values[operand]
            return
        if before[0] != after[0]:
            raise BitnnError(
                f"reshapes {before} to {after}; the batch must stay the first dimension"
            )
        self._moved(node, nn.Flatten() if len(after) == 2 else Reshape(tuple(after[1:])))

    def _moved(self, node: fx.Node, module: nn.Module) -> None:
        self._operator(node, module, self.values[ops.operands(node)[0]][1])

    # --- Helpers --------------------------------------------------------------------------------

    def _operator(
        self,
        node: fx.Node,
        module: nn.Module,
        quantizer: ActivationQuantizer,
        *,
        last: fx.Node | None = None,
        path: str | None = None,
        operands: list[fx.Node] | None = None,
    ) -> None:
        """Put a module where `node` to `last` were."""
        if operands is None:
            sources = [node] if node.op == "placeholder" else ops.operands(node)
            operands = [self.values[operand][0] for operand in sources]
        path = self._fresh_path(path or self._path(node))
        self.modules[path] = module
        entry = self.graph.call_module(path, tuple(operands))
        for done in self._chain(node, last or node):
            self.values[done] = (entry, quantizer)

    def _chain(self, node: fx.Node, last: fx.Node) -> list[fx.Node]:
        nodes = [node]
        while nodes[-1] is not last:
            nodes.append(next(iter(nodes[-1].users)))
        return nodes

    def _next(
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

    def _quantizer(
        self, node: fx.Node, signed: bool, bits: int | None = None, limit: float | None = None
    ) -> ActivationQuantizer:
        """A new quantizer for the values of `node`; the network's outputs have 8 bits."""
        if any(user.op == "output" for user in node.users):
            bits = 8
        return self._new(bits or self.general.activation_bits, signed, limit=limit)

    def _new(
        self, bits: int, signed: bool, limit: float | None = None, by_range: bool = False
    ) -> ActivationQuantizer:
        quantizer = ActivationQuantizer(
            bits,
            signed,
            power_of_two=self.general.power_of_two,
            limit=limit,
            by_range=by_range,
        )
        self.order[quantizer] = len(self.order)
        return quantizer

    def _path(self, node: fx.Node) -> str:
        return str(node.target) if node.op == "call_module" else node.name

    def _fresh_path(self, path: str) -> str:
        fresh, count = path, 1
        while fresh in self.modules:
            count += 1
            fresh = f"{path}_{count}"
        return fresh


def _limit(relu: nn.Module | None) -> float | None:
    """The largest value behind a member of the ReLU family."""
    if not isinstance(relu, nn.Hardtanh):  # ReLU6 is one, from 0 to 6.
        return None
    if relu.min_val != 0 or relu.max_val <= 0:
        raise BitnnError(f"a Hardtanh from {relu.min_val} has no form here, only from 0 on")
    return float(relu.max_val)


def _tuple(value: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,) * rank


def _place(root: nn.Module, path: str, module: nn.Module) -> None:
    """Add a module at a dotted path, with plain modules on the way."""
    *parents, name = path.split(".")
    for parent in parents:
        if not hasattr(root, parent):
            root.add_module(parent, nn.Module())
        root = getattr(root, parent)
    root.add_module(name, module)

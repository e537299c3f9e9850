# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How each operator of a traced model becomes a quantized one.

A layer takes the BatchNorm and the ReLU behind it along. Operands of an addition get steps that
differ by powers of two, those of a concatenation one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import fx, nn

from bitnn.errors import BitnnError
from bitnn.training import operations as ops
from bitnn.training.graph_builder import GraphBuilder
from bitnn.training.layers import QuantizedConv1d, QuantizedConv2d, QuantizedLayer, QuantizedLinear
from bitnn.training.operators import (
    QuantizedActivation,
    QuantizedAdd,
    QuantizedAvgPool,
    QuantizedConcat,
    Reshape,
)
from bitnn.training.quantized_layer import BatchNorm
from bitnn.training.quantizers import ActivationQuantizer

Rule: TypeAlias = Callable[[GraphBuilder, fx.Node, nn.Module], None]

LAYERS: dict[type[nn.Module], type[QuantizedLayer]] = {
    nn.Conv1d: QuantizedConv1d,
    nn.Conv2d: QuantizedConv2d,
    nn.Linear: QuantizedLinear,
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
RELUS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)


def convert(builder: GraphBuilder) -> fx.GraphModule:
    """The quantized model; its operators keep the paths of the modules that they come from."""
    refusals: list[str] = []
    for node in builder.traced.graph.nodes:
        if node in builder.values or (node.op != "output" and not ops.is_tensor(node)):
            continue
        try:
            reason = None if _convert(builder, node) else ops.refusal(node, builder.traced)
        except BitnnError as error:
            reason = f"{ops.describe(node, builder.traced)}: {error}"
        if reason is not None:
            refusals.append(reason)
            # Go on, so that everything that is wrong is told at once.
            operands = [builder.values[operand] for operand in ops.operands(node)]
            builder.values[node] = next(iter(operands), (node, builder.new_quantizer(8, True)))
    if refusals:
        raise BitnnError("\n  ".join(["the model cannot be prepared:", *refusals]))
    return builder.finish()


def _convert(builder: GraphBuilder, node: fx.Node) -> bool:
    """Convert one node; False where there is no rule for it."""
    if node.op == "placeholder":
        _input(builder, node)
    elif node.op == "output":
        builder.graph.output(fx.map_arg(node.args[0], lambda n: builder.values[n][0]))
    elif (module := ops.module_of(node, builder.traced)) is not None:
        rule = _MODULES.get(type(module))
        if rule is None:
            return False
        rule(builder, node, module)
    elif node.target in ops.ADDITIONS:
        _add(builder, node)
    elif node.target in ops.CONCATENATIONS:
        _concat(builder, node)
    elif node.target in ops.MEANS:
        _mean(builder, node)
    elif node.target in ops.RESHAPES:
        _reshape(builder, node)
    else:
        return False
    return True


def _input(builder: GraphBuilder, node: fx.Node) -> None:
    entry = builder.graph.placeholder(str(node.target))
    quantizer = builder.new_quantizer(8, builder.signed_input, by_range=True)
    module = QuantizedActivation(quantizer)
    builder.values[node] = builder.call(f"{node.target}_quantized", module, [entry]), quantizer


# --- Layers ---------------------------------------------------------------------------------------


def _layer(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    if isinstance(module, nn.Linear) and len(ops.operands(node)[0].meta["shape"]) != 2:
        raise BitnnError("a Linear needs an input [N, features]: flatten it, or use nn.Conv1d")
    if builder.path(node) in builder.modules:
        raise BitnnError("it is called twice; give every call a module of its own")
    norm_node, norm = builder.next(node, NORMS)
    _put_layer(builder, node, norm_node or node, module, norm)


def _norm(builder: GraphBuilder, node: fx.Node, norm: BatchNorm) -> None:
    """A BatchNorm that follows no layer: a depthwise convolution with kernel 1."""
    rank = len(node.meta["shape"])
    if rank == 2:
        raise BitnnError("a BatchNorm of features must follow its Linear directly")
    kind = nn.Conv1d if rank == 3 else nn.Conv2d
    channels = norm.num_features
    scaling = kind(channels, channels, 1, groups=channels, bias=False)
    nn.init.ones_(scaling.weight)
    _put_layer(builder, node, node, scaling, norm)


def _put_layer(
    builder: GraphBuilder, node: fx.Node, last: fx.Node, module: nn.Module, norm: BatchNorm | None
) -> None:
    """A layer in place of the nodes from `node` to `last` and of a ReLU behind them."""
    settings = builder.settings(builder.path(node))
    relu_node, relu = builder.next(last, RELUS)
    last = relu_node or last
    output = builder.quantizer(last, relu is None, settings.activation_bits, _limit(relu))
    layer = LAYERS[type(module)](
        module,
        norm,
        builder.sources(node)[0],
        output,
        weight_bits=settings.weight_bits,
        per_channel=settings.per_channel,
        power_of_two=settings.power_of_two,
    )
    builder.put(node, layer, output, last=last)


# --- Activations, additions, concatenations -------------------------------------------------------


def _relu(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    output = builder.quantizer(node, False, limit=_limit(module))
    builder.put(node, QuantizedActivation(output), output)


def _leaky_relu(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    output = builder.quantizer(node, True)
    builder.put(node, QuantizedActivation(output, module.negative_slope), output)


def _limit(relu: nn.Module | None) -> float | None:
    """The largest value behind a member of the ReLU family."""
    if not isinstance(relu, nn.Hardtanh):  # ReLU6 is one, from 0 to 6.
        return None
    if relu.min_val != 0 or relu.max_val <= 0:
        raise BitnnError(f"a Hardtanh from {relu.min_val} has no form here, only from 0 on")
    return float(relu.max_val)


def _add(builder: GraphBuilder, node: fx.Node) -> None:
    operands = ops.operands(node)
    if len(operands) != 2 or node.kwargs.get("alpha", 1) != 1:
        raise BitnnError("only two tensors can be added; put a constant into a layer's bias")
    a, b = (operand.meta["shape"] for operand in operands)
    if a != b:
        raise BitnnError(f"adds {a} and {b}; shapes must be equal")
    relu_node, relu = builder.next(node, RELUS)
    last = relu_node or node
    sources = builder.sources(node)
    signed = relu is None and any(source.signed for source in sources)
    output = builder.quantizer(last, signed, limit=_limit(relu))
    builder.tie(builder.tie(*sources), output)
    builder.put(node, QuantizedAdd(output), output, last=last)


def _concat(builder: GraphBuilder, node: fx.Node) -> None:
    dim = ops.dimensions(node, default=0)[0]
    if dim == 0:
        raise BitnnError("concatenates samples of the batch; only other dimensions are supported")
    sources = builder.sources(node)
    signed = any(source.signed for source in sources)
    bits = max(source.bits for source in sources)
    fitting = (source for source in sources if (source.signed, source.bits) == (signed, bits))
    shared = next(fitting, None) or builder.new_quantizer(bits, signed)
    operands = [builder.with_step(operand, shared) for operand in ops.operands(node)]
    builder.put(node, QuantizedConcat(dim), shared, operands=operands)


# --- Pools ----------------------------------------------------------------------------------------


def _max_pool(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    if module.ceil_mode or module.return_indices:
        raise BitnnError("ceil_mode and return_indices are not supported")
    _move(builder, node, module)


def _avg_pool(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    if module.ceil_mode or getattr(module, "divisor_override", None):
        raise BitnnError("ceil_mode and divisor_override are not supported")
    rank = len(node.meta["shape"]) - 2
    stride = module.stride or module.kernel_size
    source, output = _averaged(builder, node)
    pool = QuantizedAvgPool(
        source,
        output,
        ops.extents(module.kernel_size, rank),
        ops.extents(stride, rank),
        ops.extents(module.padding, rank),
        module.count_include_pad,
    )
    builder.put(node, pool, output)


def _adaptive_pool(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    before = ops.operands(node)[0].meta["shape"][2:]
    after = node.meta["shape"][2:]
    if any(extent % windows for extent, windows in zip(before, after, strict=True)):
        raise BitnnError(
            f"pools {before} to {after}, in windows of different sizes; use nn.AvgPool2d"
        )
    kernel = tuple(extent // windows for extent, windows in zip(before, after, strict=True))
    source, output = _averaged(builder, node)
    whole = all(windows == 1 for windows in after)
    pool = QuantizedAvgPool(source, output, None if whole else kernel, kernel, (0,) * len(kernel))
    builder.put(node, pool, output)


def _mean(builder: GraphBuilder, node: fx.Node) -> None:
    rank = len(ops.operands(node)[0].meta["shape"])
    if set(ops.dimensions(node, default=None)) != set(range(2, rank)):
        raise BitnnError("only the mean over all positions of an image is supported")
    source, output = _averaged(builder, node)
    builder.put(node, QuantizedAvgPool(source, output, None), output)
    if len(node.meta["shape"]) == 2:
        entry = builder.call(
            f"{builder.path(node)}_flatten", nn.Flatten(), [builder.values[node][0]]
        )
        builder.values[node] = (entry, output)


def _averaged(
    builder: GraphBuilder, node: fx.Node
) -> tuple[ActivationQuantizer, ActivationQuantizer]:
    """The quantizers before and behind an average; tied, so that halves are rounded exactly."""
    source = builder.sources(node)[0]
    output = builder.quantizer(node, source.signed)
    builder.tie(source, output)
    return source, output


# --- Moving data ----------------------------------------------------------------------------------


def _identity(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    builder.values[node] = builder.values[ops.operands(node)[0]]


def _move(builder: GraphBuilder, node: fx.Node, module: nn.Module) -> None:
    builder.put(node, module, builder.sources(node)[0])


def _reshape(builder: GraphBuilder, node: fx.Node, module: nn.Module | None = None) -> None:
    before, after = ops.operands(node)[0].meta["shape"], node.meta["shape"]
    if before == after:
        builder.values[node] = builder.values[ops.operands(node)[0]]
        return
    if before[0] != after[0]:
        raise BitnnError(f"reshapes {before} to {after}; the batch must stay the first dimension")
    _move(builder, node, nn.Flatten() if len(after) == 2 else Reshape(tuple(after[1:])))


_MODULES: dict[type[nn.Module], Rule] = {
    **dict.fromkeys(LAYERS, _layer),
    **dict.fromkeys(NORMS, _norm),
    **dict.fromkeys(RELUS, _relu),
    nn.LeakyReLU: _leaky_relu,
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d), _max_pool),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d), _avg_pool),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), _adaptive_pool),
    **dict.fromkeys((nn.Dropout, nn.Dropout1d, nn.Dropout2d), _move),
    nn.Identity: _identity,
    **dict.fromkeys((nn.Flatten, nn.Unflatten), _reshape),
}

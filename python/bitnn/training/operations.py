# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a node of a traced model does, as one torch.nn module however it was written."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from bitnn.errors import BitnnError

ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
CONCATENATIONS = (torch.cat, torch.concat, torch.concatenate)
MEANS = (torch.mean, "mean")
RESHAPES = (
    torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze,
    "flatten", "reshape", "view", "squeeze", "unsqueeze", "unflatten", "contiguous",
)  # fmt: skip

MOVEMENTS = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)

# The modules that compute the same as a function, and the names of its arguments after the first.
_MAX_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG_POOL = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
_FUNCTIONS: dict[Any, tuple[type[nn.Module], tuple[str, ...]]] = {
    F.relu: (nn.ReLU, ("inplace",)),
    torch.relu: (nn.ReLU, ()),
    torch.relu_: (nn.ReLU, ()),
    "relu": (nn.ReLU, ()),
    "relu_": (nn.ReLU, ()),
    F.relu6: (nn.ReLU6, ("inplace",)),
    F.hardtanh: (nn.Hardtanh, ("min_val", "max_val", "inplace")),
    F.leaky_relu: (nn.LeakyReLU, ("negative_slope", "inplace")),
    F.max_pool1d: (nn.MaxPool1d, _MAX_POOL),
    F.max_pool2d: (nn.MaxPool2d, _MAX_POOL),
    torch.max_pool1d: (nn.MaxPool1d, _MAX_POOL[:5]),
    torch.max_pool2d: (nn.MaxPool2d, _MAX_POOL[:5]),
    F.avg_pool1d: (nn.AvgPool1d, _AVG_POOL),
    F.avg_pool2d: (nn.AvgPool2d, (*_AVG_POOL, "divisor_override")),
    F.adaptive_avg_pool1d: (nn.AdaptiveAvgPool1d, ("output_size",)),
    F.adaptive_avg_pool2d: (nn.AdaptiveAvgPool2d, ("output_size",)),
    F.dropout: (nn.Dropout, ("p", "training", "inplace")),
}

_ADVICE = {
    "GELU SiLU Mish ELU SELU CELU GLU Hardswish Softplus Tanh Sigmoid PReLU RReLU gelu silu mish"
    " elu selu celu glu hardswish softplus tanh sigmoid prelu": "use nn.ReLU or nn.LeakyReLU",
    "LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d LocalResponseNorm RMSNorm layer_norm"
    " group_norm instance_norm": "use nn.BatchNorm2d behind the convolution",
    "Softmax LogSoftmax softmax log_softmax": "leave it out of the model: nn.CrossEntropyLoss"
    " includes it, and the caller can apply it to the outputs",
    "conv1d conv2d linear batch_norm": "use the module of torch.nn instead of the function",
    "AdaptiveMaxPool1d AdaptiveMaxPool2d adaptive_max_pool2d": "use nn.MaxPool2d",
}
_GENERAL_ADVICE = (
    "supported are Conv1d, Conv2d, Linear, BatchNorm, ReLU, ReLU6, LeakyReLU, max and average"
    " pools, additions, concatenation along the channels, flatten and reshape: rewrite the model"
    " with these, or prepare only the part that has them"
)


def module_of(node: fx.Node, traced: fx.GraphModule) -> nn.Module | None:
    """The module that computes a node, or None where none does alone (additions and the like)."""
    if node.op == "call_module":
        return traced.get_submodule(str(node.target))
    entry = _FUNCTIONS.get(node.target)
    if entry is None:
        return None
    kind, names = entry
    if len(node.args) > 1 + len(names):
        raise BitnnError(f"{describe(node, traced)}: has more arguments than are known here")
    settings = dict(zip(names, node.args[1:], strict=False))
    settings.update({name: value for name, value in node.kwargs.items() if name != "input"})
    settings.pop("inplace", None)
    settings.pop("training", None)
    if any(isinstance(value, fx.Node) for value in settings.values()):
        raise BitnnError(f"{describe(node, traced)}: its settings must be constants")
    return kind(**settings)


def operands(node: fx.Node) -> list[fx.Node]:
    """The tensors that a node reads, in order; those of a list are its elements."""
    found: list[fx.Node] = []
    for argument in (*node.args, *node.kwargs.values()):
        entries = argument if isinstance(argument, list | tuple) else (argument,)
        found += [entry for entry in entries if isinstance(entry, fx.Node) and is_tensor(entry)]
    return found


def dimensions(node: fx.Node, default: int | None) -> tuple[int, ...]:
    """The dimensions that a node names as its second argument, counted from the first."""
    chosen = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else default)
    rank = len(operands(node)[0].meta["shape"])
    if chosen is None:
        return tuple(range(rank))
    return tuple(dim % rank for dim in (chosen if isinstance(chosen, list | tuple) else [chosen]))


def extents(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """A number for every spatial dimension, as torch.nn understands one or several."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def reaches_output(node: fx.Node, traced: fx.GraphModule) -> bool:
    """Whether a node's values leave the model, perhaps in another shape."""
    return any(
        user.op == "output" or (_moves(user, traced) and reaches_output(user, traced))
        for user in node.users
    )


def _moves(node: fx.Node, traced: fx.GraphModule) -> bool:
    if node.op == "call_module":
        return isinstance(traced.get_submodule(str(node.target)), MOVEMENTS)
    return node.target in RESHAPES


def is_tensor(node: fx.Node) -> bool:
    return "shape" in node.meta


def describe(node: fx.Node, traced: fx.GraphModule) -> str:
    """Where a node is in the user's model, and what it is."""
    kind = kind_of(node, traced)
    if node.op == "call_module":
        return f"{node.target} ({kind})"
    stack = list(node.meta.get("nn_module_stack", {}).values())
    where = stack[-1][0] if stack else ""
    return f"{where or 'the model'}: {kind}()"


def kind_of(node: fx.Node, traced: fx.GraphModule) -> str:
    if node.op == "call_module":
        return type(traced.get_submodule(str(node.target))).__name__
    return str(getattr(node.target, "__name__", node.target))


def refusal(node: fx.Node, traced: fx.GraphModule) -> str:
    """One line that names an unsupported node and what to do about it."""
    kind = kind_of(node, traced)
    advice = next((a for kinds, a in _ADVICE.items() if kind in kinds.split()), _GENERAL_ADVICE)
    return f"{describe(node, traced)} is not supported: {advice}"

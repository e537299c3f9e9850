# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model as a graph of its leaves, with the shape of every tensor."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, fx, nn

from bitnn.errors import BitnnError
from bitnn.training.operations import describe


def trace(model: nn.Module, sample: Tensor) -> fx.GraphModule:
    """A traced copy of the model, on the CPU; node.meta["shape"] is a tensor's for the sample."""
    model = copy.deepcopy(model).cpu().eval()
    if fx.Tracer().is_leaf_module(model, ""):
        model = nn.Sequential(model)  # Else its inside would be traced.
    try:
        traced = fx.symbolic_trace(model)
    except Exception as error:
        raise BitnnError(
            f"torch.fx cannot trace {type(model).__name__}: {error}. Python's branches and loops in"
            " forward() must not depend on the values or shapes of tensors"
        ) from error
    inputs = [node for node in traced.graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1:
        names = ", ".join(str(node.target) for node in inputs)
        raise BitnnError(f"the model must have one input, it has {len(inputs)}: {names}")
    traced.graph.eliminate_dead_code()
    with torch.no_grad():
        _Shapes(traced).run(sample)
    return traced


class _Shapes(fx.Interpreter):
    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.extra_traceback = False  # Our errors say where; fx would append lines about itself.

    def run_node(self, n: fx.Node) -> object:
        try:
            result = super().run_node(n)
        except Exception as error:
            where = describe(n, self.module)
            raise BitnnError(f"the sample does not pass through {where}: {error}") from error
        if isinstance(result, Tensor):
            n.meta["shape"] = tuple(result.shape)
        return result

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of one number: computed in float64 and rounded to float32 once.

No other number then depends on how a machine computes exp.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bitnn.graph import Node
from bitnn.reference.quantization import dequantize, requantize
from bitnn.reference.registry import MICROSOFT, Operands, operator, pad, present
from bitnn.values import Accumulator, Array, Parts, Value, real

Function = Callable[[float], float]


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _expm1(x: float) -> float:
    try:
        return math.expm1(x)
    except OverflowError:
        return math.inf


def _log(x: float) -> float:
    return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + _exp(-x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(_exp(-abs(x)))


def _gelu(x: float) -> float:
    return 0.5 * x * (1.0 + math.erf(x / math.sqrt(2.0)))


def _tanh_gelu(x: float) -> float:
    return 0.5 * x * (1.0 + math.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))


def _reciprocal(x: float) -> float:
    return 1.0 / x if x else math.copysign(math.inf, x)


def _round(x: float) -> float:
    return float(np.rint(x))


def attribute(node: Node, name: str, default: float) -> float:
    """A float attribute, as the float32 that ONNX stores."""
    return float(np.float32(node.get(name, default)))


def make_gelu(node: Node) -> Function:
    return _tanh_gelu if node.get("approximate", "none") == "tanh" else _gelu


def make_hard_sigmoid(node: Node) -> Function:
    alpha, beta = attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5)
    return lambda x: max(0.0, min(1.0, alpha * x + beta))


def make_celu(node: Node) -> Function:
    alpha = attribute(node, "alpha", 1.0)
    return lambda x: max(x, 0.0) + min(0.0, alpha * _expm1(x / alpha))


def make_elu(node: Node) -> Function:
    alpha = attribute(node, "alpha", 1.0)
    return lambda x: alpha * _expm1(x) if x < 0 else x


def make_leaky_relu(node: Node) -> Function:
    alpha = attribute(node, "alpha", 0.01)
    return lambda x: alpha * x if x < 0 else x


def make_selu(node: Node) -> Function:
    alpha = attribute(node, "alpha", 1.67326319217681884765625)
    gamma = attribute(node, "gamma", 1.05070102214813232421875)
    return lambda x: gamma * (x if x > 0 else alpha * _expm1(x))


def make_shrink(node: Node) -> Function:
    limit, bias = attribute(node, "lambd", 0.5), attribute(node, "bias", 0.0)
    return lambda x: x + bias if x < -limit else (x - bias if x > limit else 0.0)


def make_thresholded_relu(node: Node) -> Function:
    alpha = attribute(node, "alpha", 1.0)
    return lambda x: x if x > alpha else 0.0


def make_swish(node: Node) -> Function:
    alpha = attribute(node, "alpha", 1.702 if node.op == "QuickGelu" else 1.0)
    return lambda x: x * _sigmoid(alpha * x)


PLAIN: dict[str, Function] = {
    "Abs": abs,
    "Atan": math.atan,
    "Ceil": lambda x: float(np.ceil(x)),
    "Erf": math.erf,
    "Exp": _exp,
    "Floor": lambda x: float(np.floor(x)),
    "HardSwish": lambda x: x * max(0.0, min(1.0, x / 6.0 + 0.5)),
    "Log": _log,
    "Mish": lambda x: x * math.tanh(_softplus(x)),
    "Neg": lambda x: -x,
    "Reciprocal": _reciprocal,
    "Round": _round,
    "Sigmoid": _sigmoid,
    "Sign": lambda x: float((x > 0) - (x < 0)),
    "Softplus": _softplus,
    "Softsign": lambda x: x / (1 + abs(x)),
    "Sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "Tanh": math.tanh,
}
MAKERS: dict[str, Callable[[Node], Function]] = {
    "Celu": make_celu,
    "Elu": make_elu,
    "Gelu": make_gelu,
    "HardSigmoid": make_hard_sigmoid,
    "LeakyRelu": make_leaky_relu,
    "QuickGelu": make_swish,
    "Selu": make_selu,
    "Shrink": make_shrink,
    "Swish": make_swish,
    "ThresholdedRelu": make_thresholded_relu,
}


def scalar_function(node: Node, op: str) -> Function:
    """The function of an operator in float64."""
    return PLAIN[op] if op in PLAIN else MAKERS[op](node)


def evaluate(function: Function, x: Array) -> Array:
    """The function of every element, computed once per distinct number."""
    numbers, places = np.unique(x, return_inverse=True)
    values = [function(float(number)) for number in numbers]
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float64).astype(np.float32)[places].reshape(x.shape)


@operator(*PLAIN, *(set(MAKERS) - {"QuickGelu"}))
@operator("Gelu", "QuickGelu", domain=MICROSOFT)
def unary(node: Node, operands: Operands) -> Value:
    x = real(present(node, operands[0]))
    if x.dtype.kind != "f":
        raise node.error("it is a function of floats")
    return evaluate(scalar_function(node, node.op), x)


@operator("QLinearSigmoid", "QLinearLeakyRelu", domain=MICROSOFT)
def qlinear_unary(node: Node, operands: Operands) -> Value:
    x, xs, xz, ys, yz = pad(operands, 5)
    function = scalar_function(node, node.op.removeprefix("QLinear"))
    return requantize(node, evaluate(function, dequantize(node, x, xs, xz).real()), ys, yz)


@operator("Relu")
def relu(node: Node, operands: Operands) -> Value:
    x = present(node, operands[0])
    return x.clip(0.0, np.inf) if isinstance(x, Accumulator | Parts) else np.maximum(real(x), 0)


@operator("Clip")
def clip(node: Node, operands: Operands) -> Value:
    if node.opset < 11:
        x, bounds = operands[0], [node.get("min", -np.inf), node.get("max", np.inf)]
    else:
        x, *optional = pad(operands, 3)
        bounds = [
            missing if bound is None else real(bound)
            for bound, missing in zip(optional, (-np.inf, np.inf), strict=True)
        ]
    x = present(node, x)
    if isinstance(x, Accumulator | Parts):
        return x.clip(*(float(np.asarray(bound).reshape(())) for bound in bounds))
    value = real(x)
    for bound, limit in zip(bounds, (np.maximum, np.minimum), strict=True):
        if np.isfinite(bound):
            value = limit(value, np.asarray(bound, value.dtype).reshape(()))
    return value

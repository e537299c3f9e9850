# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators without weights between quantized layers: additions, pools, activations.

Like layers, they compute in eval mode exactly what their exported form does.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bitnn.training.quantizers import ActivationQuantizer


class QuantizedAdd(nn.Module):
    """rint((a + b) / step): ONNX's text, exact in any order because the steps are tied.

    A ReLU behind it is the clamp of an unsigned output.
    """

    def __init__(self, output: ActivationQuantizer) -> None:
        super().__init__()
        self.output = output

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.output(a + b)


class QuantizedConcat(nn.Module):
    """Concatenation of operands that have one step: it moves integers and computes nothing."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *operands: Tensor) -> Tensor:
        return torch.cat(operands, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Reshape(nn.Module):
    """x [N, ..] -> [N, *tail]."""

    def __init__(self, tail: tuple[int, ...]) -> None:
        super().__init__()
        self.tail = tail

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.tail)

    def extra_repr(self) -> str:
        return f"tail={self.tail}"


class QuantizedActivation(nn.Module):
    """A quantizer of its own, behind a leaky ReLU if `slope` is not None: rint(f(x) / step).

    As the network's first operator it quantizes the input; otherwise it stands where an activation
    could not become the clamp of the operator before it, or where a step has to change.
    """

    def __init__(self, output: ActivationQuantizer, slope: float | None = None) -> None:
        super().__init__()
        self.output, self.slope = output, slope

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x if self.slope is None else F.leaky_relu(x, self.slope))

    def extra_repr(self) -> str:
        return "" if self.slope is None else f"slope={self.slope}"


class QuantizedAvgPool(nn.Module):
    """Averages of windows, each spatial dimension alike: an integer sum and one multiplier.

    kernel_size None is the whole image (a global average, one output position). Padding counts as
    elements if `count_include_pad`.
    """

    def __init__(
        self,
        source: ActivationQuantizer,
        output: ActivationQuantizer,
        kernel_size: tuple[int, ...] | None,
        stride: tuple[int, ...] = (),
        padding: tuple[int, ...] = (),
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self._source, self.output = (source,), output
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.count_include_pad = count_include_pad

    def _average(self, x: Tensor) -> Tensor:
        if self.kernel_size is None:
            return x.mean(tuple(range(2, x.dim())), keepdim=True)
        pool = F.avg_pool1d if x.dim() == 3 else F.avg_pool2d
        return pool(x, self.kernel_size, self.stride, self.padding, False, self.count_include_pad)

    def forward(self, x: Tensor) -> Tensor:
        if self.training or self.output.calibrating:
            return self.output(self._average(x))
        return self._deployed(x)

    @torch.no_grad()
    def _deployed(self, x: Tensor) -> Tensor:
        """clamp(rint(f32(sum) * f32(x_step / f32(y_step * count))))."""
        step, y_step = self._source[0].value(), self.output.value()
        # Averages in float64 times their counts are the sums, once rounded.
        q = (x.float() / step).round().double()
        count = self._counts(q)
        acc = (self._average(q) * count).round().float()
        y = (acc * (step / (y_step * count.float()))).round()
        return y.clamp(self.output.lower, self.output.upper) * y_step

    def _counts(self, x: Tensor) -> Tensor:
        """The elements that each output position averages."""
        extents = x.shape[2:]
        if self.kernel_size is None:
            return torch.tensor(float(extents.numel()), dtype=x.dtype, device=x.device)
        size = float(torch.Size(self.kernel_size).numel())
        if self.count_include_pad or not any(self.padding):
            return torch.tensor(size, dtype=x.dtype, device=x.device)
        ones = torch.ones((1, 1, *extents), dtype=x.dtype, device=x.device)
        pool = F.avg_pool1d if x.dim() == 3 else F.avg_pool2d
        return (pool(ones, self.kernel_size, self.stride, self.padding, False, True) * size).round()

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"

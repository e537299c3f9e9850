# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small PyTorch models that use everything `bitnn.prepare` takes, and how each is quantized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, kernel: int, **options: int) -> nn.Sequential:
    """Convolution without bias and BatchNorm with gains of both signs."""
    norm = nn.BatchNorm2d(outputs)
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    with torch.no_grad():
        norm.weight *= torch.randint(0, 2, (outputs,)) * 2 - 1
        nn.init.normal_(norm.bias, std=0.3)
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, bias=False, **options), norm)


class Residual(nn.Module):
    """A stem and two residual blocks, the second with a projection and half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8, 3, padding=1)
        self.first = nn.Sequential(
            conv_bn(8, 8, 3, padding=1), nn.ReLU(), conv_bn(8, 8, 3, padding=1)
        )
        self.second = nn.Sequential(
            conv_bn(8, 12, 3, padding=1, stride=2), nn.ReLU(), conv_bn(12, 12, 3, padding=1)
        )
        self.projection = nn.Conv2d(8, 12, 1, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.classifier = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        x = self.relu(self.first(x) + x)
        y = self.second(x)
        y += self.projection(x)
        x = F.relu(y)
        x = F.adaptive_avg_pool2d(x, 1)
        return self.classifier(x.view(x.size(0), -1))


class PreActivation(nn.Module):
    """BatchNorm and ReLU in front of convolutions, additions that nothing clamps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(8)])
        self.convs = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1) for _ in range(2)])
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = torch.add(x, conv(torch.relu(norm(x))))
        return self.last(x).mean((2, 3))


class Dense(nn.Module):
    """Concatenations of values with and without a sign, from pools and from other ones."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 6, 3, padding="same")
        self.grow = nn.Sequential(conv_bn(6, 4, 3, padding=1), nn.ReLU())
        self.linear = nn.Conv2d(10, 4, 1)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.average = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.head = nn.Conv2d(28, 5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = torch.cat([x, self.grow(x)], 1)
        x = torch.cat((x, self.linear(x)), dim=-3)
        x = torch.cat([self.pool(x), self.average(x)], 1)
        return self.head(x).flatten(1)


class Mobile(nn.Module):
    """Depthwise and grouped convolutions, ReLU6, an adaptive pool of several windows."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_bn(3, 8, 3, stride=2, padding=1), nn.ReLU6(),
            conv_bn(8, 8, 3, padding=2, groups=8, dilation=2), nn.ReLU6(),
            conv_bn(8, 12, 1), nn.Hardtanh(0.0, 2.0),
            conv_bn(12, 12, 3, padding=1, groups=3), nn.LeakyReLU(0.125),
            nn.AdaptiveAvgPool2d(2), nn.Dropout(0.2), nn.Flatten(), nn.Linear(48, 5),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Signal(nn.Module):
    """One dimension, and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, 8, 5, stride=2, padding=2, bias=False)
        self.norm = nn.BatchNorm1d(8)
        self.pool = nn.MaxPool1d(2)
        self.second = nn.Conv1d(8, 6, 3, padding="valid")
        self.heads = nn.ModuleList([nn.Linear(6, 3), nn.Linear(6, 2)])

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.pool(F.leaky_relu(self.norm(self.first(x)), 0.1))
        x = F.relu(self.second(x)).mean(2)
        return {"kind": self.heads[0](x), "side": self.heads[1](x)}


class Perceptron(nn.Module):
    """Matrix products with BatchNorm, and inputs that are never negative."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Identity(),
            nn.Linear(16, 16, bias=False), nn.BatchNorm1d(16, affine=False), nn.ReLU(),
        )  # fmt: skip
        self.last = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.hidden(x))


@dataclass(frozen=True)
class Case:
    """A model, the shape of its input, and how it is prepared."""

    name: str
    model: Callable[[], nn.Module]
    shape: tuple[int, ...] = (3, 8, 8)
    options: dict[str, object] = field(default_factory=dict)
    positive: bool = False

    def build(self, seed: int, batch: int = 16) -> tuple[nn.Module, Tensor]:
        """The float model, and a batch of inputs."""
        torch.manual_seed(seed)
        model, sample = self.model(), torch.randn(batch, *self.shape)
        return model, sample.abs() if self.positive else sample


CASES = [
    Case("residual", Residual),
    Case("residual-po2", Residual, options={"power_of_two": True}),
    Case("residual-4bit", Residual, options={"weight_bits": 4, "activation_bits": 4}),
    Case("pre-activation", PreActivation),
    Case("dense", Dense),
    Case("dense-5bit", Dense, options={"activation_bits": 5, "per_channel": False}),
    Case("mobile", Mobile),
    Case("mobile-po2-6bit", Mobile, options={"power_of_two": True, "activation_bits": 6}),
    Case("signal", Signal, (4, 32)),
    Case("perceptron", Perceptron, (1, 8, 8), positive=True),
    Case(
        "perceptron-2bit",
        Perceptron,
        (1, 8, 8),
        {"activation_bits": 2, "weight_bits": 3, "layers": {"last": {"weight_bits": 2}}},
        positive=True,
    ),
]

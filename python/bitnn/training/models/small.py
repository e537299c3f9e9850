# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The small networks: MLP, LeNet-5-like, and three of MLPerf Tiny (v1.x closed division)."""

from __future__ import annotations

from torch import nn

from bitnn.training.models.blocks import conv, head, separable


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]


def mlp(channels: int, classes: int, size: int) -> nn.Module:
    """Three hidden layers of 64; on 16x16 MNIST 25,216 weights."""
    inputs = channels * size * size
    hidden = [*_dense(inputs, 64), *_dense(64, 64), *_dense(64, 64)]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(64, classes))


def lenet(channels: int, classes: int, size: int) -> nn.Module:
    """LeNet-5 (LeCun et al. 1998) with ReLU, BatchNorm and maximum pooling."""
    reduced = (size // 2 - 4) // 2
    return nn.Sequential(
        conv(channels, 6, 5),
        nn.MaxPool2d(2),
        conv(6, 16, 5, padding=0),
        nn.MaxPool2d(2),
        nn.Flatten(),
        *_dense(16 * reduced * reduced, 120),
        *_dense(120, 84),
        nn.Linear(84, classes),
    )


def ds_cnn(channels: int, classes: int, size: int) -> nn.Module:
    """Keyword spotting; MLPerf Tiny feeds 49x10 features, one channel, 12 classes."""
    blocks = [separable(64, 64) for _ in range(4)]
    first = conv(channels, 64, (10, 4), 2, padding=(4, 1))
    return nn.Sequential(first, *blocks, *head(64, classes))


def mobilenet(channels: int, classes: int, size: int) -> nn.Module:
    """MobileNetV1 with width 0.25 (Howard et al. 2017); visual wake words feeds 96x96."""
    widths = [8, 16, 32, 32, 64, 64, *[128] * 6, 256, 256]
    halved = {2, 4, 6, 12}  # Blocks with stride 2.
    blocks = [
        separable(widths[k - 1], widths[k], 2 if k in halved else 1) for k in range(1, len(widths))
    ]
    return nn.Sequential(conv(channels, widths[0], 3, 2), *blocks, *head(widths[-1], classes))


def autoencoder(channels: int, classes: int, size: int) -> nn.Module:
    """Anomaly detection: `channels * size * size` values (640 in MLPerf Tiny) through 8 and back.

    Its output has the input's size; `classes` is not used.
    """
    inputs = channels * size * size
    widths = [inputs, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    hidden = [layer for k in range(1, len(widths)) for layer in _dense(widths[k - 1], widths[k])]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(128, inputs))

# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data sets as whole tensors in memory, read from their official files.

>>> splits = load("mnist")
>>> splits.train.images.shape
torch.Size([60000, 1, 28, 28])
"""

from bitnn.training.data.datasets import DATASETS, Dataset, Splits, hold_out, load, resized

__all__ = ["DATASETS", "Dataset", "Splits", "hold_out", "load", "resized"]

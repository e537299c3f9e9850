# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The training front end: quantized layers, methods, runs and the export. Needs PyTorch."""

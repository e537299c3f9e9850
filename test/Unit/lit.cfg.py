# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the GoogleTest binaries as part of check-bitnn."""

import os

import lit.formats

config.name = "bitnn-unit"
config.test_source_root = os.path.join(config.bitnn_build_root, "unittests")
config.test_exec_root = config.test_source_root
config.test_format = lit.formats.GoogleTest(".", "Tests")

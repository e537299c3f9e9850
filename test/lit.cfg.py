# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The textual tests: test/ mirrors lib/, test/Integration executes code."""

import os
import shutil
import subprocess
import sys

import lit.formats
import lit.llvm

lit.llvm.initialize(lit_config, config)
llvm_config = lit.llvm.llvm_config

config.name = "bitnn"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.bitnn_build_root, "test")

# The last one added is found first: FileCheck, not, split-file come from LLVM.
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.with_environment("PATH", os.path.join(config.bitnn_build_root, "bin"), append_path=True)


def runs(*command: str) -> bool:
    """Whether a command exists and succeeds."""
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


venv_python = os.path.join(config.bitnn_build_root, "venv", "bin", "python")
python = venv_python if os.path.exists(venv_python) else sys.executable
config.substitutions.append(("%python", python))
config.substitutions.append(
    ("%mlir_lib_dir", os.path.join(os.path.dirname(config.llvm_tools_dir), "lib"))
)
config.substitutions.append(("%source_root", config.bitnn_source_root))
# `%onnx TEST NAME` prints a model that is written in a test.
model_script = os.path.join(config.test_source_root, "Import", "ONNX", "Inputs", "model.py")
config.substitutions.append(("%onnx", f"{python} {model_script}"))

for tool in ("qemu-riscv32", "qemu-aarch64", "z3"):
    if shutil.which(tool):
        config.available_features.add(tool)
if runs(python, "-c", "import numpy, onnx"):
    config.available_features.add("onnx")
if os.path.exists("/proc/cpuinfo"):
    with open("/proc/cpuinfo") as cpuinfo:
        flags = set(cpuinfo.read().split())
    config.available_features.update(flags & {"avx2", "avx512bw"})

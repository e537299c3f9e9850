# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What several tests share: the seed, the data and the compiler."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bitnn import BitnnError
from bitnn.compiler import find_tool

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="seed of the random layers")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of every random test; `--seed=N` draws other layers."""
    return int(pytestconfig.getoption("--seed"))


def pytest_report_header(config: pytest.Config) -> str:
    return f"random layers: --seed={config.getoption('--seed')}"


@pytest.fixture(scope="session")
def mlperf_tiny() -> Path:
    """The folder of the MLPerf Tiny ONNX networks."""
    data = Path(os.environ.get("BITNN_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "mlperf-tiny" / "onnx"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; set BITNN_DATA to the data's folder")
    return folder


@pytest.fixture
def compiler() -> str:
    """The real bitnn-compile."""
    try:
        return find_tool()
    except BitnnError as error:
        pytest.skip(f"no end-to-end test: {error}")


@pytest.fixture
def emulator_tools() -> None:
    """What running emulated objects needs."""
    tools = ("qemu-riscv32", "qemu-aarch64", "clang-22", "ld.lld-22")
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")

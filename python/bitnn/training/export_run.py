# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ONNX file of a run, finished or not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

from torch import fx

from bitnn.errors import BitnnError
from bitnn.training import config, files
from bitnn.training.distributed import World
from bitnn.training.export import export
from bitnn.training.run import Run


def export_run(folder: Path, out: Path) -> str:
    """Write the network of a run to `out`; returns what was written, in words.

    Of a finished run it is the file that is there. Of one that was interrupted it is the network of
    the last checkpoint with the digits that its method would give it now; the run is left as it is.
    """
    if (folder / "model.onnx").exists():
        files.replace_file(out, lambda path: shutil.copyfile(folder / "model.onnx", path))
        return "the finished network"
    if not (folder / "checkpoint.pt").exists():
        raise BitnnError(f"{folder} has neither model.onnx nor checkpoint.pt: it holds no run")
    settings = config.read(folder / "config.json") | {"out": str(folder), "device": "cpu"}
    run = Run(config.from_settings(settings, str(folder / "config.json")), World())
    if run.config.method == "float":
        raise BitnnError(f"{folder} trains in float: nothing to export")
    run.deploy()
    export(cast(fx.GraphModule, run.model), run.sample, out)
    return f"the network after {run.done} of {run.total} steps"

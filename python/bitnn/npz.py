# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Named arrays in .npz files: the same bytes for the same arrays, whole files or none."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bitnn.errors import BitnnError
from bitnn.values import Array


def read_npz(path: str | Path) -> dict[str, Array]:
    """All arrays of a file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise BitnnError(f"cannot read '{path}': {error.strerror or error}") from None
    except (TypeError, ValueError, EOFError, zipfile.BadZipFile):
        raise BitnnError(f"'{path}' is not an .npz file of arrays") from None


def write_npz(path: str | Path, arrays: Mapping[str, Array]) -> None:
    """Write the file beside its place and rename it, so that it is never there in part."""
    # Not np.savez: it stamps the time of day, and takes no array named 'file'.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            archive.writestr(member, entry.getvalue(), zipfile.ZIP_DEFLATED)
    write_whole(path, buffer.getvalue())


def make_folder(path: str | Path) -> None:
    """The folder, if it is not there yet; the one above it must be."""
    try:
        Path(path).mkdir(exist_ok=True)
    except OSError as error:
        raise BitnnError(f"cannot make the folder '{path}': {error.strerror}") from None


def write_whole(path: str | Path, content: bytes) -> None:
    """Write all of a file, or leave what was there."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise BitnnError(f"cannot write '{path}': {error.strerror or error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

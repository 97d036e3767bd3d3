"""HDF5 files, whatever their writer is doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

_SIGNATURE, _NEWEST = b"\x89HDF\r\n\x1a\n", 3


def open_hdf5(path: Path) -> Any:
    """Open for reading, whether or not this process has the file open with locks already, or its writer was killed while it marked it."""
    ways: list[dict[str, bool]] = [{}, {"locking": False}]
    if _is_marked_and_whole(path):
        ways.append({"locking": False, "swmr": True})
    for words in ways:
        try:
            return h5py.File(path, "r", **words)
        except OSError as error:
            failed = error
    raise failed


def _is_marked_and_whole(path: Path) -> bool:
    """Whether the superblock says that somebody writes, and the file has the length that it says.

    As a reader beside a writer, HDF5 opens files that are cut off, too, and then waits for what will never come.
    """
    with path.open("rb") as file:
        head = file.read(48)
    if len(head) < 48 or head[:8] != _SIGNATURE or head[8] != _NEWEST:
        return False
    return head[11] != 0 and path.stat().st_size >= int.from_bytes(head[28:36], "little")

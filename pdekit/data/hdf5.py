"""HDF5 files that another process may be writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py


def open_hdf5(path: Path) -> Any:
    """Open for reading, whether or not this process has the file open with locks already, or its writer was killed while it marked it."""
    for words in ({}, {"locking": False}, {"locking": False, "swmr": True}):
        try:
            return h5py.File(path, "r", **words)
        except OSError as error:
            failed = error
    raise failed

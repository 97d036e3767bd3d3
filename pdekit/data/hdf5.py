"""HDF5 files that another process may be writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py


def open_hdf5(path: Path) -> Any:
    """Open for reading, whether or not this process has the file open with locks already."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "locking flag" not in str(error):
            raise
        return h5py.File(path, "r", locking=False)

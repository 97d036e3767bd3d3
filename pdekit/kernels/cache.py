"""Generated source as importable modules, in the user's cache folder, so that a second run compiles nothing.

A module's name is a digest of its source and of all versions that matter; it is written under another name and moved into
place, so that runs at the same time cannot meet half a file. Numba keeps the machine code beside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import llvmlite
import numba
import numpy as np

from pdekit.kernels import passes

HEADER = '''"""Written by pdekit.kernels; may be deleted at any time."""

import math

import numpy as np
from numba import njit as _njit
from numba import uintp

from pdekit.kernels.passes import combine_row, copy_row, error_row, write_row

real = np.float32
FAST = {"contract", "nsz"}


def njit(**options):
    return _njit(cache=True, **options)


'''


def cache_folder() -> Path:
    """Where compiled kernels are kept: ``PDEKIT_CACHE``, or the user's cache folder; a temporary one if none can be written."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("PDEKIT_CACHE")
    folder = Path(chosen) if chosen else user_cache_path("pdekit", appauthor=False) / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"pdekit-kernels-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def load(source: str, header: str = HEADER) -> ModuleType:
    """The module of a source text, from the cache if it is there."""
    text = header + source + "\n"
    versions = [platform.python_version(), numba.__version__, np.__version__, llvmlite.__version__]
    versions.append(Path(passes.__file__).read_text())  # compiled into the modules
    digest = hashlib.sha256("\0".join([text, *versions]).encode()).hexdigest()[:24]
    name = f"pdekit_kernel_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(temporary, path)
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module

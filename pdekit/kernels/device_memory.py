"""A CUDA device: whether there is one, how kernels are started on it, and what their modules begin with."""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pdekit.errors import SolverError

THREADS = 256  # of a block
BLOCKS = {1: (THREADS,), 2: (32, 8), 3: (32, 4, 2)}  # threads of a block along the axes, the last axis first


def _version() -> str:
    try:
        return version("numba-cuda")
    except PackageNotFoundError:
        return "of numba"


HEADER = f'''"""Written by pdekit.kernels, for CUDA {_version()}; may be deleted at any time."""

import math

from numba import cuda, uintp


'''


def device_name() -> str:
    """What the device calls itself.

    Raises
    ------
    SolverError
        There is none.
    """
    advice = "leave device out, or run where there is one, with pip install 'pdekit[cuda]'"
    try:
        from numba import cuda

        is_there = cuda.is_available()
    except (ImportError, OSError, RuntimeError) as error:  # parts of CUDA that are not found
        raise SolverError(f"CUDA does not work here ({error}); {advice}", key="time.device") from None
    if not is_there:
        raise SolverError(f"no CUDA device was found; {advice}", key="time.device")
    name = getattr(cuda.current_context().device, "name", "simulated by numba")
    return name.decode() if isinstance(name, bytes) else str(name)


def launch(kernel: Any, threads: tuple[int, ...], *arguments: Any) -> None:
    """Start a kernel with at least so many threads along each axis, the first of which are neighbours."""
    block = tuple(map(min, BLOCKS[len(threads)], threads))
    grid = tuple(-(-count // most) for count, most in zip(threads, block))
    _configured(kernel, grid, block)
    kernel[grid, block](*arguments)


@lru_cache(maxsize=128)
def _configured(kernel: Any, grid: tuple[int, ...], block: tuple[int, ...]) -> None:
    """Let numba remember a configuration, without its advice on grids of few blocks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Grid size")  # numba begins with a colour
        kernel[grid, block]

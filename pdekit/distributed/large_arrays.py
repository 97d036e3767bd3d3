"""Memory that is let go goes back to the system, where others on the same machine need it."""

from __future__ import annotations

import ctypes
import sys

MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
LARGE = 8 << 20  # bytes


def return_large_arrays() -> None:
    """Have glibc map arrays of megabytes one by one, and so return them when they are let go.

    By itself it raises the size from which it does so to that of what was freed, up to 32 MB: halves of a grid of 2048^2 nodes are below,
    and a rank kept 77 MB beyond its libraries instead of 65.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):  # musl has none
            library.mallopt(MMAP_THRESHOLD, LARGE)

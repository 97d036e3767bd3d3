"""Measuring: least times of some repetitions, and the bandwidth of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One line of the table: what, how much, and what it should be."""

    title: str
    value: str
    goal: str


def best(function: Callable[[], Any], repeats: int = 5) -> float:
    """Least time of some repetitions, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def copy_rate(count: int) -> float:
    """Bytes that the machine copies per second, read and written, in arrays of so many numbers, with two threads."""
    from concurrent.futures import ThreadPoolExecutor

    source, target = np.ones(count), np.empty(count)
    halves = [slice(0, count // 2), slice(count // 2, count)]
    with ThreadPoolExecutor(2) as pool:
        seconds = best(lambda: list(pool.map(lambda part: np.copyto(target[part], source[part]), halves)), 20)
    return 16 * count / seconds

"""Threads that wait for a share of a pass over memory: woken by a lock, in a few microseconds.

A pool of futures takes as long to hand over a task as a small pass takes to run.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

Task = Callable[[int], Any]


def usable_cores() -> int:
    """Cores that this process may use: those it has, or fewer where NUMBA_NUM_THREADS or OMP_NUM_THREADS say so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = [os.environ.get(name, "") for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")]
    return min([cores, *(int(text) for text in asked if text.isdigit() and int(text) > 0)])


class _Desk:
    """Where one worker finds its task and leaves its result; the thread holds no more than this."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.start, self.done = threading.Lock(), threading.Lock()
        self.start.acquire()
        self.done.acquire()
        self.task: Task | None = None
        self.error: BaseException | None = None

    def work(self) -> None:
        while True:
            self.start.acquire()
            if self.task is None:
                return
            try:
                self.task(self.number)
            except BaseException as error:  # handed over to the caller
                self.error = error
            self.done.release()

    def close(self) -> None:
        self.task = None
        self.start.release()


class Workers:
    """Runs a task for the parts 1, ..., count - 1 on threads of their own and for part 0 on the caller's.

    Parameters
    ----------
    count : int
        Number of parts.

    Examples
    --------
    >>> found = [0, 0, 0]
    >>> def square(part):
    ...     found[part] = part**2
    >>> Workers(3).run(square)
    >>> found
    [0, 1, 4]
    """

    def __init__(self, count: int) -> None:
        self._desks = [_Desk(number) for number in range(1, count)]
        for desk in self._desks:
            threading.Thread(target=desk.work, daemon=True, name=f"pdekit-{desk.number}").start()
            weakref.finalize(self, desk.close)

    def run(self, task: Task) -> None:
        """Run the task for all parts; returns when all are done."""
        for desk in self._desks:
            desk.task = task
            desk.start.release()
        error: BaseException | None = None
        try:
            task(0)
        except BaseException as own:
            error = own
        for desk in self._desks:
            desk.done.acquire()
            error, desk.error, desk.task = error or desk.error, None, None  # a task holds states, which may be let go
        if error is not None:
            raise error

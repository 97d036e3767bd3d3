"""A whole step of a Runge-Kutta method in one pass over memory: its stages follow each other through the rows as a wavefront."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from pdekit.kernels.cache import load
from pdekit.kernels.drivers import write_wavefront
from pdekit.kernels.kernel import Kernel
from pdekit.kernels.plan import Plan
from pdekit.kernels.prescribed import Prescribed
from pdekit.typing import Array

Rows = Sequence[Sequence[float]]


def worthwhile(kernel: Kernel, stages: int) -> bool:
    """Whether a step in one wavefront is faster than stage after stage."""
    grid = kernel.system.grid
    size = kernel.dtype.itemsize * int(np.prod(kernel.shape))
    if grid.ndim < 2 or stages < 2 or size < kernel.thresholds.wavefront_from:
        return False
    found_before = kernel.changing or kernel.sweeps or kernel.before
    if found_before or kernel.cut is not None:  # before every stage
        return False
    back, ahead, _ = reach(kernel.plan)
    return (stages - 1) * (back + ahead) <= 2 * kernel.thresholds.most_twice * grid.shape[0] / kernel.threads


def reach(plan: Plan) -> tuple[int, int, Array | None]:
    """How many rows of the first axis a stencil reads back and ahead, and which: on periodic axes not wrapped."""
    if 0 not in plan.windows:
        return 0, 0, None
    index = plan.windows[0].index
    n, rows = index.shape[0], np.arange(index.shape[0])
    if plan.system.grid.axes[0].wraps:
        low = (int(index[0, 0]) + n // 2) % n - n // 2
        index = rows[:, None] + low + np.arange(index.shape[1])
    return int(np.max(rows - index[:, 0])), int(np.max(index[:, -1] - rows)), np.ascontiguousarray(index)


class Coefficients(Protocol):
    """What a wavefront must know of a method: `pdekit.time.tables.Tableau` has it."""

    @property
    def A(self) -> Rows: ...
    @property
    def b(self) -> Sequence[float]: ...
    @property
    def c(self) -> Sequence[float]: ...
    @property
    def error(self) -> Sequence[float]: ...
    @property
    def stages(self) -> int: ...
    @property
    def subdiagonal(self) -> bool: ...
    @property
    def first_same_as_last(self) -> bool: ...


class Wavefront:
    """A compiled step of a method given by its coefficients.

    Parameters
    ----------
    kernel : Kernel
        Of two or three dimensions.
    tableau : Coefficients
        An explicit method.
    """

    def __init__(self, kernel: Kernel, tableau: Coefficients) -> None:
        self.kernel, self.errors = kernel, np.array(tableau.error, dtype=float)
        s, same = tableau.stages, tableau.first_same_as_last
        self.passes = s - 1 if same and not tableau.error else s  # the last stage is for the error only
        self._result = s - 2 if same else s - 1
        self._kind = "fused" if tableau.subdiagonal and not tableau.error else "stored"
        rows = [*tableau.A[1:], tableau.b][: self.passes]
        self._weights = np.zeros((self.passes, s))
        for p, row in enumerate(rows):
            self._weights[p, : len(row)] = row
        self._b, self._c = np.array(tableau.b), np.array(tableau.c)
        self._source = write_wavefront(kernel.plan, self._kind)
        self._function = getattr(load(self._source.text), self._source.function)

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        kernel, system = self.kernel, self.kernel.system
        back, lag, index = reach(kernel.plan)
        row = kernel.dtype.itemsize * int(np.prod(kernel.shape)) // system.grid.shape[0]
        chunk = max(1, min(kernel.thresholds.chunk_bytes // row, 32))
        given = dict(kernel.arguments)
        given |= {"lag": lag, "back": back, "chunk": chunk, "bounded": not system.grid.axes[0].wraps}
        given["strips"] = kernel.strips(self._source.joined)
        given["U0"] = index
        given["result"] = self._result
        prescribed = self._prescribed
        given |= {"PS": prescribed.begins, "PB": prescribed.block, "PC": prescribed.column}
        given["PV"] = np.zeros((self.passes + 1, prescribed.block.size), dtype=kernel.dtype)
        given["PV"][: self.passes] = prescribed.values(0.0) if prescribed.constant else 0.0
        for name in kernel.data:
            given[f"{name}S"] = np.repeat(given[name][None], self.passes, axis=0)
        return given

    @cached_property
    def _prescribed(self) -> Prescribed:
        return Prescribed.of(self.kernel.system)

    @property
    def _shapes(self) -> dict[str, tuple[int, int]]:
        """Of the rings: rows of the states between the stages, and of those that are collected or kept."""
        given = self._fixed
        row = int(np.prod(self.kernel.shape)) // self.kernel.system.grid.shape[0]
        kept = 1 if self._kind == "fused" else self.passes
        chunk, lag = given["chunk"], given["lag"]
        states = max(self.passes - 1, 1), (chunk + lag + given["back"]) * row
        return {"US": states, "KS": (kept, (chunk + (self.passes - 1) * lag) * row)}

    @cached_property
    def _rings(self) -> list[dict[str, Array]]:
        """The rings of every thread."""
        dtype = self.kernel.dtype
        return [{name: np.zeros(shape, dtype) for name, shape in self._shapes.items()} for _ in self.kernel.parts]

    @property
    def nbytes(self) -> int:
        """Memory of the rings."""
        count = sum(int(np.prod(shape)) for shape in self._shapes.values())
        return count * self.kernel.dtype.itemsize * len(self.kernel.parts)

    def step(self, t: float, Y: Array, h: float, out: Array, atol: Array | None = None, rtol: float = 0.0) -> float:
        """Advance by h; prescribed values of the result are not written.

        Parameters
        ----------
        t : float
        Y : array
            The state, of the kernel's shape.
        h : float
        out : array
            Where the result goes; not Y.
        atol : array of shape (blocks,), optional
        rtol : float
            Tolerances.

        Returns
        -------
        float
            Sum of the squares of the error beside the tolerances; zero if there is no estimate.
        """
        given, kernel = self._fixed, self.kernel
        times = t + self._c[: self.passes] * h
        self._refresh(times)
        numbers = {"ts": times, "cs": self._numbers(h), "weights": h * self._weights, "errors": h * self.errors}
        moving: dict[str, Any] = {name: kernel.precise(value) for name, value in numbers.items()}
        moving |= {"Y": Y, "OUT": out, "atol": np.ones(Y.shape[0]) if atol is None else atol, "rtol": rtol}
        shift = 0 if given["bounded"] else Y.shape[1]  # so that rows before the first are not negative
        totals = [0.0] * len(kernel.parts)

        def work(part: int) -> None:
            begin, end = kernel.parts[part]
            own = {**self._rings[part], "S": kernel.scratch[part], "begin": begin + shift, "end": end + shift}
            values = [own[n] if n in own else moving[n] if n in moving else given[n] for n in self._source.arguments]
            totals[part] = self._function(*values)

        kernel.share(work)
        return sum(totals)

    def _numbers(self, h: float) -> Array:
        """``cf, cu, c_0, c_1, c_2, d`` of every pass."""
        numbers = np.zeros((self.passes, 6))
        if self._kind == "fused":
            numbers[:, 2] = 1.0
            for p in range(self.passes - 1):
                numbers[p, 0] = h * self._weights[p, p]
            numbers[:, 5] = h * self._b[: self.passes]
        return numbers

    def _refresh(self, times: Array) -> None:
        """Boundary data of all stages."""
        given, prescribed = self._fixed, self._prescribed
        for name, (state, axis) in self.kernel.data.items():
            conditions = self.kernel.system.blocks[state].conditions
            if not conditions.constant:
                for p, at in enumerate(times):
                    given[f"{name}S"][p] = conditions.stencil_data(axis, at)
        if not prescribed.constant:
            for p in range(self.passes - 1):
                given["PV"][p] = prescribed.values(times[p + 1])

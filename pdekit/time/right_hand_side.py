"""The right-hand side as explicit methods use it: with the update of a step in the same pass, over states of its own shape.

Two realizations of the same rows: the sparse matrices, on vectors of the free unknowns, and the compiled kernels, on
whole fields with prescribed nodes in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from pdekit.deferred import collection_paused
from pdekit.discretize.kinks import has_kinked_diffusion
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.kernels.memory import empty_state
from pdekit.kernels.modes import MODES, combined
from pdekit.kernels.workers import usable_cores
from pdekit.linear.direct import factorise
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.solved_rates import SolverOf, rates
from pdekit.time.stepper import Tolerance
from pdekit.typing import Array

Compiled = Literal["auto", "always", "never"]
Precision = Literal["double", "single"]
Device = Literal["cpu", "gpu"]
Stages = Any  # states that a method keeps: one array of them, or on a device a list
PARTS = 8  # of passes over whole states that threads may share: as many for any number of threads, so that sums are the same
MOST_ROUNDING = 0.01  # of the values, by all steps of a run in single precision

if TYPE_CHECKING:
    from pdekit.kernels.kernel import Kernel
    from pdekit.kernels.wavefront import Wavefront
    from pdekit.time.tables import Tableau


class WholeStep(Protocol):
    """A Runge-Kutta step whose stages are done in one go."""

    @property
    def passes(self) -> int:
        """Evaluations of the right-hand side."""
        ...

    @property
    def nbytes(self) -> int:
        """Memory beside the old and the new state."""
        ...

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        """Advance by h, prescribed values apart; the error in units of the tolerances, if some are given."""
        ...


class RightHandSide(Protocol):
    """A realization of ``y' = F(t, y)``.

    `apply` evaluates F at `Y` and combines, c being ``cf, cu, c_0, c_1, c_2, d``:
    "rate": ``out = F``; "step": ``out = cf F + cu Y``; "blend": and ``c_0 X_0``; "stabilised": and ``c_0 X_0 + c_1 X_1 +
    c_2 out``; "collect": ``out = cf F + c_0 X_0`` and ``z += d F``; "finish": ``z += d F`` only.
    """

    system: SemiDiscrete
    title: str
    compiled: bool
    shape: tuple[int, ...]  # of a state
    dtype: np.dtype[Any]

    def evaluate(self, t: float, y: Array) -> Array:
        """F on vectors of unknowns."""
        ...

    def unpacked(self, t: float, y: Array) -> Array:
        """The state of a vector of unknowns."""
        ...

    def packed(self, Y: Array) -> Array:
        """The vector of unknowns of a state."""
        ...

    def fill(self, Y: Array, t: float) -> None:
        """Write prescribed values at time t into a state."""
        ...

    def states(self, count: int) -> Stages:
        """So many states, of zeros, where they live."""
        ...

    def copy(self, out: Array, Y: Array) -> None:
        """``out = Y``."""
        ...

    def difference(self, out: Array, X: Array, Y: Array) -> None:
        """``out = X - Y``."""
        ...

    def apply(
        self,
        mode: str,
        t: float,
        Y: Array,
        out: Array | None = None,
        coefficients: Array | None = None,
        others: Sequence[Array] = (),
        z: Array | None = None,
    ) -> None:
        """Evaluate and combine; see above."""
        ...

    def combine(self, out: Array, Y: Array, weights: Array, stages: Stages) -> None:
        """``out = Y + sum_k weights[k] stages[k]``."""
        ...

    def error(
        self, Y0: Array, Y1: Array, difference: float, weights: Array, stages: Stages, tolerance: Tolerance
    ) -> float:
        """Root mean square of ``difference (Y0 - Y1) + sum_k weights[k] stages[k]``, in units of the tolerances."""
        ...

    def greatest(self, Y: Array) -> float:
        """The greatest modulus; not a number if there is one that is not."""
        ...

    def norm(self, Y: Array) -> float:
        """The Euclidean norm."""
        ...

    def fastest(self, t: float, y: Array) -> dict[Any, float]:
        """Wave speeds that are found faster than by the terms, by the names under which these share them."""
        ...

    def whole_step(self, tableau: Tableau) -> WholeStep | None:
        """All stages of a method in one go, where there is a faster way than one after the other."""
        ...


def choose_right_hand_side(
    system: SemiDiscrete,
    evaluations: float,
    compiled: Compiled = "auto",
    precision: Precision = "double",
    thresholds: Thresholds = THRESHOLDS,
    solver_of: SolverOf = factorise,
) -> RightHandSide:
    """The realization that is worth it: compiled kernels for much work, matrices for little.

    Parameters
    ----------
    system : SemiDiscrete
    evaluations : float
        About how many there will be.
    compiled : {"auto", "always", "never"}
    precision : {"double", "single"}
        Only kernels do single precision.
    thresholds : Thresholds
    solver_of : callable of a sparse matrix
        Of an M that couples the nodes.

    Raises
    ------
    SolverError
        Kernels are asked for and cannot do the system; says why.
    """
    single = precision == "single"
    if single and compiled == "never":
        raise SolverError("single is for compiled kernels only; leave out compiled: never", key="time.precision")
    asked = "time.precision: single" if single else "time.compiled: always" if compiled == "always" else ""
    if system.couples_rates and asked:
        raise SolverError(f"{asked}: time derivatives that are differentiated in space are left to the matrices")
    least = thresholds.worth_sweeping if system.is_limited else thresholds.worth_compiling
    is_short = not asked and _cost_by_matrices(system, evaluations, thresholds) < least
    if system.couples_rates or compiled == "never" or is_short:
        return MatrixRightHandSide(system, solver_of)
    with collection_paused():
        from pdekit.discretize.terms.term_protocol import NotCompiled
        from pdekit.kernels.kernel import Kernel

    try:
        kernel = Kernel(system, threads=usable_cores(), single=single, thresholds=thresholds)
        kernel.prepare()
        return CompiledRightHandSide(kernel)
    except NotCompiled as reason:
        if asked:
            raise SolverError(f"{asked}: this problem is left to the matrices: {reason}") from None
        return MatrixRightHandSide(system)


def _cost_by_matrices(system: SemiDiscrete, evaluations: float, thresholds: Thresholds) -> float:
    """Node updates, what an evaluation costs in any case among them."""
    if system.is_limited or system.is_linear:
        return system.shared_size * evaluations
    if not has_kinked_diffusion(system.system):
        return (system.shared_size + thresholds.overhead_nonlinear) * evaluations
    passed = max(system.grid.whole.shape) * thresholds.kinked_evaluations
    return (system.shared_size + thresholds.overhead_kinked) * max(evaluations, passed)


def right_hand_side_on_device(
    system: SemiDiscrete,
    compiled: Compiled = "auto",
    precision: Precision = "double",
    thresholds: Thresholds = THRESHOLDS,
) -> RightHandSide:
    """The realization by kernels of a GPU.

    Raises
    ------
    SolverError
        There is no device, or it cannot do the system; says why.
    """
    if compiled == "never":
        raise SolverError("gpu is for compiled kernels only; leave out compiled: never", key="time.device")
    if precision == "single":
        raise SolverError("gpu is for double precision; leave out precision: single", key="time.device")
    from pdekit.discretize.terms.term_protocol import NotCompiled
    from pdekit.kernels.device_memory import device_name

    name = device_name()
    with collection_paused():
        from pdekit.kernels.device_kernel import DeviceKernel
        from pdekit.time.device_right_hand_side import DeviceRightHandSide

    try:
        if system.couples_rates:
            raise NotCompiled("time derivatives are differentiated in space")
        if not system.grid.is_box:
            raise NotCompiled("the rows next to the boundary of a domain are a sparse matrix's")
        kernel = DeviceKernel(system, thresholds)
        kernel.prepare()
    except NotCompiled as reason:
        raise SolverError(f"gpu: this problem is left to the processor: {reason}", key="time.device") from None
    return DeviceRightHandSide(kernel, name)


def refuse_lost_steps(side: RightHandSide, t: float, y: Array, step: float, duration: float) -> None:
    """Refuse fixed steps whose changes drown in the rounding of single precision.

    Each step rounds by up to half a unit u = 6e-8 of the greatest value. Refused are changes of less than 16 u at the start,
    and so many steps that their roundings together may reach a hundredth.

    Raises
    ------
    SolverError
    """
    unit = float(np.finfo(np.float32).eps) / 2
    if duration / step * unit > MOST_ROUNDING:
        raise SolverError(
            f"the roundings of {duration / step:,.0f} steps in single precision may reach "
            f"{duration / step * unit:.2g} of the values; take longer steps, or double precision",
            key="time.precision",
        )
    F = side.evaluate(t, y)
    for block in side.system.blocks:
        size = float(np.max(np.abs(y[block.slice]), initial=0.0))
        slope = float(np.max(np.abs(F[block.slice]), initial=0.0))
        if step * slope < 16 * unit * size < duration * slope * 1e3:
            raise SolverError(
                f"a step of {step:g} changes {block.name} by {step * slope:.1e}, which single precision loses beside "
                f"values of {size:.3g}; take longer steps, or double precision",
                key="time.precision",
            )


def _length(x: Array) -> float:
    """The 2-norm without BLAS, whose threads wait for each other on a busy machine: 3 ms instead of 10 us for 32,768 numbers."""
    flat = x.reshape(-1)
    return float(np.sqrt(np.einsum("i,i->", flat, flat.conj()).real))


class _OnProcessor:
    """What right-hand sides share whose states are arrays of NumPy."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def states(self, count: int) -> Array:
        found = empty_state((count, *self.shape), self.dtype)
        found[...] = 0
        return found

    def copy(self, out: Array, Y: Array) -> None:
        out[...] = Y

    def difference(self, out: Array, X: Array, Y: Array) -> None:
        np.subtract(X, Y, out=out)


class MatrixRightHandSide(_OnProcessor):
    """By sparse matrices; a state is the vector of unknowns."""

    title, compiled = "sparse matrices", False

    def __init__(self, system: SemiDiscrete, solver_of: SolverOf = factorise) -> None:
        self.system = system
        self.shape = (system.size,)
        self.dtype = np.dtype(system.dtype)
        self.evaluate = rates(system, solver_of)

    def unpacked(self, t: float, y: Array) -> Array:
        return y.copy()

    def packed(self, Y: Array) -> Array:
        return Y.copy()

    def fill(self, Y: Array, t: float) -> None:
        """Prescribed values are not part of the state."""

    def apply(
        self,
        mode: str,
        t: float,
        Y: Array,
        out: Array | None = None,
        coefficients: Array | None = None,
        others: Sequence[Array] = (),
        z: Array | None = None,
    ) -> None:
        F = self.evaluate(t, Y)
        if z is not None and coefficients is not None:
            z += coefficients[-1] * F
        if out is not None:
            out[...] = combined(MODES[mode], F, Y, coefficients, others, out)

    def combine(self, out: Array, Y: Array, weights: Array, stages: Array) -> None:
        total = Y.copy()
        for w, F in zip(weights, stages):
            if w != 0:
                total += w * F
        out[...] = total

    def error(
        self, Y0: Array, Y1: Array, difference: float, weights: Array, stages: Array, tolerance: Tolerance
    ) -> float:
        e = difference * (Y0 - Y1)
        for w, F in zip(weights, stages):
            if w != 0:
                e = e + w * F
        return tolerance.norm(e, Y0, Y1)

    def greatest(self, Y: Array) -> float:
        return float(np.max(np.abs(Y)))

    def norm(self, Y: Array) -> float:
        return _length(Y)

    def fastest(self, t: float, y: Array) -> dict[Any, float]:
        return {}

    def whole_step(self, tableau: Tableau) -> WholeStep | None:
        return None


class CompiledRightHandSide(_OnProcessor):
    """By compiled kernels; a state has the shape ``(blocks, *grid.shape)``."""

    compiled = True

    def __init__(self, kernel: Kernel) -> None:
        from pdekit.kernels import passes

        self.kernel, self.system, self._passes = kernel, kernel.system, passes
        self.shape, self.dtype = kernel.shape, kernel.dtype
        threads = f"{kernel.threads} thread{'s' * (kernel.threads > 1)}"
        self.title = f"compiled kernels, {threads}{', single precision' * kernel.plan.single}"
        self._found: tuple[Tolerance, Array] | None = None
        self._whole_steps: dict[Tableau, WholeStep | None] = {}
        size = kernel.system.grid.size
        parts = PARTS if size >= kernel.thresholds.shared_from else 1
        self._parts = list(pairwise(np.linspace(0, size, parts + 1).astype(int).tolist()))
        self.evaluate = kernel.rhs
        self.unpacked, self.packed, self.fill = kernel.unpacked, kernel.packed, kernel.fill

    def apply(self, mode: str, t: float, Y: Array, out: Array | None = None, *others: Any, **options: Any) -> None:
        self.kernel.apply(mode, t, Y, out, *others, **options)
        if mode == "rate" and out is not None:  # a step of prescribed nodes has no error of its own
            self.kernel.fill_rates(out, t)

    def combine(self, out: Array, Y: Array, weights: Array, stages: Array) -> None:
        weights, flat = self.kernel.precise(weights), stages.reshape(stages.shape[0], -1)
        to, y, blocks, combine = out.reshape(-1), Y.reshape(-1), self._blocks, self._passes.combine_part
        self._share(lambda first, last: combine(to, y, flat, weights, first, last, *blocks))

    def copy(self, out: Array, Y: Array) -> None:
        to, y, (blocks, size) = out.reshape(-1), Y.reshape(-1), self._blocks
        self._share(lambda first, last: self._passes.copy_part(to, y, first, last, blocks, size))

    def error(
        self, Y0: Array, Y1: Array, difference: float, weights: Array, stages: Array, tolerance: Tolerance
    ) -> float:
        flat, (_, size), atol = stages.reshape(stages.shape[0], -1), self._blocks, self._tolerances(tolerance)
        y0, y1, rtol, of_part = Y0.reshape(-1), Y1.reshape(-1), tolerance.relative, self._passes.error_part
        total = self._total(lambda a, b: of_part(y0, y1, flat, weights, difference, a, b, size, atol, rtol))
        return float(np.sqrt(total / self.system.size))

    def greatest(self, Y: Array) -> float:
        return float(self._passes.greatest(Y.reshape(-1)))

    def norm(self, Y: Array) -> float:
        y, blocks, of_part = Y.reshape(-1), self._blocks, self._passes.square_part
        return float(np.sqrt(self._total(lambda first, last: of_part(y, first, last, *blocks))))

    def difference(self, out: Array, X: Array, Y: Array) -> None:
        self.combine(out, X, np.array([-1.0]), Y[None])

    def _share(self, work: Callable[[int, int], None]) -> None:
        """Do the parts of a pass over whole states, from node to node of every block, by all threads."""
        kernel, parts = self.kernel, self._parts
        if len(parts) == 1:
            work(*parts[0])
            return

        def share(thread: int) -> None:
            for first, last in parts[thread :: kernel.threads]:
                work(first, last)

        kernel.share(share)

    def _total(self, of_part: Callable[[int, int], float]) -> float:
        """The sum of a number of each part, in their order: it does not depend on the number of threads."""
        found: dict[int, float] = {}

        def work(first: int, last: int) -> None:
            found[first] = of_part(first, last)

        self._share(work)
        return sum(found[first] for first in sorted(found))

    @property
    def _blocks(self) -> tuple[int, int]:
        """How many blocks a state has, and their size."""
        return self.shape[0], self.system.grid.size

    def _tolerances(self, tolerance: Tolerance) -> Array:
        """The absolute tolerance of every block, found once for a run."""
        if self._found is None or self._found[0] is not tolerance:
            self._found = tolerance, tolerance.of_blocks(self.system.blocks)
        return self._found[1]

    def fastest(self, t: float, y: Array) -> dict[Any, float]:
        return self.kernel.fastest(t, self.kernel.unpacked(t, y)) if self.kernel.sweeps else {}

    def whole_step(self, tableau: Tableau) -> WholeStep | None:
        """Made once: a chain of integrations, from frame to frame, asks for it every time."""
        from pdekit.kernels.wavefront import Wavefront, worthwhile

        if tableau not in self._whole_steps:
            fits = worthwhile(self.kernel, tableau.stages)
            made = _WavefrontStep(Wavefront(self.kernel, tableau), self._tolerances, self.system.size) if fits else None
            self._whole_steps[tableau] = made
        return self._whole_steps[tableau]


@dataclass(frozen=True, eq=False)
class _WavefrontStep:
    wavefront: Wavefront
    tolerances: Callable[[Tolerance], Array]
    size: int

    @property
    def passes(self) -> int:
        return self.wavefront.passes

    @property
    def nbytes(self) -> int:
        return self.wavefront.nbytes

    def step(self, t: float, Y: Array, h: float, out: Array, tolerance: Tolerance | None = None) -> float:
        if tolerance is None:
            return self.wavefront.step(t, Y, h, out)
        total = self.wavefront.step(t, Y, h, out, self.tolerances(tolerance), tolerance.relative)
        return float(np.sqrt(total / self.size))

"""What a time integration method is: its name and family, and how it makes its stepper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pdekit.counts import Statistics
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import SolverError
from pdekit.linear.direct import factorise
from pdekit.linear.solver_choice import Solvers
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.carried_errors import DAMPED, Carried, held
from pdekit.time.controllers import Controller, ErrorControl, FixedStep
from pdekit.time.loop import Stop, integrate
from pdekit.time.maruyama import Path, refuse_stops_within_steps
from pdekit.time.observers import Watch
from pdekit.time.past import recorded
from pdekit.time.right_hand_side import (
    Compiled,
    CompiledRightHandSide,
    Device,
    Precision,
    RightHandSide,
    choose_right_hand_side,
    right_hand_side_on_device,
)
from pdekit.time.runge_kutta import Counted
from pdekit.time.scipy_methods import integrate_by_scipy
from pdekit.time.solved_rates import SolverOf
from pdekit.time.splitting import Splitting
from pdekit.time.step_memory import StepMemory
from pdekit.time.stepper import Stepper, Tolerance
from pdekit.time.tables import TABLEAUX, Tableau
from pdekit.typing import Array

# Lengths of steps for every factor of two, of methods whose coefficients or factors belong to a length. Diffusion with k(x, y), 65^2, moving
# data: 317 factorisations of tr_bdf2 become 56 (1.5 s : 0.5), 391 of ros3p 59 (2.3 : 0.8); k(u), 48^2: 213 of bdf2 become 90 (0.7 : 0.4).
LADDER = 4
OF_A_LENGTH = ("exponential", "implicit-explicit", "implicit")  # families that keep what belongs to a length
ON_DEVICES = ("explicit", "adaptive explicit", "stabilised")  # families whose states may lie on a GPU
USUAL_STAGES, USUAL_EVALUATIONS = 10, 5000.0
Family = Literal[
    "explicit",
    "exact",
    "exponential",
    "implicit-explicit",
    "stabilised",
    "implicit",
    "verlet",
    "newmark",
    "stochastic",
    "adaptive explicit",
    "adaptive implicit",
]


@dataclass(frozen=True, eq=False)
class Ingredients:
    """What a stepper may be made of.

    Parameters
    ----------
    system : SemiDiscrete
    solvers : Solvers
    statistics : Statistics
    rhs : RightHandSide, optional
        For explicit methods.
    t, y : float, array
        The initial state.
    span : float
        Length of the run.
    tolerance : Tolerance
    step : float, optional
        A fixed step.
    path : Path
        Of noise.
    implicit : sequence of str, optional
        Terms that implicit-explicit methods treat implicitly.
    memory : StepMemory
        What an integration before this one has learnt.
    """

    system: SemiDiscrete
    solvers: Solvers
    statistics: Statistics
    rhs: RightHandSide | None
    t: float
    y: Array
    span: float
    tolerance: Tolerance
    step: float | None = None
    path: Path = field(default_factory=Path)
    implicit: Sequence[str] | None = None
    memory: StepMemory = field(default_factory=StepMemory)

    def splitting(self, method: str) -> Splitting:
        """What implicit-explicit methods treat implicitly."""
        return Splitting(self.system, self.solvers, method, self.implicit)

    @property
    def right_hand_side(self) -> RightHandSide:
        """That of explicit methods."""
        assert self.rhs is not None
        return self.rhs


@dataclass(frozen=True)
class Method:
    """A time integration method.

    Parameters
    ----------
    name : str
        As written in ``time: {method: ...}``, in any case.
    family : str
        Decides which stability limit applies.
    order : int
        Order of accuracy in time.
    title : str
        In words.
    make : callable of Ingredients, optional
        Makes the stepper; without it the method is one of a library, which has steps of its own.
    estimates : bool
        Whether the stepper estimates its error, so that steps can be chosen by it.
    explicit : bool
        Whether it runs on a right-hand side, compiled or not.
    kept : int
        States that an explicit stepper keeps beside the old and the new one.
    aliases : tuple of str
        Other names.
    stability : str
        The explicit table whose stability region bounds the step, if it is not the method's own.
    control : callable of (Ingredients, longest step), optional
        What chooses the steps, if it is not the estimated error.
    library : callable
        What integrates with a method that has steps of its own.
    carried : Carried
        By how much the tolerance of steps is tightened where errors are carried on.
    renews : bool
        Whether every step of a nonlinear system needs factors of its own, whatever its length.
    """

    name: str
    family: Family
    order: int
    title: str
    make: Callable[[Ingredients], Stepper] | None = None
    estimates: bool = False
    explicit: bool = False
    kept: int = 0
    aliases: tuple[str, ...] = ()
    stability: str = ""
    control: Callable[[Ingredients, float], Controller] | None = None
    library: Callable[..., Iterator[tuple[float, Array]]] = integrate_by_scipy
    carried: Carried = DAMPED
    renews: bool = False

    @property
    def needs_step(self) -> bool:
        """Whether the method needs a step from the user."""
        return self.make is not None and not self.estimates and self.control is None

    @property
    def takes_step(self) -> bool:
        """Whether it can go with a fixed step."""
        return self.make is not None

    @property
    def tableau(self) -> Tableau | None:
        """The table of an explicit Runge-Kutta method."""
        return TABLEAUX.get(self.stability or self.name)

    def compile(
        self,
        system: SemiDiscrete,
        duration: float,
        step: float | None,
        compiled: Compiled = "auto",
        precision: Precision = "double",
        thresholds: Thresholds = THRESHOLDS,
        device: Device = "cpu",
        solver_of: SolverOf = factorise,
    ) -> RightHandSide | None:
        """The right-hand side in the form that an explicit stepper will use; None for other methods."""
        if device == "gpu":
            if self.family not in ON_DEVICES:
                raise SolverError(
                    f"gpu is for explicit methods, such as rk4, tsitouras and rkc2; the method is {self.name}",
                    key="time.device",
                )
            return right_hand_side_on_device(system, compiled, precision, thresholds)
        if not self.explicit or (self.family == "exponential" and precision == "single"):
            if precision == "single":
                raise SolverError(
                    f"single is for methods that run on compiled kernels, such as rk4, tsitouras and rkc2; the method is {self.name}",
                    key="time.precision",
                )
            return None
        if not system.evolves:
            raise SolverError(f"{self.name} cannot solve algebraic equations '0 = ...'; use tr_bdf2 or backward_euler")
        stages = self.tableau.stages if self.tableau else USUAL_STAGES
        evaluations = USUAL_EVALUATIONS if step is None else stages * duration / step
        rhs = choose_right_hand_side(system, evaluations, compiled, precision, thresholds, solver_of)
        if isinstance(rhs, CompiledRightHandSide) and self.tableau is not None and self.tableau.shu_osher:
            rhs.kernel.plain = "step"  # which the method compiles in any case
        return rhs

    def integrate(
        self,
        system: SemiDiscrete,
        y: Array,
        stops: Sequence[Stop],
        watch: Watch,
        tolerance: Tolerance,
        *,
        step: float | None = None,
        rhs: RightHandSide | None = None,
        solvers: Solvers | None = None,
        longest: float = float("inf"),
        path: Path = Path(),  # noqa: B008  (frozen)
        implicit: Sequence[str] | None = None,
        memory: StepMemory | None = None,
    ) -> Iterator[tuple[float, Array]]:
        """Yield ``(t, y)`` at all stops that are frames, the first of which is the start.

        Parameters
        ----------
        system : SemiDiscrete
        y : array
            The initial state.
        stops : sequence of Stop
        watch : Watch
        tolerance : Tolerance
            For steps that are chosen by their errors.
        step : float, optional
            A fixed step.
        rhs : RightHandSide, optional
            What `compile` made, if it was made before.
        solvers : Solvers, optional
        longest : float
            The longest step that error control may take.
        path : Path
            Of noise.
        implicit : sequence of str, optional
            Terms that implicit-explicit methods treat implicitly.
        memory : StepMemory, optional
            What an integration before this one has learnt of the step; kept up to date.
        """
        duration = stops[-1].t - stops[0].t
        if step is None:
            tolerance = held(tolerance, self.carried, system)
        if self.make is None:
            if step is not None:
                raise SolverError(f"{self.name} chooses its own steps; leave step out, or take a method of fixed step")
            return self.library(system, self.name, y, stops, tolerance, watch, longest, memory, solvers)
        if step is None and self.needs_step:
            raise SolverError(f"{self.name} needs a fixed step, time: {{step: ...}}")
        counted: Any = None
        if self.explicit:
            counted = Counted(rhs or self.compile(system, duration, step), watch.statistics)  # type: ignore[arg-type]
        solvers = solvers or Solvers(system)
        if self.family == "stochastic":
            assert step is not None
            refuse_stops_within_steps(stops, step)
        start, statistics = stops[0].t, watch.statistics
        memory = memory or StepMemory()
        given = Ingredients(
            system, solvers, statistics, counted, start, y, duration, tolerance, step, path, implicit, memory
        )
        stepper = recorded(self.make(given), system)
        control: Controller = ErrorControl(
            tolerance,
            duration,
            longest,
            LADDER * (self.family in OF_A_LENGTH and (system.is_linear or not self.renews)),
            memory,
        )
        if step is not None or (
            self.family == "exact" and stepper.error_order is None
        ):  # exact steps are as long as the stops allow
            control = FixedStep(step or longest)
        elif self.control is not None:
            control = self.control(given, longest)
        return integrate(stepper, control, y, stops, watch)

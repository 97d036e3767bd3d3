"""One run of a problem: from its initial state to a solution, frame by frame, to memory and file."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import brentq

from pdekit.checkpoints import Interrupted
from pdekit.coarse_defect import coarse_defect
from pdekit.consistent_values import consistent
from pdekit.counts import Statistics
from pdekit.course import Course
from pdekit.discretize.kinks import notes_on_kinks
from pdekit.discretize.system import SemiDiscrete
from pdekit.errors import BlowUpError, PdekitError, StabilityError
from pdekit.language.delayed_systems import delays_of, shortest_delay, with_past
from pdekit.linear.direct import factorise
from pdekit.linear.solver_choice import Solvers
from pdekit.outputs import Output, Writer
from pdekit.problem import Problem
from pdekit.resolution_notes import resolution_notes
from pdekit.settings import OutputSettings, TimeSettings, whole_steps
from pdekit.solution import Solution, in_order
from pdekit.steady import solve_steady
from pdekit.thresholds import THRESHOLDS, Thresholds
from pdekit.time.breakpoints import breakpoints
from pdekit.time.chattering import ChatterGuard, jumps_in_unknowns, notes_on_jumps
from pdekit.time.loop import Stop, aligned, stops_of
from pdekit.time.maruyama import Path
from pdekit.time.method import Method
from pdekit.time.method_choice import Choice, choose
from pdekit.time.methods import METHODS
from pdekit.time.observers import Notice, Watch
from pdekit.time.pace import PaceGuard, Slow, fastest, promises
from pdekit.time.past import Past
from pdekit.time.pulses import pulse_stops, timed_data
from pdekit.time.right_hand_side import CompiledRightHandSide, RightHandSide, refuse_lost_steps
from pdekit.time.series import RowRule, SeriesRecorder
from pdekit.time.solved_rates import SolverOf
from pdekit.time.soundness import refuse_unsound
from pdekit.time.stability_guard import StabilityGuard, Unsuitable
from pdekit.time.state_sizes import state_sizes
from pdekit.time.step_memory import StepMemory
from pdekit.time.stepper import Tolerance
from pdekit.time.stopping import EndByClock, Ended, EndOnCondition, EndWhenSteady
from pdekit.typing import Array

Progress = Callable[[float, int], None]
Viewer = Callable[[float, Callable[[], dict[str, Array]], int], None]
LOOKS = 200  # steps of an exact method of which somebody wants to be told
LOST_DIGITS = 1e-6  # of a steady solution by rounding, of which a note is made
TINY = 1e-300  # least absolute tolerance: where nothing is, no error is none


class Run:
    """Solves a problem once.

    Parameters
    ----------
    problem : Problem
    output : Output, optional
        The results file.
    keep : bool
        Keep all frames in memory rather than the last.
    thresholds : Thresholds
        From which sizes on what pays.
    sample : int
        Which one of an ensemble with noise.
    viewer : callable of (t, fields, steps), optional
        Shown every step: `fields` gives the arrays of all states by name, when it is asked.
    """

    def __init__(
        self,
        problem: Problem,
        output: Output | None = None,
        *,
        keep: bool = True,
        thresholds: Thresholds = THRESHOLDS,
        sample: int = 0,
        viewer: Viewer | None = None,
    ) -> None:
        self.sample, self.viewer = sample, viewer
        self.problem, self.output, self.keep, self.thresholds = problem, output, keep, thresholds
        self.system = _with_own_past(problem.semidiscrete, problem.time.start)
        self.begun = clock.perf_counter()

    def in_time(
        self,
        settings: TimeSettings,
        output: OutputSettings,
        end: float,
        choice: Choice | None,
        progress: Progress | None,
        before: Interrupted | None = None,
    ) -> Solution:
        """Integrate from the start to `end`, and store the state at the times of `output`; from where it was `before`, if it was begun."""
        system, start, step = self.system, settings.start, settings.step
        frames = output.resolve(start, end, step)
        whole = [start + whole_steps(end - start, step) * step] if output.is_default and step is not None else []
        timed = timed_data(system, start, end)
        others = whole if step is not None else pulse_stops(timed)
        stops = stops_of(frames, breakpoints(system, start, end), others, self.problem.bounded.projection_times)
        if before is not None:
            stops = aligned(stops, before.times)
        if before is None:
            solver_of = self.matrix_solver(settings)
            y = consistent(system, system.pack(self.problem.take_initial_fields()), start, Statistics(), solver_of)
        else:
            y = system.pack(before.frame(0))
        solvers = self.solvers(settings)
        if choice is None:
            choice = self._choose(settings, start, y, end, solvers)
        rhs = self.compiled(choice.method, settings, end - start)
        if settings.precision == "single" and step is not None and rhs is not None:
            refuse_lost_steps(rhs, start, y, step, end - start)
        rate = None if choice.method.family == "exact" else rhs.evaluate if rhs is not None else system.rhs
        scales = state_sizes(system, y, start, end - start, rate, timed)
        tolerance = self.tolerance(settings, scales)
        statistics, notes = Statistics(), list(choice.notes)
        watch = Watch(system, max(scales), progress, statistics, thresholds=self.thresholds)

        name, reasons = choice.method.name, choice.reasons
        if rhs is not None:
            reasons = (*reasons, f"right-hand side by {rhs.title}")
        kernel = rhs.kernel if isinstance(rhs, CompiledRightHandSide) else None
        rule = RowRule(output.series_steps, end - start)
        recorder = SeriesRecorder(system, self.problem.series, start, y, rule, frozenset(frames), kernel)
        enders = self._enders(settings, start, end, y)
        notes += [ender.told for ender in enders if isinstance(ender, EndOnCondition) and ender.holds]
        memory = StepMemory() if output.checkpoints or before is not None else None
        if memory is not None:
            system.expect_many_jacobians()
        course = Course(settings, end, choice, rhs, solvers, tolerance, watch, notes, recorder, enders, memory)
        states = self._states(course, stops, [y]) if before is None else self._continued(course, stops, before)
        del y  # large states are kept where they are used only
        begun = [] if before is None else before.times
        count = len(begun) + sum(stop.frame and stop.t not in begun for stop in stops) if self.keep else 1
        writer = self._open(name, reasons)
        times, values = self._store(
            states, lambda t: t == end or course.ended, count, writer, statistics, notes, course
        )
        statistics.compile_seconds = getattr(getattr(rhs, "kernel", None), "compile_seconds", 0.0)
        found = self._solution(times, values, in_order(course.methods), reasons, statistics, tuple(notes))
        return replace(found, series=recorder.arrays()) if self.problem.series else found

    def solvers(self, settings: TimeSettings) -> Solvers:
        """The linear solvers."""
        return Solvers(self.system, settings.solver, self.thresholds)

    def compiled(self, method: Method, settings: TimeSettings, span: float) -> RightHandSide | None:
        """The right-hand side in the form that an explicit method will use."""
        words: dict[str, Any] = {
            "compiled": settings.compiled,
            "precision": settings.precision,
            "device": settings.device,
        }
        words |= {"thresholds": self.thresholds, "solver_of": self.matrix_solver(settings)}
        return method.compile(self.system, span, settings.step, **words)

    def matrix_solver(self, settings: TimeSettings) -> SolverOf:
        """What solves systems of a matrix: of an M that couples the nodes, of equations that initial values satisfy."""
        return factorise

    def _enders(self, settings: TimeSettings, t: float, end: float, y: Array) -> tuple[Notice, ...]:
        """What may end the run before its time."""
        stop, found = self.problem.stop, list[Notice]()
        if self.problem.ending is not None:
            found.append(EndOnCondition(self.problem.ending, str(stop.when), t, y))
        if stop.steady is not None:
            found.append(EndWhenSteady(stop.steady, y, self.system.grid.ranks))
        if stop.seconds is not None:
            found.append(EndByClock(stop.seconds, self.system.grid.ranks))
        if settings.step is None and jumps_in_unknowns(self.system):
            found.append(ChatterGuard(t, end))
        return tuple(found)

    def _located(self, course: Course, found: Ended) -> tuple[float, Array]:
        """The end of a run: of a condition that came true, the time within the step, to a billionth of it."""
        method, ending, settings = course.choice.method, self.problem.ending, course.settings
        if found.before is None or ending is None or method.family == "stochastic":
            return found.t, found.y
        (start, before), states = found.before, dict[float, Array]()
        rhs = self.compiled(method, settings, found.t - start)

        def distance(share: float) -> float:
            t = start + share * (found.t - start)
            stops = [Stop(start), Stop(t)]
            quiet = Watch(self.system, np.inf, thresholds=self.thresholds)
            *_, (_, states[share]) = method.integrate(
                self.system, before.copy(), stops, quiet, course.tolerance,
                step=settings.step, rhs=rhs, solvers=course.solvers, implicit=settings.implicit,
            )  # fmt: skip
            return float(ending.value(t, states[share]))

        if not distance(1.0) > 0:  # steps of other lengths end elsewhere, by an error within the tolerance
            return found.t, found.y
        share = brentq(lambda s: distance(s) if s > 0 else float(ending.value(start, before)), 0.0, 1.0, xtol=1e-9)
        y = states.get(share)
        if y is None:
            distance(share)
            y = states[share]
        return start + share * (found.t - start), y

    def _states(self, course: Course, stops: Sequence[Stop], start: list[Array]) -> Iterator[tuple[float, Array]]:
        """The frames, the state being projected where it is to be: as many chains as there are projections, and one more."""
        if not any(stop.change for stop in stops):
            yield from self._chain(course, stops, start)
            return
        ends = [k for k, stop in enumerate(stops) if stop.change and k] + [len(stops) - 1]
        first = 0
        for last in dict.fromkeys(ends):
            part = [
                replace(stop, frame=stop.frame or stop in (stops[first], stops[last]))
                for stop in stops[first : last + 1]
            ]
            for k, (t, y) in enumerate(self._chain(course, part, start)):
                at_end = t == part[-1].t and not course.ended
                if at_end and stops[last].change:
                    y = self.problem.bounded.projected(self.system.layout, t, y)
                    solver_of = self.matrix_solver(course.settings)
                    y = consistent(self.system, y, t, course.watch.statistics, solver_of)  # which projecting may change
                    start[:] = [y.copy()]
                    if course.memory is not None:
                        course.memory.forget()
                if (k or not first) and (stops[last].frame or not at_end):
                    yield t, y
            if course.ended:
                return
            first = last

    def _chain(self, course: Course, stops: Sequence[Stop], start: list[Array]) -> Iterator[tuple[float, Array]]:
        """The frames, in one integration or in a chain of them from frame to frame; `start` holds the initial state and is emptied."""
        if course.memory is None:
            yield from self._integrated(course, stops, start)
            return
        ends = [k for k, stop in enumerate(stops) if stop.frame]
        for first, last in pairwise(ends):
            frames = self._integrated(course, stops[first : last + 1], start)
            if first > ends[0]:
                next(frames)
            for t, y in frames:
                start[:] = [self.system.layout.as_stored(t, y)]
                yield t, y
            if course.ended:
                return
            if stops[last].jump:
                course.memory.forget()

    def _continued(self, course: Course, stops: Sequence[Stop], before: Interrupted) -> Iterator[tuple[float, Array]]:
        """The frames of a run that was interrupted: those that are stored, and then on from the last one of them."""
        system, point = self.system, before.point
        states = [(t, system.pack(before.frame(k))) for k, t in enumerate(before.times)]
        yield from states[:-1]
        t, y = states[-1]
        if point is not None:
            assert course.memory is not None
            course.memory.h, course.memory.error = point.h, point.error
            course.memory.radius, course.memory.radius_age = point.radius, point.radius_age
            vars(course.watch.statistics).update(point.statistics)
            course.notes[:], course.is_watched = point.notes, point.is_watched
            if point.method != course.choice.method.name:
                course.take(Choice(METHODS[point.method], ("went on from there",)))
                course.rhs = None
        course.recorder.restore(before.series, t)
        course.enders = self._enders(course.settings, t, course.end, y)
        here = [stop for stop in stops if stop.t == t] or [Stop(t)]
        yield from self._states(course, [*here, *(stop for stop in stops if stop.t > t)], [y])

    def _integrated(self, course: Course, stops: Sequence[Stop], start: list[Array]) -> Iterator[tuple[float, Array]]:
        """The frames of one integration; where the method chosen at the start does not suit any more, another one goes on.

        `start` holds the initial state and is emptied, so that nothing here keeps it.
        """
        left, end, settings = stops, course.end, course.settings
        while True:
            method = course.choice.method
            guards = self._guards(settings, course.choice, end) if course.is_watched else ()
            guards = (*guards, *self._pace(course, end))
            course.watch.notices = (*guards, *course.observers, *self._views())
            longest = min(
                settings.max_step or self._longest(course, end - stops[0].t), shortest_delay(self.system.system)
            )
            rhs = course.rhs or self.compiled(method, settings, end - stops[0].t)
            frames = method.integrate(
                self.system, start.pop(), left, course.watch, course.tolerance,
                step=settings.step, rhs=rhs, solvers=course.solvers, longest=longest,
                path=Path(settings.seed, settings.path_step, self.sample, settings.start), implicit=settings.implicit,
                memory=course.memory,
            )  # fmt: skip
            course.rhs = None if course.memory is None else rhs
            del rhs
            try:
                if left is not stops:
                    next(frames)  # where the method was changed
                yield from frames
                return
            except Ended as found:
                t, y = self._located(course, found)
                course.ended = True
                course.notes.append(f"ended at t = {t:.6g}: {found.reason}")
                course.recorder.record(t, y)
                yield t, y
                return
            except StabilityError as error:
                jumps = [] if isinstance(error, BlowUpError) else notes_on_jumps(self.system)
                error.message = "; ".join([error.message, *notes_on_kinks(self.system.system), *jumps])
                raise
            except Unsuitable as change:
                course.rhs = None
                if course.memory is not None:
                    course.memory.forget()
                if isinstance(change, Slow):
                    self._faster(course, change, end)
                else:
                    course.change(self._choose(settings, change.t, change.y, end, course.solvers), change.reason)
                left = [Stop(change.t, False), *(stop for stop in stops if stop.t > change.t)]
                start.append(change.y)

    def _views(self) -> tuple[Notice, ...]:
        """Who looks at the fields, and changes nothing: exact methods step for nobody's eyes."""
        viewer = self.viewer
        if viewer is None:
            return ()
        return (lambda t, state, h, steps: viewer(t, lambda: state.fields(self.system.layout, t), steps),)

    def _pace(self, course: Course, end: float) -> tuple[Notice, ...]:
        """What looks at how long a run takes; not where a run is to be repeated bit by bit, for it goes by the clock."""
        settings, system = course.settings, self.system
        is_free = settings.method == "auto" and settings.step is None and not settings.on_kernels
        if not is_free or not course.is_timed or course.memory is not None or course.choice.method.family == "exact":
            return ()
        if not system.evolves or system.bounds is not None or system.is_limited or delays_of(system.system):
            return ()  # there is one method for each
        if system.grid.whole is not system.grid:
            return ()  # the clocks of processes differ
        return (PaceGuard(end, self.thresholds),)

    def _faster(self, course: Course, change: Slow, end: float) -> None:
        """Go on by the method that gets on fastest from here."""
        begun, name = clock.perf_counter(), course.choice.method.name
        watch = course.watch

        def tell() -> None:
            if watch.progress is not None:
                watch.progress(change.t, watch.statistics.steps)

        promised = promises(self.system, change, end, course.tolerance, course.solvers, name, tell, self.thresholds)
        found, spent = fastest(promised, change.left), clock.perf_counter() - begun
        course.is_timed = found is not None
        if found is None:
            reason = (
                f"no other method would take less than half of that; {name} went on (trying them took {spent:.2g} s)"
            )
        else:
            course.take(Choice(METHODS[found], ("the fastest from here on",)))
            course.is_watched = False
            reason = f"{found} went on, which promised {promised[found]:.3g} s (trying others took {spent:.2g} s)"
        course.notes.append(f"{change.reason}: {reason}")

    def _longest(self, course: Course, span: float) -> float:
        """The longest step: exact methods step from frame to frame, unless somebody wants to see what is between."""
        seen = course.observers and course.choice.method.family == "exact"
        return span / LOOKS if seen else np.inf

    def _choose(self, settings: TimeSettings, t: float, y: Array, end: float, solvers: Solvers) -> Choice:
        words: dict[str, Any] = {"method": settings.method, "step": settings.step, "rtol": settings.rtol}
        words |= {"on_kernels": settings.on_kernels, "implicit": settings.implicit}
        return choose(self.system, t, y, end - t, thresholds=self.thresholds, solvers=solvers, **words)

    def _guards(self, settings: TimeSettings, choice: Choice, end: float) -> tuple[Notice, ...]:
        """What looks at the stability of explicit steps."""
        system = self.system
        if (
            choice.method.family not in ("explicit", "adaptive explicit")
            or system.is_linear
            or system.function is not None
        ):
            return ()
        if choice.limit is None:
            return ()  # no complex derivative
        is_fixed, is_free = settings.step is not None, settings.method == "auto"
        if system.couples_rates and not is_fixed:
            return ()  # bounds of the right-hand side say nothing of the rates
        return (StabilityGuard(system, choice, end, is_fixed, is_free, self.thresholds),)

    def tolerance(self, settings: TimeSettings, scales: Sequence[float]) -> Tolerance:
        """What errors are measured by."""
        own = [1e-3 * settings.rtol * s if settings.atol is None else max(settings.atol, TINY) for s in scales]
        return Tolerance(self.system.layout.spread(own), float(settings.rtol), self.system.mean)

    def steady(self) -> Solution:
        """Solve ``0 = ...``."""
        refuse_unsound(self.system)
        statistics = Statistics()
        solvers = self.solvers(self.problem.time)
        result = solve_steady(
            self.system,
            self.system.pack(self.problem.take_initial_fields()),
            statistics,
            partial(coarse_defect, self.problem),
            solvers,
        )
        writer = self._open("steady", result.reasons)
        notes: list[str] = []
        if result.rounding > LOST_DIGITS:
            notes.append(
                f"rounding may have changed the solution by {result.rounding:.1g} of its size: so much do the highest derivatives "
                "multiply it on a grid as fine as this; take fewer nodes, and a higher order"
            )
        _, values = self._store(iter([(0.0, result.y)]), lambda t: True, 1, writer, statistics, notes)
        last = {name: stored[-1] for name, stored in values.items()}
        return self._solution(
            np.zeros(0), last, "steady", result.reasons, statistics, tuple(notes), result.up_to_constant
        )

    def _open(self, method: str, reasons: Sequence[str]) -> Writer | None:
        return None if self.output is None else self.output.open(method, reasons)

    def _store(
        self,
        frames: Iterator[tuple[float, Array]],
        is_last: Callable[[float], bool],
        count: int,
        writer: Writer | None,
        statistics: Statistics,
        notes: list[str],
        course: Course | None = None,
    ) -> tuple[Array, dict[str, Array]]:
        """Take the frames as they come, to memory and file; `count` are kept, of one the last."""
        rows = 0  # of the series that the file has
        times: list[float] = []
        stored: dict[str, Array] = {}
        status, message = "interrupted", "the run was interrupted"
        try:
            for t, y in frames:
                full = self._fields(t, y)
                del y
                if writer is not None:
                    writer.append(t, full)
                    if course is not None and course.recorder.measurements:
                        writer.record(course.recorder.arrays(rows))
                        rows = len(course.recorder.times)
                    if course is not None and course.memory is not None:
                        writer.note(course.point(t))
                if self.keep or is_last(t):
                    self._keep(stored, full, len(times), count)
                    times.append(t)
                if is_last(t):
                    notes += resolution_notes(self.problem, self.system, t, full)
                del full
            status, message = "complete", ""
        except PdekitError as error:
            status, message = "failed", str(error)
            raise
        finally:
            if writer is not None:
                methods = "" if course is None else in_order(course.methods)
                writer.close(status, message, statistics.plain(), clock.perf_counter() - self.begun, notes, methods)
        return np.array(times), {name: values[: len(times)] for name, values in stored.items()}

    def _keep(self, stored: dict[str, Array], full: dict[str, Array], index: int, count: int) -> None:
        """Write a frame into arrays that hold `count` of them; of a single one what has memory of its own is taken itself."""
        for name, values in full.items():
            if count == 1:
                stored[name] = (values if values.base is None else values.copy())[None]
                continue
            if name not in stored:
                stored[name] = np.empty((count, *values.shape), dtype=values.dtype)
            stored[name][index] = values

    def _fields(self, t: float, y: Array) -> dict[str, Array]:
        """Full arrays of all states, which may be memory of y, and of the fields that are made of them."""
        full = self.system.layout.views(t, y)
        if self.problem.constraints:
            self.problem.bounded.refuse_beyond(self.system.layout, full, t, only_prescribed=True)
        if self.problem.derived:
            frame = self.system.glance(t, y)
            full |= {name: np.array(frame.value(text)) for name, text in self.problem.derived.items()}
        return {name: self.problem.nodes_of(name).blank(values) for name, values in full.items()}

    def _solution(
        self,
        times: Array,
        values: dict[str, Array],
        method: str,
        reasons: tuple[str, ...],
        statistics: Statistics,
        notes: tuple[str, ...] = (),
        up_to_constant: bool = False,
    ) -> Solution:
        problem = self.problem
        scalars = {str(symbol): values[str(symbol)] for symbol in problem.system.scalars}
        return Solution(
            problem.grid,
            times,
            {name: stored for name, stored in values.items() if name not in scalars},
            scalars=scalars,
            title=problem.title,
            method=method,
            reasons=reasons,
            statistics=statistics.plain(),
            wall_time=clock.perf_counter() - self.begun,
            exact=problem.exact_values if problem.exact else None,
            exact_names=tuple(name for name in values if name in problem.exact),
            file=None if self.output is None else self.output.path,
            labels=problem.captions,
            notes=notes,
            up_to_constant=up_to_constant,
            regions={name: problem.nodes_of(name) for name in problem.variable_regions},
            problem=problem,
        )


def _with_own_past(system: SemiDiscrete, start: float) -> SemiDiscrete:
    """The system; one with delays reads the record of this run."""
    delayed = [type(field) for field in delays_of(system.system)]
    if not delayed:
        return system
    past = Past(delayed[0].past, start, max(field.delay for field in delayed))
    return system.restricted(with_past(system.system, past))

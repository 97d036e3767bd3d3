"""How a run goes on: the method it is at, and what it hands from one integration to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from pdekit.checkpoints import Checkpoint
from pdekit.linear.solver_choice import Solvers
from pdekit.settings import TimeSettings
from pdekit.time.method_choice import Choice
from pdekit.time.observers import Notice, Watch
from pdekit.time.right_hand_side import RightHandSide
from pdekit.time.series import SeriesRecorder
from pdekit.time.step_memory import StepMemory
from pdekit.time.stepper import Tolerance


@dataclass
class Course:
    """How a run goes on, which may change on the way.

    Parameters
    ----------
    settings : TimeSettings
    end : float
        Of the whole run.
    choice : Choice
    rhs : RightHandSide, optional
        Compiled for the method, if it was before.
    solvers : Solvers
    tolerance : Tolerance
    watch : Watch
    notes : list of str
    recorder : SeriesRecorder
    enders : tuple of callable
        What may end the run before its time.
    memory : StepMemory, optional
        Of a run that is a chain from frame to frame.
    is_watched : bool
        Whether the stability of explicit steps is looked at.
    is_timed : bool
        Whether it is looked at how fast the run gets on.
    ended : bool
        Whether the run was ended before its time.
    methods : list of str
        Those that were taken, in order.
    """

    settings: TimeSettings
    end: float
    choice: Choice
    rhs: RightHandSide | None
    solvers: Solvers
    tolerance: Tolerance
    watch: Watch
    notes: list[str]
    recorder: SeriesRecorder
    enders: tuple[Notice, ...] = ()
    memory: StepMemory | None = None
    is_watched: bool = True
    is_timed: bool = True
    ended: bool = False
    methods: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.methods.append(self.choice.method.name)

    @property
    def observers(self) -> tuple[Notice, ...]:
        """Who is told of every step."""
        return (self.recorder, *self.enders) if self.recorder.measurements else self.enders

    def point(self, t: float) -> Checkpoint:
        """From where the run can go on."""
        assert self.memory is not None
        counts, method, kept = self.watch.statistics.plain(), self.choice.method.name, self.memory
        return Checkpoint(
            t, method, kept.h, kept.error, counts, tuple(self.notes), self.is_watched, kept.radius, kept.radius_age
        )

    def take(self, choice: Choice) -> None:
        """Go on by a method."""
        self.choice = choice
        if choice.method.name != self.methods[-1]:
            self.methods.append(choice.method.name)

    def change(self, choice: Choice, reason: str) -> None:
        """Go on by another method, or by the same without asking again."""
        self.is_watched = choice.method.name != self.choice.method.name
        self.take(choice)
        if self.is_watched:
            self.notes.append(f"{reason}; {choice.method.name} went on from there")

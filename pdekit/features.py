"""What a problem may have beyond plain equations, and who can do what with it: one row for each feature, one table for each use.

Whatever takes a problem and does not simply solve it (derivatives, estimates, processes, branches, ...) declares a `Use`: a decision for
every feature, a reason where it is refused. A new feature is one row here, and no use can be imported before it has decided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pdekit.discretize.absorbing_layers import layered_axes
from pdekit.errors import ConfigError
from pdekit.language.delayed_systems import delays_of
from pdekit.problem import Problem


@dataclass(frozen=True)
class Feature:
    """Something that a problem has or has not.

    Parameters
    ----------
    words : str
        What it is called.
    key : str
        Where it stands in a config.
    is_in : callable
        Whether a problem has it.
    """

    words: str
    key: str
    is_in: Callable[[Problem], bool]


FEATURES = {
    "function": Feature("right-hand sides that are Python functions", "pde.rhs", lambda p: p.pde.rhs is not None),
    "complex": Feature("complex unknowns", "equations", lambda p: p.is_complex),
    "scalars": Feature("scalar unknowns", "scalars", lambda p: bool(p.system.scalars)),
    "reductions": Feature(
        "numbers made of whole fields", "equations", lambda p: bool(p.semidiscrete.reductions)
    ),
    "noise": Feature("noise in the equations", "equations", lambda p: bool(p.system.noises)),
    "delays": Feature("delays in the equations", "equations", lambda p: bool(delays_of(p.system))),
    "rates_in_space": Feature(
        "time derivatives that are differentiated in space", "equations", lambda p: p.semidiscrete.couples_rates
    ),
    "higher_rates": Feature(
        "time derivatives above the second", "equations", lambda p: any(u.derived_from for u in p.system.unknowns)
    ),
    "limited": Feature("limited schemes", "discretization.advection", lambda p: p.semidiscrete.is_limited),
    "constraints": Feature("constraints", "constraints", lambda p: bool(p.constraints)),
    "projections": Feature("projections", "projections", lambda p: bool(p.projections)),
    "interfaces": Feature("interfaces", "interfaces", lambda p: bool(p.interfaces)),
    "regions": Feature("unknowns that live in regions", "regions", lambda p: bool(p.regions)),
    "layers": Feature("absorbing layers", "grid", lambda p: bool(layered_axes(p.grid))),
    "domain": Feature("domains that are no boxes", "domain", lambda p: not p.grid.is_box),
    "stop": Feature(
        "runs that end on a condition", "stop", lambda p: p.stop.when is not None or p.stop.steady is not None
    ),
    "samples": Feature("samples", "time.samples", lambda p: p.time.samples > 1),
    "single": Feature("single precision", "time.precision", lambda p: p.time.precision == "single"),
    "derived": Feature("further fields", "output.fields", lambda p: bool(p.derived)),
}  # fmt: skip


@dataclass(frozen=True)
class Use:
    """What is done with a problem, and with which features it is not.

    Parameters
    ----------
    title : str
    refused : mapping of str to str
        Why, by the name of the feature; ``{words}`` stands for what it is called.
    carried : collection of str
        All other features.

    Raises
    ------
    TypeError
        A feature without a decision, or with two.

    Examples
    --------
    >>> import pdekit as pk
    >>> drawn = Use("drawn", {"noise": "no picture shows {words}"}, FEATURES.keys() - {"noise"})
    >>> rod = pk.Problem(pk.PDE("u_t = u_xx + noise(0.1)"), pk.Grid(x=pk.Axis(0, 1, 11)), initial={"u": 0},
    ...                  boundary={"u": {"x": pk.Dirichlet(0)}})
    >>> drawn.refuse(rod)
    Traceback (most recent call last):
    pdekit.errors.ConfigError: equations: no picture shows noise in the equations
    """

    title: str
    refused: Mapping[str, str]
    carried: Collection[str]

    def __post_init__(self) -> None:
        decided = [*self.refused, *self.carried]
        if sorted(decided) != sorted(FEATURES):
            raise TypeError(f"{self.title}: {sorted(set(decided) ^ FEATURES.keys())} want one decision each")

    def reasons(self, problem: Problem) -> dict[str, str]:
        """Why it cannot be done, by feature."""
        return {n: why.format(words=FEATURES[n].words) for n, why in self.refused.items() if FEATURES[n].is_in(problem)}

    def refuse(self, problem: Problem, key: str = "") -> None:
        """Refuse a problem with a feature that it is not for.

        Parameters
        ----------
        problem : Problem
        key : str, optional
            Where the use stands in a config, if it does; else the feature's key is named.

        Raises
        ------
        ConfigError
        """
        for name, why in self.reasons(problem).items():
            raise ConfigError(why, key=key or FEATURES[name].key)

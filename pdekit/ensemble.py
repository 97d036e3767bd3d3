"""Many runs with noise of their own, and what they have in common: mean, deviation and quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pdekit.errors import ConfigError
from pdekit.outputs import Output, write_solution
from pdekit.solution import Solution
from pdekit.typing import Array

QUANTILES = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
MOST_BYTES = 4e9  # of all frames of all samples, which quantiles need together


def ensemble(run: Callable[[int], Solution], samples: int, output: Output | None) -> Solution:
    """Run all samples and condense them.

    Parameters
    ----------
    run : callable of int
        One sample, by its number, with all its frames.
    samples : int
    output : Output, optional
        Where the result goes.

    Returns
    -------
    Solution
        Of every variable u, and of every series: ``u``, the mean; ``u_deviation``, the standard deviation of the samples;
        ``u_q05``, ``u_q50``, ``u_q95``, quantiles.

    Raises
    ------
    ConfigError
        All samples together do not fit into memory.
    """
    first = run(0)
    size = sum(array.nbytes for array in (*first.values.values(), *first.series.values())) * samples
    if size > MOST_BYTES:
        raise ConfigError(
            f"{samples} samples of {first.times.size} frames take {size / 1e9:.1f} GB, more than {MOST_BYTES / 1e9:.0f}; store fewer frames",
            key="time.samples",
        )
    runs = [first, *(run(number) for number in range(1, samples))]
    values, series, scalars = dict[str, Array](), dict[str, Array](), dict[str, Array]()
    for name in first.variables:
        values |= condensed(name, np.stack([one.values[name] for one in runs]))
    for name in first.scalars:
        scalars |= condensed(name, np.stack([one.scalars[name] for one in runs]))
    for name in first.series:
        series |= {"t": first.series["t"]} if name == "t" else condensed(name, np.stack([r.series[name] for r in runs]))
    counts = {key: sum(one.statistics[key] for one in runs) for key in first.statistics}
    reasons = (*first.reasons, f"{samples} samples")
    notes = tuple(dict.fromkeys(note for one in runs for note in one.notes))
    wall = sum(one.wall_time for one in runs)
    result = replace(
        first,
        values=values,
        scalars=scalars,
        series=series,
        statistics=counts,
        reasons=reasons,
        notes=notes,
        wall_time=wall,
    )
    if output is not None:
        write_solution(output, result)
        result = replace(result, file=output.path)
    return result


def condensed(name: str, samples: Array) -> dict[str, Array]:
    """Mean, deviation and quantiles of samples along the first axis; of complex ones no quantiles."""
    found = {name: samples.mean(axis=0), f"{name}_deviation": samples.std(axis=0, ddof=1 if len(samples) > 1 else 0)}
    if samples.dtype.kind != "c":
        quantiles = np.quantile(samples, list(QUANTILES.values()), axis=0)
        found |= {f"{name}_{label}": quantile for label, quantile in zip(QUANTILES, quantiles)}
    return found

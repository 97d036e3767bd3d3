"""Many runs with noise of their own, and what they have in common: mean, deviation and quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdekit.errors import ConfigError
from pdekit.run import Output
from pdekit.solution import Solution

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
        Of every variable u: ``u``, the mean; ``u_deviation``, the standard deviation of the samples; ``u_q05``, ``u_q50``, ``u_q95``,
        quantiles.

    Raises
    ------
    ConfigError
        All samples together do not fit into memory.
    """
    first = run(0)
    size = sum(first.values[name].nbytes for name in first.variables) * samples
    if size > MOST_BYTES:
        raise ConfigError(
            f"{samples} samples of {first.times.size} frames take {size / 1e9:.1f} GB, more than {MOST_BYTES / 1e9:.0f}; store fewer frames",
            key="time.samples",
        )
    runs = [first, *(run(number) for number in range(1, samples))]
    values: dict[str, NDArray[Any]] = {}
    for name in first.variables:
        stack = np.stack([one.values[name] for one in runs])
        values[name] = stack.mean(axis=0)
        values[f"{name}_deviation"] = stack.std(axis=0, ddof=1 if samples > 1 else 0)
        if stack.dtype.kind != "c":
            found = np.quantile(stack, list(QUANTILES.values()), axis=0)
            values |= {f"{name}_{label}": quantile for label, quantile in zip(QUANTILES, found)}
    counts = {key: sum(one.statistics[key] for one in runs) for key in first.statistics}
    reasons = (*first.reasons, f"{samples} samples")
    notes = tuple(dict.fromkeys(note for one in runs for note in one.notes))
    wall = sum(one.wall_time for one in runs)
    result = replace(first, values=values, statistics=counts, reasons=reasons, notes=notes, wall_time=wall)
    if output is not None:
        writer = output.open(first.method, reasons, {name: v.dtype for name, v in values.items()})
        for index, t in enumerate(first.times):
            writer.append(float(t), {name: v[index] for name, v in values.items()})
        writer.close("complete", "", counts, wall, notes)
        result = replace(result, file=output.path)
    return result

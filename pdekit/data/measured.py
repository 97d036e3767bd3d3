"""Derivatives of measured or computed data: with an error bar, of noisy data, of xarray's arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.signal import savgol_filter

from pdekit.discretize.derivatives import derivative
from pdekit.errors import GridError
from pdekit.geometry.axis import Axis
from pdekit.geometry.grid import Field
from pdekit.stencils.rows import derivative_rows
from pdekit.stencils.sparse_products import apply_along


class FieldEstimate(NamedTuple):
    """A derivative and an estimate of its error at every node."""

    value: Field
    error: Field


def derivative_with_error(field: Field, axis: str | int, n: int = 1, *, order: int = 2) -> FieldEstimate:
    """A derivative of data with an estimate of its error: the difference from order + 2.

    The operator itself is the one of `pdekit.derivative`, untouched by the estimate.

    Examples
    --------
    >>> import pdekit as pk
    >>> u = pk.Grid(x=pk.Axis(0, 1, 41)).field("exp(sin(3*x))")
    >>> d = pk.derivative_with_error(u, "x")
    >>> true = (d.value - u.grid.field("3*cos(3*x)*exp(sin(3*x))")).norm("max")
    >>> bool(0.8 < d.error.norm("max") / true < 1.2)
    True
    """
    value = derivative(field.grid, axis, n, order=order)(field)
    better = derivative(field.grid, axis, n, order=order + 2)(field)
    return FieldEstimate(value, Field(field.grid, np.abs(better.values - value.values), field.name))


def smooth_derivative(field: Field, axis: str | int, n: int = 1, *, window: int = 11, degree: int = 3) -> Field:
    """Derivative of noisy data by Savitzky and Golay's local least squares, through `scipy.signal.savgol_filter`.

    Parameters
    ----------
    field : Field
        On a uniform axis; a periodic one wraps round, on a bounded one the ends use the outermost polynomial.
    axis : str or int
    n : int, default 1
        0 smooths.
    window : int, default 11
        Nodes of a fit.
    degree : int, default 3
        Of the polynomial; above n, below the window.

    Examples
    --------
    >>> import pdekit as pk
    >>> u = pk.Grid(x=pk.Axis(0, 1, 201)).field("sin(3*x) + noise(0.001, 1)")
    >>> exact = u.grid.field("3*cos(3*x)")
    >>> rough, smooth = pk.derivative(u.grid, "x")(u) - exact, pk.smooth_derivative(u, "x", window=31) - exact
    >>> bool(smooth.norm("L2") < 0.1 * rough.norm("L2"))
    True
    """
    k = field.grid.index(axis)
    line = field.grid.axes[k]
    if not line.uniform:
        raise GridError(f"axis {field.grid.names[k]!r}: the Savitzky-Golay filter needs a uniform axis")
    if not n <= degree < window <= line.size:
        raise GridError(f"needs n <= degree < window <= nodes; found {n}, {degree}, {window}, {line.size}")
    mode = "wrap" if line.periodic else "interp"
    values = field.values
    parts = [values.real, values.imag] if np.iscomplexobj(values) else [values]
    found = [savgol_filter(p, window, degree, deriv=n, delta=line.step, axis=k, mode=mode) for p in parts]
    return Field(field.grid, found[0] + 1j * found[1] if len(found) == 2 else found[0], field.name)


def differentiate(array: Any, coordinate: str, n: int = 1, *, order: int = 2, period: float | None = None) -> Any:
    """Derivative of an `xarray.DataArray` along one of its coordinates; coordinates and attributes are kept.

    Parameters
    ----------
    array : xarray.DataArray
    coordinate : str
        A one-dimensional coordinate with the dimension of its name, rising or falling.
    n, order : int
        Which derivative, to which accuracy, boundary rows included.
    period : float, optional
        The coordinate closes on itself after this length.

    Returns
    -------
    xarray.DataArray

    Examples
    --------
    >>> import pdekit as pk
    >>> u = pk.Grid(x=pk.Axis(0, 1, 5), y=pk.Axis(0, 1, 6)).field("x**2*y", name="u").to_xarray()
    >>> pk.differentiate(u, "x").sel(x=0.5, y=1.0).item()
    1.0
    """
    if coordinate not in array.dims or coordinate not in array.coords:
        raise GridError(f"unknown coordinate {coordinate!r}; the array has {[str(d) for d in array.dims]}")
    nodes = np.asarray(array[coordinate].values, dtype=float)
    sign = -1.0 if nodes.size > 1 and nodes[-1] < nodes[0] else 1.0
    nodes = sign * nodes
    left = float(nodes[0])
    line = Axis(nodes=nodes) if period is None else Axis(left, left + period, nodes=nodes, periodic=True)
    matrix = derivative_rows(line, n, order, name=coordinate).matrix
    values = sign**n * apply_along(
        matrix, np.asarray(array.values, dtype=np.result_type(array.dtype, float)), array.get_axis_num(coordinate)
    )
    return array.copy(data=values)

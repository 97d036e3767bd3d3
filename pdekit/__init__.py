"""pdekit: partial differential equations by finite differences and the method of lines.

>>> import pdekit as pk
>>> grid = pk.Grid(x=pk.Axis(0, 1, 51))
>>> heat = pk.PDE("u_t = D*laplace(u)", parameters={"D": 0.1})
>>> problem = pk.Problem(heat, grid, initial={"u": "sin(pi*x)"}, boundary={"u": {"x": pk.Dirichlet(0)}})
>>> print(f"{problem.solve(t_end=1.0)['u'].max():.3f}")
0.373
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pdekit.extension import collection_paused, provide

if TYPE_CHECKING:
    from pdekit.axis import Axis
    from pdekit.boundary import BoundaryCondition, Curvature, Dirichlet, Neumann, Outflow, Pole, Robin
    from pdekit.config.load import load
    from pdekit.equations.pde import PDE
    from pdekit.errors import PdekitError
    from pdekit.field import Field
    from pdekit.grid import Grid
    from pdekit.operators.algebra import LinearOperator, identity, multiplication
    from pdekit.operators.data import derivative_with_error, differentiate, smooth_derivative
    from pdekit.operators.derivatives import derivative, diffusion, laplacian
    from pdekit.operators.functions import (
        directional_function_derivative,
        function_derivative,
        function_gradient,
        function_hessian,
        function_jacobian,
    )
    from pdekit.operators.gradient import gradient
    from pdekit.operators.isotropic import isotropic_laplacian
    from pdekit.operators.sbp import summation_by_parts
    from pdekit.operators.schemes import scheme_derivative
    from pdekit.operators.spectral import compact_derivative, fourier_derivative
    from pdekit.operators.staggered import staggered, staggered_grid
    from pdekit.operators.vector import (
        BlockOperator,
        TensorField,
        biharmonic,
        curl,
        curl_scalar,
        directional_derivative,
        div,
        div_tensor,
        grad,
        grad_vector,
        hessian,
        upwind,
        vector_laplacian,
    )
    from pdekit.problem import Problem
    from pdekit.settings import ConvergenceSettings, OutputSettings, TimeSettings
    from pdekit.solution import Solution
    from pdekit.stencils import weights
    from pdekit.storage.data import FileData, read_columns
    from pdekit.storage.open import open_result
    from pdekit.verification.converge import Study, converge
    from pdekit.verification.jacobian import check_jacobian

# Public names and their rooms. Each is imported when it is first used, so that `pdekit --help` answers at once.
_ROOMS = {
    "axis": ["Axis"],
    "boundary": ["BoundaryCondition", "Curvature", "Dirichlet", "Neumann", "Outflow", "Pole", "Robin"],
    "config.load": ["load"],
    "equations.pde": ["PDE"],
    "errors": ["PdekitError"],
    "field": ["Field"],
    "grid": ["Grid"],
    "operators.algebra": ["LinearOperator", "identity", "multiplication"],
    "operators.derivatives": ["derivative", "diffusion", "laplacian"],
    "operators.data": ["derivative_with_error", "differentiate", "smooth_derivative"],
    "operators.functions": [
        "directional_function_derivative",
        "function_derivative",
        "function_gradient",
        "function_hessian",
        "function_jacobian",
    ],
    "operators.gradient": ["gradient"],
    "operators.isotropic": ["isotropic_laplacian"],
    "operators.schemes": ["scheme_derivative"],
    "operators.staggered": ["staggered", "staggered_grid"],
    "operators.vector": [
        "BlockOperator",
        "TensorField",
        "biharmonic",
        "curl",
        "curl_scalar",
        "directional_derivative",
        "div",
        "div_tensor",
        "grad",
        "grad_vector",
        "hessian",
        "upwind",
        "vector_laplacian",
    ],
    "operators.sbp": ["summation_by_parts"],
    "operators.spectral": ["compact_derivative", "fourier_derivative"],
    "problem": ["Problem"],
    "settings": ["ConvergenceSettings", "OutputSettings", "TimeSettings"],
    "solution": ["Solution"],
    "stencils": ["weights"],
    "storage.data": ["FileData", "read_columns"],
    "storage.open": ["open_result"],
    "verification.converge": ["Study", "converge"],
    "verification.jacobian": ["check_jacobian"],
}
_HOME = {name: f"pdekit.{room}" for room, names in _ROOMS.items() for name in names}
__all__ = sorted(_HOME)

provide("sample_field", "pdekit.field:sample_field")
provide("sample_text", "pdekit.equations.sampling:sample_text")
provide("plot_field", "pdekit.plotting.field:plot_field")
provide("plot_solution", "pdekit.plotting.solution:plot_solution")
provide("plot_stencil", "pdekit.plotting.stencil:plot_stencil")
provide("plot_study", "pdekit.plotting.study:plot_study")
provide("problem_to_yaml", "pdekit.config.write:problem_to_yaml")
provide("problem_to_python", "pdekit.config.write:problem_to_python")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'pdekit' has no attribute {name!r}")
    with collection_paused():
        return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__

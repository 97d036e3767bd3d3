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

from pdekit.deferred import collection_paused

if TYPE_CHECKING:
    from pdekit.boundary.conditions import (
        Absorbing,
        BoundaryCondition,
        Curvature,
        Dirichlet,
        FarField,
        Neumann,
        Outflow,
        Pole,
        Robin,
    )
    from pdekit.boundary.interfaces import Interface
    from pdekit.branches.branch import Branch, SingularPoint
    from pdekit.branches.continuation import continuation
    from pdekit.data.coefficients import Table
    from pdekit.data.files import FileData, read_columns
    from pdekit.data.functions import (
        directional_function_derivative,
        function_derivative,
        function_gradient,
        function_hessian,
        function_jacobian,
    )
    from pdekit.data.measured import derivative_with_error, differentiate, smooth_derivative
    from pdekit.data.numpy_gradient import gradient
    from pdekit.discretize.algebra import LinearOperator, identity, multiplication
    from pdekit.discretize.derivatives import derivative, laplacian, scheme_derivative
    from pdekit.discretize.diffusion import diffusion
    from pdekit.discretize.isotropic import isotropic_laplacian
    from pdekit.discretize.spectral import compact_derivative, fourier_derivative
    from pdekit.discretize.staggered import staggered, staggered_grid
    from pdekit.discretize.summation_by_parts import summation_by_parts
    from pdekit.discretize.vector import (
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
    from pdekit.eigenmodes import Eigenmodes, eigen
    from pdekit.errors import PdekitError
    from pdekit.geometry.axis import Axis
    from pdekit.geometry.grid import Field, Grid
    from pdekit.inverse.fit import fit
    from pdekit.inverse.fit_result import FitResult
    from pdekit.inverse.sensitivity import Gradient, Sensitivity
    from pdekit.io.branch_file import open_branch
    from pdekit.io.exports import export
    from pdekit.io.load import load
    from pdekit.io.open import open_result
    from pdekit.language.pde import PDE
    from pdekit.problem import Problem
    from pdekit.resuming import resume
    from pdekit.settings import ConvergenceSettings, OutputSettings, StopSettings, TimeSettings
    from pdekit.solution import Solution
    from pdekit.stencils.weights import weights
    from pdekit.verification.claimed_solution import check_claim
    from pdekit.verification.comparison import Comparison, compare
    from pdekit.verification.converge import converge
    from pdekit.verification.estimate import ErrorEstimate, estimate
    from pdekit.verification.jacobian_check import check_jacobian
    from pdekit.verification.refinement import RefinedSolution, solve_to
    from pdekit.verification.study import Study

# Public names and their rooms. Each is imported when it is first used, so that `pdekit --help` answers at once.
_ROOMS = {
    "geometry.axis": ["Axis"],
    "boundary.conditions": [
        "Absorbing",
        "BoundaryCondition",
        "Curvature",
        "Dirichlet",
        "FarField",
        "Neumann",
        "Outflow",
        "Pole",
        "Robin",
    ],
    "boundary.interfaces": ["Interface"],
    "io.load": ["load"],
    "language.pde": ["PDE"],
    "errors": ["PdekitError"],
    "geometry.grid": ["Field", "Grid"],
    "discretize.algebra": ["LinearOperator", "identity", "multiplication"],
    "discretize.derivatives": ["derivative", "laplacian", "scheme_derivative"],
    "data.measured": ["derivative_with_error", "differentiate", "smooth_derivative"],
    "data.functions": [
        "directional_function_derivative",
        "function_derivative",
        "function_gradient",
        "function_hessian",
        "function_jacobian",
    ],
    "data.numpy_gradient": ["gradient"],
    "discretize.diffusion": ["diffusion"],
    "discretize.isotropic": ["isotropic_laplacian"],
    "discretize.staggered": ["staggered", "staggered_grid"],
    "discretize.vector": [
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
    "discretize.summation_by_parts": ["summation_by_parts"],
    "discretize.spectral": ["compact_derivative", "fourier_derivative"],
    "problem": ["Problem"],
    "resuming": ["resume"],
    "settings": ["ConvergenceSettings", "OutputSettings", "StopSettings", "TimeSettings"],
    "solution": ["Solution"],
    "stencils.weights": ["weights"],
    "data.coefficients": ["Table"],
    "data.files": ["FileData", "read_columns"],
    "branches.branch": ["Branch", "SingularPoint"],
    "branches.continuation": ["continuation"],
    "eigenmodes": ["Eigenmodes", "eigen"],
    "inverse.fit": ["fit"],
    "inverse.fit_result": ["FitResult"],
    "inverse.sensitivity": ["Gradient", "Sensitivity"],
    "io.branch_file": ["open_branch"],
    "io.exports": ["export"],
    "io.open": ["open_result"],
    "verification.converge": ["converge"],
    "verification.claimed_solution": ["check_claim"],
    "verification.comparison": ["Comparison", "compare"],
    "verification.estimate": ["ErrorEstimate", "estimate"],
    "verification.refinement": ["RefinedSolution", "solve_to"],
    "verification.jacobian_check": ["check_jacobian"],
    "verification.study": ["Study"],
}
_HOME = {name: f"pdekit.{room}" for room, names in _ROOMS.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'pdekit' has no attribute {name!r}")
    with collection_paused():
        return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__

"""What the objects of NumPy, SciPy and SymPy are called here.

SciPy's sparse arrays and SymPy's expressions have no types that mypy could check; their names say what is meant.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Matrix: TypeAlias = Any  # a sparse array of SciPy
Expression: TypeAlias = Any  # an expression or symbol of SymPy

"""The methods with error control, as parameters of tests; those of a library that is not there are skipped, with the reason."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from pdekit.time.methods import METHODS
from pdekit.time.sundials_methods import PACKAGE, SUNDIALS

MISSING = pytest.mark.skipif(find_spec(PACKAGE) is None, reason="scikit-sundae is not installed")
ADAPTIVE = [
    pytest.param(m.name, marks=MISSING) if m.name in SUNDIALS else m.name
    for m in METHODS.values()
    if m.estimates or m.family.startswith("adaptive")
]

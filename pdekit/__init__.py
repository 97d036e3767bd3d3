"""pdekit: partial differential equations by finite differences and the method of lines."""

from pdekit.extension import provide
provide("sample_text", "pdekit.equations.sampling:sample_text")
from pdekit.axis import Axis
from pdekit.grid import Grid
from pdekit.boundary import *
from pdekit.operators.derivatives import derivative, laplacian, diffusion

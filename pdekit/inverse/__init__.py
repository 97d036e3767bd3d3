"""Parameters from measurements: exact sensitivities of a discretized problem, forward and adjoint, and least squares."""

"""Finite-difference operators on grids and their algebra."""

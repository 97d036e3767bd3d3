"""Boundary conditions and their data."""

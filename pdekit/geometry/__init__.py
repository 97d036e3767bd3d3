"""Axes, coordinate systems, grids and fields."""

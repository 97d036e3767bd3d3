"""Operators on grids, and equations as systems of ordinary differential equations."""

"""From a PDE on a grid to a system of ordinary differential equations."""

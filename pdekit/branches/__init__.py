"""Branches of steady solutions over a parameter: continuation, stability, singular points."""

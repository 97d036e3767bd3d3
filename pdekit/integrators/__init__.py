"""Time integration: a few engines, and methods as data."""

"""Units of measurement: dimensions of expressions, a coherent system for a problem, numbers with units."""

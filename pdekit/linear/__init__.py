"""Linear solvers behind one protocol, and the choice among them."""

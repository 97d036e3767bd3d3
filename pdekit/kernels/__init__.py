"""Compiled right-hand sides: the same rows as the sparse matrices, fused into one pass over memory."""

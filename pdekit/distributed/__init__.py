"""Runs that several processes share, by PETSc and MPI: the extra ``petsc``. Nothing else in the package imports this room."""

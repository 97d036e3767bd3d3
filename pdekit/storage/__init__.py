"""Results on disk: one self-describing HDF5 file."""

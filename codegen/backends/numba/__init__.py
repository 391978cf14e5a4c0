"""Kernels through Python source that Numba compiles."""

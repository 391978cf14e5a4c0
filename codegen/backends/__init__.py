"""Code generators: each folder makes kernels of programs of the loop language."""

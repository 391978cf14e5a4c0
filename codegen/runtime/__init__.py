"""What kernels call: matrix products, LAPACK, the threads that share a loop."""

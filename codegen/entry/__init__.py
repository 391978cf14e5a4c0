"""The builtin function through which Python calls kernels."""

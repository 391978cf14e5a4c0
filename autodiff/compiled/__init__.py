"""`jit`: from a call's signature to a kernel."""

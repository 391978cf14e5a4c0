"""Kernels through LLVM IR with explicit vectors."""

"""codegen: graph to native code. Needs tracer; Numba is imported when a kernel is compiled.

Read `kernel` first: it is the table of contents.
"""

"""codegen: graph to native code. Needs tracer; Numba is imported when a kernel is compiled.

Read `codegen/stages.py` first: it names the passes in their order. `codegen/compile.py` then chooses the back end.
"""

"""tracer: how a Python function becomes a typed graph. Needs NumPy only.

Read in this order: `types`, `graph`, `op`, `trace`, then any file of `ops`.
"""

from tracer import ops
from tracer.graph import Const, Graph, Node, Var
from tracer.trace import Traced, Tracer, bind, evaluate, inline, trace_flat
from tracer.types import ArrayType, Size

__all__ = ["ops", "Const", "Graph", "Node", "Var", "Traced", "Tracer", "bind", "evaluate", "inline", "trace_flat", "ArrayType", "Size"]

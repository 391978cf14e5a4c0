"""The evaluator as a back end: it runs a graph node by node with NumPy, without compiling anything.

It serves calls while a kernel is being compiled, and graphs that no kernel can be made of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.kernel import Kernel
from tracer.graph import Graph
from tracer.trace import evaluate

__all__ = ["InterpretedKernel"]


class InterpretedKernel(Kernel):
    """A kernel whose `run` evaluates the graph; `calls` counts how often."""

    generator = "evaluator"

    def __init__(self, graph: Graph, note: str = ""):
        super().__init__(graph, self._run, 0.0, [], note)
        self.calls = 0

    def _run(self, *leaves: Any) -> tuple:
        self.calls += 1
        values = [np.asarray(x, t.dtype)[()] if not t.shape else np.asarray(x, t.dtype)
                  for x, t in zip(leaves, self.graph.in_types, strict=True)]
        return tuple([y if isinstance(y, np.ndarray) and y.ndim else np.asarray(y)[()] for y in evaluate(self.graph, values)])

    def explain(self) -> str:
        """Why it is the evaluator; how many calls it served, where a kernel is on its way."""
        return f"; {self.note or f'it is being compiled; the NumPy evaluator has served {self.calls} calls'}"

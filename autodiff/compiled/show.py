"""A function at every stage of its compilation, as text."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from autodiff.api.grad import value_and_grad
from autodiff.capture.calls import call_method
from autodiff.capture.locations import is_users
from autodiff.capture.source.convert import Unconvertible, converted_source
from autodiff.compiled.jit import jit
from autodiff.compiled.jitted import Jitted
from autodiff.leaves import name_of
from tracer.show.text import text
from tracer.tracebacks import trims

if TYPE_CHECKING:
    from tracer.graph import Graph

__all__ = ["show"]


@trims
def show(f: Callable, *args, stage: str = "graph", **kwargs) -> str:
    """A function at one stage of compilation, as text.

    Parameters
    ----------
    stage : "converted" (the user's source as capture rewrites it, or a sentence that says why it is not captured; needs no arguments),
        "graph" (as traced), "derivative" (the graph of value and gradient; of the function itself if it is a gradient already),
        "simplified" (after all passes over graphs), "loops" (after all passes over programs), "source" (the loops as Python) or "llvm"
        (the loops as LLVM IR, for this machine and one thread); the name of a pass (`GRAPH_PASSES`, `lower` and `LOOP_PASSES` in
        `codegen/stages.py`): the graph or program after it; "passes": a table of what each pass changed

    Examples
    --------
    >>> import numpy as np
    >>> print(show(lambda x: x * 2.0, np.ones(3)))
    function(a: f64[3]):
      b: f64[3] = broadcast(2.0, shape=(3,))
      c: f64[3] = mul(a, b)
      return c
    """
    from codegen.stages import all_passes, pass_table, stages, text_after
    if stage == "converted":
        return _captured_source(f)
    jitted = f if isinstance(f, Jitted) else jit(f)
    if stage == "graph":
        return text(jitted.trace(*args, **kwargs))
    if stage == "derivative":
        if not hasattr(jitted.function, "__autodiff_derivative__"):
            jitted = jit(value_and_grad(jitted.function))
        return text(jitted.trace(*args, **kwargs))
    graph = jitted.trace(*args, **kwargs)
    if stage == "passes":
        return pass_table(graph)
    names = [p.name for p in all_passes()]
    if stage in names:
        return text_after(graph, stage)
    st = stages(graph)
    prints: dict[str, Callable[[], str]] = {"simplified": lambda: text(st.simplified), "loops": lambda: str(st.program),
                                            "source": lambda: st.source, "llvm": lambda: _llvm_text(graph)}
    if stage not in prints:
        raise ValueError(f"stage {stage!r}: it is converted, graph, derivative, simplified, loops, source, llvm, passes, "
                         f"or the name of a pass: {', '.join(names)}")
    return prints[stage]()


def _captured_source(f: Callable) -> str:
    """Return the source that capture makes of the user's function behind `f`, or a sentence that says why it makes none."""
    found: Any = inspect.unwrap(f, stop=lambda g: isinstance(g, FunctionType) and is_users(g))     # grad(g) has the name of g and wraps it
    while isinstance(found, functools.partial):
        found = found.func
    found = getattr(found, "__func__", found)       # a method is a function with its object
    if not isinstance(found, FunctionType):
        found = call_method(found)
    if found is None or not is_users(found):
        return f"`{name_of(f)}` is not captured: it is not a Python function of the user's"
    try:
        return converted_source(found)
    except Unconvertible as e:
        return f"`{name_of(f)}` is not captured: {e}"


def _llvm_text(graph: Graph) -> str:
    """Return the IR of a graph for this machine, or a sentence that says why the LLVM generator writes none."""
    from codegen.backends.llvm.kernel import this_machine
    from codegen.backends.llvm.made import NotKnown
    from codegen.backends.llvm.module import emit_llvm
    from codegen.stages import stages
    machine = this_machine()
    st = stages(graph, machine)
    try:
        return emit_llvm(st.program, st.plan, machine).text
    except NotKnown as e:
        return f"the LLVM generator has no code for {e}; the kernel is generated through Numba"

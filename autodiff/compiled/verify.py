"""Calls that are compared with plain Python: `ad.config.verify`, `jit(..., verify=)`.

A verified call runs three times: by its kernel, by the plain function, and for a gradient also by the evaluator on the derivative's graph.
The plain function tells whether recording has kept the meaning of the program; the evaluator, which runs the graph that the kernel was
made of, tells whether compiling has. Each run gets copies of the arguments, which are compared afterwards too, because a function may
write them; what else a function changes it changes at each run.

Results of programs that are made of exact operations only (see `tracer.op.Op.exact`) are compared to the bit, signs of zeros included;
others to a tolerance. A difference raises `VerificationError` with the first node of the graph whose compiled value is another than that
of the evaluator; where there is none, the graph itself differs from the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autodiff.capture.recording import Recorded
from autodiff.eager.modes import traced
from tracer.errors import ProgramError, TraceError
from tracer.graph import Graph, Node, all_nodes
from tracer.static import VALUE
from tracer.trace import Tracer, walk
from tracer.tree import flatten, leaf_paths, static_paths, unflatten

__all__ = ["VerificationError", "verified_call", "is_exact"]


class VerificationError(AssertionError):
    """A compiled function gave something else than the plain one. A fault of autodiff: please report it with the program."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a run gave: a result or an exception, and the arguments as it left them."""

    result: Any
    error: Exception | None
    leaves: list


def verified_call(name: str, function: Callable, recorded: Recorded, args: tuple, kwargs: dict,
                  compiled: Callable[[tuple, dict], Any]) -> Any:
    """Call a compiled function and compare.

    Parameters
    ----------
    name : of the function, for the error
    function : the plain one; of a transform, the transformed one
    recorded : what was compiled for arguments like these
    args, kwargs : the call
    compiled : the call of the kernel

    Raises
    ------
    VerificationError
        Where the result, the exception, or an argument afterwards is another one.
    """
    leaves, _ = flatten((args, kwargs))
    before = _copies(leaves)
    try:
        wanted = _run(_plain(function), before, args, kwargs)
    except TraceError:      # there is no plain function: a transform such as `vmap` records it, and may refuse what compiled code can do
        return compiled(args, kwargs)
    got = _run(compiled, None, args, kwargs)
    if got.error is not None or wanted.error is not None:
        if type(got.error) is OverflowError or isinstance(got.error, ProgramError) and wanted.error is not None:
            raise got.error     # a compiled function refuses integers beyond 64 bits, of which Python has some
        if _is_of_traced_arrays(wanted.error):
            return got.result   # there is no plain function: it uses a name that only traced arrays have
        if type(got.error) is not type(wanted.error):
            raise VerificationError(f"`{name}` {_said(got)}; the plain function {_said(wanted)}") from got.error
        assert got.error is not None
        raise got.error
    exact = recorded.has_graph and is_exact(recorded.graph) and not hasattr(function, "__autodiff_derivative__")
    problem = _difference(got.result, wanted.result, exact, "result")
    problem = problem or _difference(got.leaves, wanted.leaves, exact, "the arguments afterwards")
    if problem and not exact:   # what cancels is as uncertain as the largest number on the way
        way = _Way(_largest_value(recorded, before), _coarsest(recorded.graph))
        problem = _difference(got.result, wanted.result, exact, "result", way)
        problem = problem or _difference(got.leaves, wanted.leaves, exact, "the arguments afterwards", way)
    if problem:
        raise VerificationError(f"`{name}`: {problem}\n  {_first_wrong_node(recorded, before)}")
    return got.result


def _plain(function: Callable) -> Callable[[tuple, dict], Any]:
    """The function to compare with. Of a gradient the value that goes with it is compared on the way with that of the plain function."""
    # A wrapper may have taken the attribute over; then `of` is another function.
    primal, both, of = getattr(function, "__autodiff_primal__", (None, None, None))

    def run(args: tuple, kwargs: dict) -> Any:
        if primal is not None and both is not None and of is function:
            leaves, tree = flatten((args, kwargs))
            args2, kwargs2 = unflatten(tree, _copies(leaves))
            value, _ = both(*args, **kwargs)
            problem = _difference(value, primal(*args2, **kwargs2), False, "the value of which this is the gradient")
            if problem:
                raise VerificationError(f"`{primal.__name__}`: {problem}\n  the graph that was recorded differs from the Python function")
            args, kwargs = unflatten(tree, leaves)
        return function(*args, **kwargs)
    return run


def _run(run: Callable[[tuple, dict], Any], copies: Sequence | None, args: tuple, kwargs: dict) -> _Outcome:
    """A run on copies of the arguments, or on the arguments themselves."""
    leaves, tree = flatten((args, kwargs))
    if copies is not None:
        args, kwargs = unflatten(tree, _copies(copies))
    try:
        with np.errstate(all="ignore"), traced():
            result, error = run(args, kwargs), None
    except (VerificationError, TraceError):
        raise
    except Exception as e:  # noqa: BLE001 - whatever the program raises is part of what it means, and is compared
        result, error = None, e
    return _Outcome(result, error, flatten((args, kwargs))[0])


def _copies(leaves: Sequence) -> list:
    """Copies of arrays that lie in memory as these do; what is one array twice is one copy twice."""
    made: dict[int, Any] = {}
    return [made.setdefault(id(x), _copy(x)) if isinstance(x, np.ndarray) else x for x in leaves]


def _copy(x: np.ndarray) -> np.ndarray:
    first = sum(s * (n - 1) for n, s in zip(x.shape, x.strides, strict=True) if s < 0)      # bytes before the first element
    last = sum(s * (n - 1) for n, s in zip(x.shape, x.strides, strict=True) if s > 0)
    if not x.size or x.base is None:
        new = x.copy(order="K")
        new.flags.writeable = x.flags.writeable
        return new
    memory = np.empty(last - first + x.itemsize, np.uint8)
    new = np.ndarray(x.shape, x.dtype, memory.data, -first, x.strides)
    new[...] = x
    new.flags.writeable = x.flags.writeable
    return new


def _is_of_traced_arrays(error: Exception | None) -> bool:
    """Whether an error says that NumPy's arrays lack a name that traced arrays have, such as `at`."""
    return isinstance(error, AttributeError) and isinstance(error.obj, (np.ndarray, np.generic)) and \
        hasattr(Tracer, str(error.name))


def _said(outcome: _Outcome) -> str:
    if outcome.error is None:
        return "gives a result"
    return f"raises {type(outcome.error).__name__}: {outcome.error}"


def is_exact(graph: Graph) -> bool:
    """Whether every result of a graph is one that NumPy's operation gives to the bit."""
    return all(n.op.is_exact(**n.params) or all(v.type.dtype.kind != "f" for v in n.outputs) for n in all_nodes(graph))


# -- comparing ------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class _Way:
    """What rounding errors come from: the largest magnitude on the way to a result, and the relative error of the coarsest type."""

    largest: float = 0.0
    eps: float = 0.0


def _coarsest(graph: Graph) -> float:
    """The relative error of the type with the fewest digits in a graph: a float64 may be made of float32 numbers."""
    types = {v.type.dtype for n in all_nodes(graph) for v in n.outputs} | {t.dtype for t in graph.in_types}
    return max([float(np.finfo(t).eps) for t in types if t.kind == "f"], default=0.0)


def _difference(got: Any, wanted: Any, exact: bool, what: str, way: _Way = _Way()) -> str:  # noqa: B008 - it does not change
    """Where two trees differ first; empty if they do not."""
    (a, a_tree), (b, b_tree) = flatten(got), flatten(wanted)
    if len(a) != len(b):
        return f"{what} has {len(a)} arrays, not {len(b)}"
    for (path, x), (_, y) in zip(static_paths(a_tree), static_paths(b_tree), strict=False):
        if x != y and VALUE in (x.kind, y.kind):
            return f"{what}{path} is {x!r}, not {y!r}"
    for x, y, path in zip(a, b, leaf_paths(a_tree), strict=True):
        problem = _differs(np.asarray(x), np.asarray(y), exact, way)
        if problem:
            return f"{what}{path}{'' if problem.startswith('[') else ' '}{problem}"
    return ""


ROUNDINGS = 1000
"""Roundings of the largest value on the way that may add up in a result."""


def _differs(x: np.ndarray, y: np.ndarray, exact: bool, way: _Way = _Way()) -> str:  # noqa: B008 - it does not change
    if x.shape != y.shape:
        return f"has shape {x.shape}, not {y.shape}"
    if y.dtype.kind == "c" and x.dtype.kind == "f" and not y.imag.any():    # of lambertw: real values are float64 here
        y = y.real
    if x.dtype != y.dtype:
        return f"is {x.dtype}, not {y.dtype}"
    if x.dtype.kind == "f":
        with np.errstate(all="ignore"):
            scale = np.max(np.abs(y[np.isfinite(y)]), initial=0.0)
            wrong = ~((x == y) | np.isnan(x) & np.isnan(y))
            if exact:
                wrong |= (x == 0) & (y == 0) & (np.signbit(x) != np.signbit(y))
            else:
                eps = max(way.eps, float(np.finfo(x.dtype).eps))
                allowed = np.sqrt(eps) * np.maximum(scale, np.abs(y)) + ROUNDINGS * eps * way.largest
                wrong &= ~(np.abs(x - y) <= allowed)
    else:
        wrong = x != y
    if not wrong.any():
        return ""
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"[{', '.join(map(str, at))}]" if at else ""
    others = f", and {int(wrong.sum()) - 1} more" if wrong.sum() > 1 else ""
    return f"{where} is {x[at]!r} compiled and {y[at]!r} in plain Python{others}"


# -- finding the node -----------------------------------------------------------------------------

def _inputs(recorded: Recorded, leaves: Sequence) -> list | None:
    """The inputs of the graph for a call; None where they are not the leaves, or lengths are known only at run time."""
    graph = recorded.graph
    inputs = [*leaves, *recorded.captured]
    if not recorded.has_graph or len(inputs) != len(graph.inputs) or any(v.type.symbols() for n in graph.nodes for v in n.outputs):
        return None
    return [np.asarray(x, t.dtype) if t.shape else np.asarray(x, t.dtype)[()] for x, t in zip(inputs, graph.in_types, strict=True)]


def _largest_value(recorded: Recorded, leaves: Sequence) -> float:
    """The largest finite magnitude among the values of all nodes."""
    inputs = _inputs(recorded, leaves)
    if inputs is None:
        return 0.0
    with np.errstate(all="ignore"):
        values = [np.abs(np.asarray(x, np.float64)) for x in (*inputs, *_values(recorded.graph, inputs))]
    return max([float(np.max(v[np.isfinite(v)], initial=0.0)) for v in values], default=0.0)


def _first_wrong_node(recorded: Recorded, leaves: Sequence) -> str:
    """The first node whose value the compiled program has wrong; or that there is none."""
    from codegen.compile import compile_graph  # loads LLVM
    graph = recorded.graph
    inputs = _inputs(recorded, leaves)
    if inputs is None:
        return "its nodes cannot be compared one by one"
    made = [(n, v) for n in graph.nodes for v in n.outputs]
    every = Graph(graph.name, graph.inputs, graph.nodes, tuple([v for _, v in made]))
    for (node, _), x, y in zip(made, compile_graph(every).run(*inputs), _values(every, inputs), strict=True):
        problem = _differs(np.asarray(x), np.asarray(y), node.op.is_exact(**node.params))
        if problem:
            line = f" ({node.where})" if node.where else ""
            return f"the first node that differs from the evaluator is `{node.op.name}`{line}: {problem}"
    return "each node alone agrees with the evaluator: the graph differs from the Python function, or a pass is wrong on the whole of it"


def _values(graph: Graph, inputs: Sequence) -> list:
    """The values of all nodes, by the evaluator."""
    found: list = []

    def step(node: Node, xs: list, params: dict) -> list:
        out = node.op.reference(*xs, **params)
        results = list(out) if node.op.many else [out]
        found.extend(results)
        return results
    walk(graph, inputs, step)
    return found

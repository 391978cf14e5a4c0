"""Each rule of the checker of graphs has a graph that breaks it; graphs that the compiler makes break none."""

import numpy as np
import pytest

import autodiff as ad
from tracer.check import GraphError, check
from tracer.graph import Graph, Node, Var
from tracer.ops.arithmetic import add, neg
from tracer.ops.control import loop
from tracer.ops.control.loops import LoopSpec
from tracer.ops.shape import broadcast
from tracer.types import ArrayType, Size, f64, i64

F = np.dtype(np.float64)
N = Size.symbol("n")


def vector(length=3):
    return Var(ArrayType(F, (length,)))


def one_node(op, *operands, out=None, **params):
    out = out or Var(operands[0].type)
    return Graph("f", operands, (Node(op, operands, (out,), params),), (out,))


def broken():
    """Rule -> a graph that breaks it, and what is said."""
    x, y, stray = vector(), vector(), vector()
    yield "an input twice", Graph("f", (x, x), (), (x,)), "input 1, a f64[3], is an input twice"
    yield "an operand from nowhere", Graph("f", (x,), (Node(add, (x, stray), (y,)),), (y,)), "operand 1, a f64[3], is not made above"
    yield "an operand made below", Graph("f", (x,), (Node(neg, (y,), (stray,)), Node(neg, (x,), (y,))), (stray,)), "operand 0"
    yield "a result made twice", Graph("f", (x,), (Node(neg, (x,), (y,)), Node(neg, (x,), (y,))), (y,)), "result 0, a f64[3], is made twice"
    yield "a result that is an input", Graph("f", (x,), (Node(neg, (x,), (x,)),), (x,)), "made twice"
    yield "an output from nowhere", Graph("f", (x,), (), (stray,)), "output 0, a f64[3], is made nowhere"
    yield "a wrong type", one_node(neg, x, out=vector(4)), "result 0 is a f64[4], its type rule gives f64[3]"
    yield "a wrong dtype", one_node(neg, x, out=Var(ArrayType(np.dtype(np.float32), (3,)))), "result 0 is a f32[3]"
    yield "operands that do not fit", Graph("f", (x, z := vector(4)), (Node(add, (x, z), (y,)),), (y,)), "its type rule refuses f64[3], f64[4]"
    yield "too many results", Graph("f", (x,), (Node(neg, (x,), (y, vector())),), (y,)), "2 results, its type rule gives 1"
    yield "a size that nothing binds", one_node(broadcast, Var(f64), out=vector(N * 2), shape=(N * 2,)), "it names the size n"
    yield "a body that knows a value around it", _loop(stray), "its body: node `add`: operand 1"
    yield "a body of another type", _loop(None), "its type rule refuses"


def _loop(outer):
    """A loop of three steps that adds something to a number: `outer`, which is not its own, or a vector, which it may not be."""
    i, s, new = Var(i64), Var(f64), Var(f64)
    other = outer if outer is not None else Var(ArrayType(F, (2,)))
    if outer is None:
        body = Graph("body", (i, s), (Node(broadcast, (s,), (other,), {"shape": (2,)}),), (other,))
    else:
        body = Graph("body", (i, s), (Node(add, (s, other), (new,)),), (new,))
    start, end, steps = Var(f64), Var(f64), Var(i64)
    count = Var(i64)
    return Graph("f", (count, start), (Node(loop, (count, start), (end, steps), {"spec": LoopSpec(0, 1, 0), "length": 3, "body": body,
                                                                                "test": None}),), (end,))


@pytest.mark.parametrize("what, graph, said", [pytest.param(*case, id=case[0]) for case in broken()])
def test_broken_graphs_are_refused(what, graph, said):
    with pytest.raises(GraphError) as e:
        check(graph, "a pass")
    assert str(e.value).startswith("graph f after a pass: ")
    assert said in str(e.value)


def test_lengths_that_a_rule_makes_anew_may_have_any_name():
    check(ad.jit(lambda x: ad.numpy.nonzero(x > 0)[0] * 2).trace(np.arange(5.0)))


@pytest.mark.parametrize("transform", [lambda f: f, ad.grad, ad.hessian, ad.jacfwd], ids=["value", "grad", "hessian", "jacfwd"])
def test_graphs_of_programs_pass(transform):
    def f(x):
        total = 0.0
        for i in range(3):
            if x[i] > 0.5:
                x = x * 2.0
            total = total + (x ** 3).sum() * x[i]
        return total
    check(ad.jit(transform(f)).trace(np.linspace(0.1, 1.0, 12)))

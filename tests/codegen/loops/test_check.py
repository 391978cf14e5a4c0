"""Each rule of the checker of programs has a program that breaks it, and compiling tells the pass that did."""

import numpy as np
import pytest

import autodiff as ad
from codegen import stages
from codegen.loops.check import ProgramError, check
from codegen.loops.language import (
    Apply,
    Buffer,
    BufferView,
    Call,
    Cast,
    Check,
    For,
    If,
    Lit,
    Load,
    Name,
    Program,
    Select,
    Store,
    ThreadPlan,
    VectorPlan,
    VectorSum,
    While,
)

F, I, B = np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)
ZERO = Lit(0.0, F)


def buffers():
    x = Buffer("x", F, (Lit(4),), "input")
    y = Buffer("y", F, (Lit(4),), "output")
    t = Buffer("t", F, (Lit(4),))
    return x, y, t


def over(var, body, stop=4, **how):
    return For(Name(var), Lit(stop), body, **how)


def broken():
    """Rule -> statements that break it, and what is said."""
    x, y, t = buffers()
    i = Name("i")
    fill = over("i", [Store(y, (i,), ZERO)])
    k = Buffer("k", I, (), "scratch")
    yield "a counter of no loop", x, y, [fill, Store(y, (i,), ZERO)], "i is the counter of no loop around"
    yield "two loops with one counter", x, y, [over("i", [fill])], "a loop over i stands in a loop over i"
    yield "too few indices", x, y, [Store(y, (), ZERO)], "y, which has 1 axes, is given 0 indices"
    yield "an index that is no integer", x, y, [over("i", [Store(y, (Load(x, (i,)),), ZERO)])], "x[i], a float64, is an index of y"
    yield "an input that is written", x, y, [fill, over("i", [Store(x, (i,), ZERO)])], "the input x is written"
    yield "an input that a call writes", x, y, [Call("reference", [BufferView(x)], [])], "the input x is written by a call of reference"
    yield "an output that is written nowhere", x, y, [], "output y is written nowhere"
    yield "a reader in front of all writers", x, y, [over("i", [Store(y, (i,), Load(t, (i,)))])], "t is read before anything is written"
    yield "a sum into what has no start", x, y, [over("i", [Store(y, (i,), ZERO, "add")])], "y is read before anything is written"
    yield "a call that reads what nobody wrote", x, y, [fill, Call("reference", [], [BufferView(t)])], "t is read before"
    yield "two dtypes in one function", x, y, [over("i", [Store(y, (i,), Apply("add", (Load(x, (i,)), i), F))])], "float64 and int64"
    yield "a store of another dtype", x, y, [over("i", [Store(y, (i,), i)])], "is stored in y, which holds float64"
    yield "a choice by a number", x, y, [over("i", [Store(y, (i,), Select(i, ZERO, ZERO))])], "chooses by a int64"
    yield "a choice between dtypes", x, y, [over("i", [Store(y, (i,), Select(Lit(True, B), ZERO, i))])], "between a float64 and a int64"
    yield "a while without a truth value", x, y, [fill, While([], ZERO, [])], "the test 0.0 of a while is a float64"
    yield "a check of a float", x, y, [fill, Check(ZERO, Lit(4), "no")], "is none of an index"
    yield "an index too large", x, y, [over("i", [Store(y, (i,), ZERO)], 5)], "it goes from 0 to 4"
    yield "an index below zero", x, y, [over("i", [Store(y, (Apply("sub", (i, Lit(1)), I),), ZERO)])], "it goes from -1 to 2"
    yield "an index too large in two loops", x, y, [over("i", [over("j", [Store(y, (Apply("add", (i, Name("j")), I),), ZERO)], 2)])], "0 to 4"
    add = Store(k, (), Lit(1), "add")
    start = Store(k, (), Lit(0))
    yield "vectors of dependent steps", x, y, [over("i", [Store(y, (i,), ZERO)], parallel=False, vector=VectorPlan(4))], "depend on each"
    yield "threads of dependent steps", x, y, [over("i", [Store(y, (i,), ZERO)], reverse=True, threads=ThreadPlan({}))], "runs in threads"
    yield "vectors of loops", x, y, [over("i", [over("j", [Store(y, (i,), ZERO)])], vector=VectorPlan(4))], "stores and checks alone"
    yield "a sum from elsewhere", x, y, [start, add, over("i", [Store(y, (i,), ZERO)], sums=(VectorSum((add,), "add", I, 4),))], "not in there"
    yield "a sum in two ways", x, y, [start, over("i", [Store(y, (i,), ZERO), add], sums=(VectorSum((add,), "mul", I, 4),))], "not one of mul"
    read = Store(y, (i,), Cast(Load(k, ()), F))
    yield "a sum that is read", x, y, [start, over("i", [add, read], sums=(VectorSum((add,), "add", I, 4),))], "something in there reads it"
    yield "a scalar that is read first", x, y, [over("i", [Store(y, (Load(k, ()),), ZERO)])], "k is read before"


@pytest.mark.parametrize("what, x, y, body, said", [pytest.param(*case, id=case[0]) for case in broken()])
def test_broken_programs_are_refused(what, x, y, body, said):
    with pytest.raises(ProgramError) as e:
        check(Program("f", [x], [y], body), "a pass")
    assert str(e.value).startswith("program f after a pass: ")
    assert said in str(e.value)


def test_what_is_not_known_is_not_judged():
    """An index that is data, and one under a condition, are checked when the kernel runs."""
    x, y, _ = buffers()
    i, at = Name("i"), Buffer("at", I, (Lit(4),), "input")
    fill = over("i", [Store(y, (i,), ZERO)])
    data = over("i", [Store(y, (Load(at, (i,)),), ZERO)])
    guarded = over("i", [If(i, [[], [Store(y, (Apply("add", (i, Lit(9)), I),), ZERO)]])])
    never = over("i", [Store(y, (Apply("add", (i, Lit(9)), I),), ZERO)], 0)
    check(Program("f", [x, at], [y], [fill, data, guarded, never]))


def test_compiling_names_the_pass(monkeypatch):
    """A pass that takes away a store that is still read is found where it did so."""
    def careless(program):
        del program.body[0]
        return program
    entry = stages.Pass("careless", careless, assumes="nothing", guarantees="nothing")
    monkeypatch.setattr(stages, "LOOP_PASSES", (entry,))
    with pytest.raises(ProgramError, match="after careless: t1 is read before anything is written"):
        ad.jit(lambda x: ad.numpy.cumsum(np.sin(x)))(np.arange(4.0))

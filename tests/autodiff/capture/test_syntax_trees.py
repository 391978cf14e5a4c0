"""Questions to syntax trees: what is asked in less time than Python's own functions take gives what they give."""

import ast
import copy
import inspect
import textwrap

import pytest

import autodiff.capture.source.files
import autodiff.capture.source.rewrite
import autodiff.capture.source.trees
from autodiff.capture.source.liveness import bound_names, children, walk
from autodiff.capture.source.trees import names_inside, with_places, yields

TEXTS = [inspect.getsource(m) for m in (autodiff.capture.source.trees, autodiff.capture.source.rewrite, autodiff.capture.source.files, copy)]
TEXTS.append(textwrap.dedent("""
    import os.path as path, sys
    from a import b as c
    def f(x, /, y: int = 1, *args, z=2, **more):
        global g
        nonlocal_ = [k for k in x if (w := k)]
        try:
            del y[0]
        except ValueError as e:
            raise e from None
        with open(x) as h, y:
            x.attribute = lambda q: q
        match x:
            case {"a": 1, **rest}: pass
            case [first, *others] as whole: pass
            case A(b=d) if d: pass
        async def inner(): await x
        class Local: attribute: int = 3
        for i, (j, *k) in x: yield (yield from i)
        return f"{x!r:>{y}}" if x else {**y}, *x
"""))


@pytest.mark.parametrize("text", TEXTS)
def test_all_nodes_are_found(text):
    tree = ast.parse(text)
    mine = {id(n) for n in walk(tree)}
    left_out = [n for n in ast.walk(tree) if id(n) not in mine]
    assert all(isinstance(n, (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)) for n in left_out)
    assert all(isinstance(n, ast.AST) for n in walk(tree)) and len(mine) == len(walk(tree))
    assert children(ast.Constant(1)) == []


@pytest.mark.parametrize("text", TEXTS)
def test_places_are_those_of_pythons_own_function(text):
    tree = ast.parse(text)
    for k, n in enumerate(ast.walk(tree)):
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if k % 3 == 0 and name in n._attributes and hasattr(n, name) and (k + len(name)) % 2:
                delattr(n, name)
    want = ast.fix_missing_locations(copy.deepcopy(tree))
    assert ast.dump(with_places(tree), include_attributes=True) == ast.dump(want, include_attributes=True)


def test_a_part_may_be_left_out():
    tree = ast.parse("a = b")
    del tree.body[0].lineno
    with_places(tree, without=tree.body[0])
    assert not hasattr(tree.body[0], "lineno")


def test_names():
    tree = ast.parse(TEXTS[-1])
    f = tree.body[2]
    assert bound_names(tree.body) == ["path", "sys", "c", "f"]
    assert names_inside(f) == set(("f x y args z more g nonlocal_ k w e h q rest first others whole d inner Local attribute i j").split())
    assert yields(f.body) and not yields(ast.parse("def f(): yield\nx = 1").body)

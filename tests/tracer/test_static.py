"""Static values: equal ones may take each other's place, and those that only look equal may not."""

import datetime
import decimal
import doctest
import enum
import fractions
import functools
import itertools
import pathlib
import random
import re
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from tracer import static
from tracer.static import Static, is_static_value
from tracer.tree import flatten, leaf_paths, static_paths, unflatten, without_statics


class Method(enum.Enum):
    A = 1
    B = 2
    C = "mean"


class Number(enum.IntEnum):
    ONE = 1


@dataclass(frozen=True)
class Options:
    tolerance: object


class Thing:
    def __eq__(self, other):
        return True

    __hash__ = None

    def method(self):
        return self


def f(x):
    return x


def g(x):
    return x


thing, other = Thing(), Thing()
# Each row: values that may take each other's place. No two values of different rows may.
ROWS = [
    ["mean", "".join(["me", "an"])], ["sum"], [b"mean"], [np.str_("mean")], [Method.A], [Method.B], [Method.C], [Number.ONE], [Ellipsis],
    [np.float64, np.dtype("f8").type], [float], [np.dtype("f8"), np.dtype(float)], [np.dtype(">f8")], [int], [bool], [Method],
    [slice(2), slice(None, 2)], [slice(2.0)], [slice(True)], [slice(0, 2)], [slice("a", "b")], [range(2), range(0, 2)], [range(0, 0)], [range(1, 1)],
    [frozenset([1])], [frozenset([True])], [frozenset([1.0])], [frozenset()], [fractions.Fraction(1, 2)], [decimal.Decimal("1.0")],
    [decimal.Decimal("1.00")], [datetime.date(2020, 1, 1)], [datetime.datetime(2020, 1, 1)], [datetime.datetime(2020, 1, 1, fold=1)],
    [pathlib.PurePosixPath("a"), pathlib.PurePosixPath("a")], [re.compile("a")], [re.compile("a", re.I)], [f], [g], [np.sin], [np.mean],
    [thing.method, thing.method], [other.method], [thing], [other], [functools.partial(f, 1), functools.partial(f, 1)], [functools.partial(f, True)],
    [functools.partial(f, 1.0)], [functools.partial(f, x=1)], [functools.partial(f, "a")], [functools.partial(g, 1)],
    [functools.partial(f, np.ones(1))], [functools.partial(f, -0.0)], [functools.partial(f, 0.0)], [len], [np], [thing.__dict__.get] * 2, [[].append],
]


def test_values_of_a_row_are_equal():
    for row in ROWS:
        for a, b in itertools.product(row, row):
            assert Static(a) == Static(b) and hash(Static(a)) == hash(Static(b)), (a, b)


def test_values_of_different_rows_are_not():
    for row, others in itertools.combinations(ROWS, 2):
        for a, b in itertools.product(row, others):
            assert Static(a) != Static(b), (a, b)


def test_what_is_static_and_what_is_not():
    for row in ROWS:
        for value in row:
            assert is_static_value(value), value
            leaves, structure = flatten(value)
            assert leaves == [] and unflatten(structure, []) is value and leaf_paths(structure) == []
    for value in (1, True, 2.5, 1j, np.float32(1), np.bool_(True), np.ones(2), {1, 2}, iter([]), slice(np.ones(1)), slice([1]), slice(f), frozenset([f])):
        assert not is_static_value(value) and flatten(value)[0] == [value], value


def test_what_cannot_be_hashed_says_so():
    with pytest.raises(TypeError, match="a static value is list, which cannot be hashed"):
        Static([1])


def test_static_fields_are_told_apart_by_type():
    # A structure held the values themselves: a recording for 1 served True.
    assert Static(Options(1)) != Static(Options(True)) and Static(Options(1)) == Static(Options(1))


Pair = namedtuple("Pair", "a b")


@dataclass
class Node:
    left: object
    right: object


def random_tree(rng, depth, values):
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(values)
    parts = [random_tree(rng, depth - 1, values) for _ in range(2)]
    return rng.choice([
        lambda: tuple(parts), lambda: list(parts), lambda: dict(zip(rng.sample("abc", 2), parts)), lambda: Pair(*parts), lambda: Node(*parts),
        lambda: SimpleNamespace(u=parts[0], v=parts[1]), lambda: OrderedDict(x=parts[0], y=parts[1]), lambda: defaultdict(list, k=parts[0])])()


def test_random_trees():
    """Statics and leaves come back in their places; a tree in which one static is another one has another structure."""
    rng = random.Random(0)
    values = [row[0] for row in ROWS if row[0] is not thing and row[0] is not other] + [1, 2.5, None]
    for _ in range(500):
        tree = random_tree(rng, 4, values)
        leaves, structure = flatten(tree)
        back = unflatten(structure, leaves)
        assert flatten(back) == (leaves, structure) and type(back) is type(tree)
        hash(structure)
        statics = list(static_paths(structure))
        assert len(leaf_paths(structure)) == len(leaves) and list(static_paths(without_statics(structure))) == []
        if statics:
            _, chosen = rng.choice(statics)
            new = rng.choice([v for v in values if flatten(v) != flatten(chosen.value)])
            changed = _replaced(structure, chosen, flatten(new)[1])
            assert changed != structure


def _replaced(structure, old, new):
    if structure is old:
        return new
    return tuple([_replaced(s, old, new) for s in structure]) if type(structure) is tuple else structure


def test_docstrings():
    results = doctest.testmod(static)
    assert results.attempted >= 4 and results.failed == 0

"""Trees: flatten and unflatten are inverse, structures are hashable."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace

import attrs
import numpy as np
import pytest

from tracer.tree import attributes_of, flatten, key_orders, leaf_paths, register_tree, tree_map, unflatten

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Layer:
    w: object
    b: object
    name: str = field(default="layer", metadata={"static": True})


@attrs.define(eq=True)
class Beam:
    """A class with slots."""

    length: object
    load: object = 0.0
    kind: str = attrs.field(default="steel", metadata={"static": True})


@attrs.frozen(slots=False)
class Bar:
    length: object


class Line:
    """A class without anything that would make it a tree."""

    def __init__(self, slope, start, name):
        self.slope, self.start, self.name = slope, start, name

    def __eq__(self, other):
        return type(other) is type(self) and vars(other) == vars(self)


register_tree(Line, lambda x: ((x.slope, x.start), x.name), lambda name, children: Line(*children, name))


TREES = [Beam(1, (2, 3)), Beam(1, 2, "wood"), Bar([1, None]), Line(1, {"a": 2}, "first"), SimpleNamespace(b=1, a="text"), defaultdict(list, z=1, a=2),
         "text", ("mean", 1.0, {"f": len}), 1.0, None, (), [], {}, (1, [2, (3,)], {"a": 4, "b": None}), Point(1, Point(2, 3)), Layer(1, (2, 3), "first"),
         {"z": 1, "a": {"q": [1, 2]}}, OrderedDict(b=1, a=2), {1: 2, "mixed": 3}]


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_round_trip(tree):
    leaves, structure = flatten(tree)
    assert unflatten(structure, leaves) == tree
    assert type(unflatten(structure, leaves)) is type(tree)
    hash(structure)
    assert len(leaf_paths(structure)) == len(leaves)


def test_dicts_of_two_orders_go_together_and_keep_their_orders():
    # Results were given with sorted keys, whatever the order of the argument.
    first, second = {"a": 1, "c": {3: 4, "x": 5}, "b": 2}, {"b": 2, "a": 1, "c": {"x": 5, 3: 4}}
    (xs, s), (ys, t) = flatten(first), flatten(second)
    assert (xs, s) == (ys, t) and hash(s) == hash(t) and key_orders(s) != key_orders(t)
    for tree, structure in ((first, s), (second, t)):
        back = unflatten(structure, xs)
        assert back == tree and list(back) == list(tree) and list(back["c"]) == list(tree["c"])
    total = tree_map(lambda a, b: a + b, first, second)
    assert list(total) == list(first) and total == {"a": 2, "b": 4, "c": {3: 8, "x": 10}}


def test_static_fields_belong_to_the_structure():
    assert flatten(Layer(1, 2, "a"))[1] != flatten(Layer(1, 2, "b"))[1]


def test_paths():
    assert leaf_paths(flatten({"w": [1, Point(2, 3)]})[1]) == ["['w'][0]", "['w'][1].x", "['w'][1].y"]


def test_tree_map_refuses_other_structures():
    with pytest.raises(ValueError, match="different structure"):
        tree_map(max, (1, 2), (1, (2,)))


def test_registered_classes():
    x = Line(1.0, [2.0, 3.0], "first")
    leaves, structure = flatten(x)
    assert leaves == [1.0, 2.0, 3.0] and leaf_paths(structure) == ["[0]", "[1][0]", "[1][1]"]
    assert structure != flatten(Line(1.0, [2.0, 3.0], "second"))[1]
    assert flatten(Line(1.0, 2.0, 1))[1] != flatten(Line(1.0, 2.0, True))[1] != flatten(Line(1.0, 2.0, 1.0))[1]
    assert attributes_of(x) == {"slope": 1.0, "start": [2.0, 3.0], "name": "first"}
    for wrong in (dict, np.ndarray, float, "Line"):
        with pytest.raises(TypeError, match="register_tree"):
            register_tree(wrong, lambda x: ((), None), lambda aux, children: None)


def test_what_a_class_derived_from_a_registered_one_is():
    class Longer(Line):
        pass
    assert flatten(Longer(1, 2, "a"))[0] == []     # an object: how it is made is not known


def test_attributes_beside_the_fields_are_kept():
    # They were lost: a method that read one raised AttributeError.
    @dataclass
    class Circle:
        radius: object
        later: object = field(init=False)

        def __post_init__(self):
            self.square = self.radius * self.radius

        @cached_property
        def area(self):
            return 3.0 * self.square
    c = Circle(2.0)
    assert c.area == 12.0
    leaves, structure = flatten(c)
    assert leaves == [2.0, 4.0] and leaf_paths(structure) == [".radius", ".square"]
    doubled = unflatten(structure, [3.0, 9.0])
    assert doubled.area == 27.0 and not hasattr(doubled, "later")


def test_keys_of_dicts_are_told_apart_by_type():
    assert key_orders(flatten({1: 2.0})[1]) != key_orders(flatten({True: 2.0})[1]) != key_orders(flatten({1.0: 2.0})[1])

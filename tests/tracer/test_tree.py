"""Trees: flatten and unflatten are inverse, structures are hashable."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field

import pytest

from tracer.tree import flatten, key_orders, leaf_paths, tree_map, unflatten

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Layer:
    w: object
    b: object
    name: str = field(default="layer", metadata={"static": True})


TREES = [1.0, None, (), [], {}, (1, [2, (3,)], {"a": 4, "b": None}), Point(1, Point(2, 3)), Layer(1, (2, 3), "first"),
         {"z": 1, "a": {"q": [1, 2]}}, OrderedDict(b=1, a=2), {1: 2, "mixed": 3}]


@pytest.mark.parametrize("tree", TREES, ids=str)
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

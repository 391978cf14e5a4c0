"""`ad.show`: passes by name, the table of passes, and the derivative of what is a derivative already."""

import re

import numpy as np
import pytest

import autodiff as ad
from codegen.stages import GRAPH_PASSES, LOOP_PASSES, all_passes

X = np.linspace(0.1, 1.0, 6)


def decay(x):
    a = np.zeros(len(x))
    for i in range(1, len(x)):
        a[i] = a[i - 1] * 0.5 + x[i]
    return np.sum(a * a)


def straight(x):
    return np.sum(np.tanh(x) * 2.0)


def rows(f):
    return [re.split(r"\s{2,}", line, maxsplit=3) for line in ad.show(f, X, stage="passes").splitlines()[1:]]


@pytest.mark.parametrize("f", [decay, straight, ad.grad(decay), ad.value_and_grad(straight)])
def test_every_pass_is_shown_by_its_name(f):
    texts = {p.name: ad.show(f, X, stage=p.name) for p in all_passes()}
    assert texts[GRAPH_PASSES[-1].name] == ad.show(f, X, stage="simplified")
    assert texts[LOOP_PASSES[-1].name] == ad.show(f, X, stage="loops")
    assert "return" in texts["lower"]


def test_names_differ_and_each_pass_says_what_it_is_for():
    names = [p.name for p in all_passes()]
    assert len(set(names)) == len(names)
    assert all(p.assumes and p.guarantees for p in all_passes())


def test_table_of_passes():
    found = rows(ad.grad(decay))
    assert [row[0] for row in found] == [p.name for p in all_passes()]
    assert [row[2] for row in found[:-1]] == [row[1] for row in found[1:]]      # what one leaves, the next one gets
    assert "left out" not in ad.show(ad.grad(decay), X, stage="passes")
    for p, row in zip(all_passes(), rows(straight), strict=True):
        assert ("left out: no loop" in row[3]) == p.only_with_loops
    assert [row[3] for row in rows(straight) if row[0] == "lower"] == ["nodes -> statements"]


@pytest.mark.parametrize("derivative", [ad.grad, ad.value_and_grad])
def test_a_derivative_is_not_differentiated_again(derivative):
    f = derivative(straight)
    assert ad.show(f, X, stage="derivative") == ad.show(f, X)


def test_unknown_stages_are_refused_with_the_names():
    with pytest.raises(ValueError, match="merge_loops.*contract"):
        ad.show(straight, X, stage="assembler")

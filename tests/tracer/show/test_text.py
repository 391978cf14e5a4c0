"""Graph text: golden, and read back."""

import numpy as np
import pytest

import autodiff as ad
from tracer.graph import structure
from tracer.show.text import parse, text

X = np.linspace(0.1, 1.0, 5)


def chain(x):
    return np.sum(np.tanh(x) * x)


def recurrence(u):
    return ad.fori_loop(0, 4, lambda i, x: x.at[i + 1].set(np.tanh(0.9 * x[i] + u[i])), ad.numpy.zeros(5)).sum()


def doubling(x):
    return ad.while_loop(lambda b: (b * b).sum() < 100.0, lambda b: b * 2, x).sum()


def branches(x):
    return ad.cond(x.sum() > 0, lambda x: x.astype(np.float32).sum(), lambda x: np.float32(1.5) * x.size, x)


PROGRAMS = [chain, recurrence, doubling, branches, ad.value_and_grad(chain), ad.grad(recurrence), ad.grad(doubling),
            ad.hessian(chain)]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_round_trip(f):
    g = ad.jit(f).trace(X)
    again = parse(text(g))
    assert text(again) == text(g)
    assert structure(again) == structure(g)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_what_is_read_back_computes_the_same(f):
    from tracer.trace import evaluate
    t = ad.jit(f).trace(X)
    captured = [np.zeros(v.type.shape) for v in t.inputs[1:]]
    for a, b in zip(evaluate(t, [X, *captured]), evaluate(parse(text(t)), [X, *captured]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_golden_chain():
    assert text(ad.jit(chain).trace(X)) == """\
chain(a: f64[5]):
  b: f64[5] = tanh(a)
  c: f64[5] = mul(b, a)
  d: f64[] = sum(c, axes=(0,))
  return d"""


def test_golden_loop():
    assert text(ad.jit(doubling).trace(X)) == """\
doubling(a: f64[5]):
  b: f64[5], c: i64[] = loop(4611686018427387904, a, spec=spec(0, 1, 0, False), length=None)
    body = while_loop(d: i64[], e: f64[5]):
      f: f64[5] = broadcast(2.0, shape=(5,))
      g: f64[5] = mul(e, f)
      return g
    test = test(h: i64[], i: f64[5]):
      j: f64[5] = mul(i, i)
      k: f64[] = sum(j, axes=(0,))
      l: bool[] = lt(k, 100.0)
      return l
  m: f64[] = sum(b, axes=(0,))
  return m"""


def test_lines_are_the_users():
    assert "# test_text.py:" in text(ad.jit(chain).trace(X), lines=True)


def test_a_line_of_another_form_is_refused():
    with pytest.raises(ValueError, match="not a"):
        parse("hello")


def test_picture_is_well_formed():
    import xml.etree.ElementTree as ET
    for f in PROGRAMS:
        root = ET.fromstring(ad.jit(f).trace(X)._repr_svg_())
        assert root.tag.endswith("svg") and len(list(root)) > 3

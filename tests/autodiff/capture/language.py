"""Python's language under jit, case by case: what the cases are checked by. Each `test_language_*.py` has those of one subject.

Values equal plain NumPy's, gradients equal differences and those of the uncompiled mode. Each case is run at several points, so that branches
are taken both ways by one compiled function. Where a case names nodes, the graph has to hold them: a loop that was written out, or a branch that
was decided while recording, would not.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import autodiff as ad
from tracer.graph import all_nodes

POINTS = [np.array([0.3, 0.85, 0.55, 0.15, 0.7, 0.42]), np.array([1.4, -0.6, 0.35, 0.9, -1.2, 0.8]),
          np.array([-0.35, -1.1, 0.62, -0.2, 1.7, -0.5])]
SCALE, WEIGHTS = 1.5, np.array([0.5, -1.0, 2.0, 0.25, 1.5, -0.75])


class CaseTable(list):
    """A table of cases: functions with the ops that their graphs must hold."""

    def __call__(self, *nodes: str) -> Callable:
        """Decorate a function: it becomes a case."""
        def enter(f):
            self.append(pytest.param(f, nodes, id=f.__name__))
            return f
        return enter


def ops_of(f, *args):
    """The names of all nodes of the graph of a function."""
    return [n.op.name for n in all_nodes(ad.jit(f).trace(*args))]


def difference(f, x, d, h=1e-6):
    """Derivative of f along d, from values."""
    return (f(x + h * d) - f(x - h * d)) / (2 * h)


def check_value(f, x, compiled=None):
    """The compiled value is NumPy's."""
    given = x.copy()
    want, got = f(x.copy()), (compiled or ad.jit(f))(given)
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    np.testing.assert_array_equal(given, x)


def check_gradient(f, x, compiled=None):
    """The compiled gradient is that of the uncompiled mode and of differences."""
    given = x.copy()
    g = (compiled or ad.jit(ad.grad(f)))(given)
    np.testing.assert_allclose(ad.grad(f)(given), g, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(given, x)
    d = np.random.default_rng(0).normal(size=x.shape)
    np.testing.assert_allclose(np.sum(g * d), difference(f, x, d), rtol=2e-5, atol=1e-6)


def check_case(f: Callable, nodes: Sequence[str]) -> None:
    """Value and gradient of a case at all points, from one compiled function each, and the nodes of its graph."""
    value, gradient = ad.jit(f), ad.jit(ad.grad(f))
    for x in POINTS:
        check_value(f, x, value)
        check_gradient(f, x, gradient)
    assert value.cache_info().misses == gradient.cache_info().misses == 1
    assert set(nodes) <= set(ops_of(f, POINTS[0]))

"""Every workload at a tiny size: derivatives by hand against differences, our entry against those by hand."""

import numpy as np
import pytest

from bench.check import check
from bench.peer import all_peers
from bench.workload import all_workloads
from tracer.tree import flatten, unflatten

WORKLOADS = all_workloads()
each_workload = pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS.keys())
GRADIENTS = {name: w for name, w in WORKLOADS.items() if w.asks == "value and gradient"}


def differences(f, x, step):
    """Central differences of a scalar function by every element of an array."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        apart = np.zeros_like(x)
        apart[i] = step
        gradient[i] = (f(x + apart) - f(x - apart)) / (2 * step)
    return gradient


@pytest.mark.parametrize("workload", GRADIENTS.values(), ids=GRADIENTS.keys())
def test_gradient_by_hand(workload):
    args = workload.small()
    value, grads = workload.by_hand(*args)
    check(value, workload.program(np, *args), 1e-12)
    grads = [grads] if len(workload.wrt) == 1 else list(grads)
    for number, grad in zip(workload.wrt, grads, strict=True):
        leaves, tree = flatten(args[number])
        grad_leaves, grad_tree = flatten(grad)
        assert grad_tree == tree
        for place, (leaf, got) in enumerate(zip(leaves, grad_leaves, strict=True)):

            def at(x, number=number, place=place, leaves=leaves, tree=tree):
                moved = unflatten(tree, [x if i == place else other for i, other in enumerate(leaves)])
                return workload.program(np, *args[:number], moved, *args[number + 1:])

            np.testing.assert_allclose(got, differences(at, leaf, 1e-5), rtol=1e-6, atol=1e-7)


def test_hessian_vector_product_by_hand():
    workload = WORKLOADS["hvp_rosenbrock"]
    x, v = workload.small()

    def slope(y):
        """Derivative of the program at y along v. The program is a quartic: fourth order leaves no error."""
        f = lambda t: workload.program(np, y + t * v)  # noqa: E731
        h = 0.05
        return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)

    np.testing.assert_allclose(workload.by_hand(x, v), differences(slope, x, 1e-4), rtol=1e-5)


@each_workload
def test_loops_by_hand(workload):
    if workload.numba is not None:
        args = workload.small()
        check(workload.numba()(*args), workload.by_hand(*args), 1e-10)


@each_workload
def test_our_entry(workload):
    """The board's own claim, small: this project computes what is derived by hand."""
    ours = next(peer for peer in all_peers().values() if peer.ours)
    ours.load(threads=1)
    args = workload.small()
    check(ours.call_for(workload)(*args), workload.by_hand(*args), 1e-10)


@each_workload
def test_data_are_the_same_every_time(workload):
    first, again = (flatten(workload.small())[0] for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@each_workload
def test_our_entry_at_full_size(workload):
    """Sizes choose code paths, such as BLAS for larger products: the data of the board go through them."""
    ours = next(peer for peer in all_peers().values() if peer.ours)
    ours.load(threads=1)
    args = workload.make()
    check(ours.call_for(workload)(*args), workload.by_hand(*args), workload.rtol)

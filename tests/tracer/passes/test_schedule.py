"""What `schedule` may not do when it moves nodes."""

import numpy as np

import autodiff as ad
from tracer.check import check
from tracer.passes.schedule import schedule
from tracer.passes.simplify import simplify
from tracer.trace import evaluate


def test_a_length_comes_after_what_has_it():
    """Found by random programs once the checker stood between the passes: a length has no operand that would hold it back."""
    def f(x):
        y = x.copy()
        y[1] = 0.0
        count = len(np.nonzero(y)[0])
        return np.sum(x) * 2.0 + count
    x = np.arange(4.0)
    graph = simplify(ad.jit(f).trace(x))
    names = [n.op.name for n in graph.nodes]
    assert names.index("update") < names.index("length") < names.index("sum")     # so that the update has to wait for the sum
    moved = schedule(graph)
    check(moved)
    assert [n.op.name for n in moved.nodes].index("sum") < [n.op.name for n in moved.nodes].index("update")
    assert evaluate(moved, [x])[0] == f(x)

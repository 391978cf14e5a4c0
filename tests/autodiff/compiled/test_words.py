"""What `why` and the warnings say of signatures and paths, in their words."""

import warnings

import numpy as np

import autodiff as ad

X = np.array([1.0, 2.0, 3.0])


def after(f, *calls):
    """The words after the last of some calls, without those before the colon."""
    for args, kwargs in calls:
        f(*args, **kwargs)
    return f.why().split(": ", 1)[1].split(";")[0]


def test_structures():
    f = ad.jit(lambda x: np.sum(x[0] if isinstance(x, (tuple, list)) else x))
    assert after(f, ((X,), {}), (((X, X),), {})) == "the structure of the arguments is ((array, array)), not (array)"
    assert after(f, (([X, X],), {})) == "the structure of the arguments is ([array, array]), not ((array, array))"
    g = ad.jit(lambda x, q: x)
    words = after(g, ((X,), {"q": (X, "m")}), ((X,), {"q": (X, ["mean", X])}))
    assert words == "the structure of the arguments is (array, q=(array, ['mean', array])), not (array, q=(array, 'm'))"


def test_long_static_values_are_cut():
    """At 60 characters of their `repr`."""
    f = ad.jit(lambda x, n: x * len(n))
    words = after(f, ((X, "a" * 58), {}), ((X, "b" * 59), {}))
    assert words == f"argument 1 is '{'b' * 56}..., not '{'a' * 58}'"


def test_paths():
    """Each warning comes once, and says why in one line."""
    def f(x):
        n = int(x[0])
        return x * n + sum([1.0] * n)
    g = ad.jit(f)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for k in range(12):
            np.testing.assert_allclose(g(X * k), f(X * k))
    reason = "the integer of a traced value i64[] is not known while tracing (at    test_words.py:"
    words = [str(w.message) for w in seen]
    assert [w.partition(":")[0] for w in words] == ["`f` is compiled along the path that its conditions take", "`f` was compiled for 4 paths",
                                                   "`f` runs uncompiled on paths beyond the first 8"]
    assert all(reason in w and "\n" not in w for w in words)
    assert f"; compiled along 8 paths: {reason}" in g.why() and g.why().endswith("; 4 calls ran uncompiled")

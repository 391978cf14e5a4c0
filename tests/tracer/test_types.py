"""Sizes are canonical: equal polynomials are equal objects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.types import ArrayType, Size, f64, match_sizes, substitute

n, m = Size.symbol("n"), Size.symbol("m")
sizes = st.recursive(st.sampled_from([n, m, 1, 2, 3]), lambda s: st.tuples(st.sampled_from("+-*"), s, s), max_leaves=6)


def build(t):
    if not isinstance(t, tuple):
        return t
    a, b = build(t[1]), build(t[2])
    return a + b if t[0] == "+" else a - b if t[0] == "-" else a * b


def value(s, **names):
    return s.value(names) if isinstance(s, Size) else s


@given(sizes, sizes)
def test_algebra_agrees_with_integers(a, b):
    a, b = build(a), build(b)
    for k in ({"n": 3, "m": 5}, {"n": 7, "m": 2}):
        assert value(a + b, **k) == value(a, **k) + value(b, **k)
        assert value(a * b, **k) == value(a, **k) * value(b, **k)
        assert value(a - b, **k) == value(a, **k) - value(b, **k)
    assert a + b == b + a and a * b == b * a
    assert a - a == 0


def test_constants_come_back_as_integers():
    assert isinstance(n - n + 3, int)
    assert str(2 * n + 1 - m) == "-1*m+2*n+1"


def test_substitution():
    t = ArrayType(f64.dtype, (n + 1, 3))
    assert substitute(t, {"n": 4}).shape == (5, 3)
    names = {}
    match_sizes(ArrayType(f64.dtype, (n, m)), (2, 9), names)
    assert names == {"n": 2, "m": 9}


def test_unsupported_dtypes_are_named():
    import numpy as np

    from tracer.types import type_of_value
    for bad in (np.float16(1), np.array(["a"]), np.array([1j])):
        with pytest.raises(TypeError, match="supported dtypes"):
            type_of_value(bad)

"""Trigonometric functions and their inverses as straight-line arithmetic; `functions.py` says over what."""

from __future__ import annotations

import math

from codegen.elementary.coefficients import ASIN, ATAN, COS, HALF_PI, PI, SIN
from codegen.elementary.exponentials import horner, whole_shift


def _reduce_trig(m, x):
    """x = n pi/2 + r, |r| <= pi/4: the bits that hold n, and r."""
    magic, _ = whole_shift(m)
    t = m.fma(x, m.k(2 / math.pi), m.k(magic))
    n = m.sub(t, m.k(magic))
    r = x
    for part in HALF_PI[m.width]:
        r = m.fma(n, m.k(-part), r)
    return m.bits(t), r


def _sin_cos_reduced(m, r):
    z = m.mul(r, r)
    s = m.fma(m.mul(z, r), horner(m, z, SIN[m.width]), r)
    c = m.fma(m.mul(z, z), horner(m, z, COS[m.width]), m.fma(z, m.k(-0.5), m.k(1.0)))
    return s, c


def _quadrant(m, q, s, c):
    odd = m.ine(m.iand(q, m.ik(1)), m.ik(0))
    y = m.select(odd, c, s)
    sign = m.shl(m.lshr(q, 1), 63 if m.double else 31)
    return m.number(m.ixor(m.bits(y), sign))


def sin(m, x):
    """Sine."""
    q, r = _reduce_trig(m, x)
    y = _quadrant(m, q, *_sin_cos_reduced(m, r))
    return m.select(m.eq(x, m.k(0.0)), x, y)


def cos(m, x):
    """Cosine."""
    q, r = _reduce_trig(m, x)
    return _quadrant(m, m.iadd(q, m.ik(1)), *_sin_cos_reduced(m, r))


def tan(m, x):
    """Tangent: sine over cosine of the reduced angle."""
    q, r = _reduce_trig(m, x)
    s, c = _sin_cos_reduced(m, r)
    odd = m.ine(m.iand(q, m.ik(1)), m.ik(0))
    y = m.div(m.select(odd, m.neg(c), s), m.select(odd, s, c))
    return m.select(m.eq(x, m.k(0.0)), x, y)


def _atan_ratio(m, b, a):
    """atan(b / a) of 0 <= b <= a in two parts: one more reduction by pi/4, one division."""
    upper = m.gt(b, m.mul(a, m.k(0.41421356237309503)))
    t = m.div(m.select(upper, m.sub(b, a), b), m.select(upper, m.add(b, a), a))
    z = m.mul(t, t)
    y = m.fma(m.mul(t, z), horner(m, z, ATAN[m.width]), t)
    hi, lo = PI[m.width]
    return m.select(upper, m.k(hi / 4), m.k(0.0)), m.add(y, m.select(upper, m.k(lo / 4), m.k(0.0)))


def _turned(m, base, y, turn, factor):
    """base + y, or factor pi/2 - (base + y) where `turn`."""
    hi, lo = PI[m.width]
    other = m.add(m.sub(m.k(hi / 2 * factor), base), m.sub(m.k(lo / 2 * factor), y))
    return m.select(turn, other, m.add(base, y))


def atan(m, x):
    """Inverse tangent."""
    a = m.abs(x)
    large = m.gt(a, m.k(1.0))
    base, y = _atan_ratio(m, m.select(large, m.k(1.0), a), m.select(large, a, m.k(1.0)))
    hi, lo = PI[m.width]
    y = _turned(m, base, y, large, 1)
    y = m.select(m.gt(a, m.k(1e300 if m.double else 1e37)), m.k(hi / 2), y)
    return m.copysign(m.select(m.ne(x, x), x, y), x)


def atan2(m, y, x):
    """Angle of the point (x, y)."""
    a, b = m.abs(x), m.abs(y)
    steep = m.gt(b, a)
    low, high = m.select(steep, a, b), m.select(steep, b, a)
    high_is_large = m.gt(high, m.k(1e300 if m.double else 1e37))
    shrink = m.select(high_is_large, m.k(2.0**-60 if m.double else 2.0**-30), m.k(1.0))
    both = m.eq(low, m.k(math.inf))
    low, high = m.select(both, m.k(1.0), m.mul(low, shrink)), m.select(both, m.k(1.0), m.mul(high, shrink))
    none = m.eq(high, m.k(0.0))
    base, angle = _atan_ratio(m, low, m.select(none, m.k(1.0), high))
    infinite = m.eq(high, m.k(math.inf))
    base = m.select(infinite, m.k(0.0), base)
    angle = m.select(infinite, m.k(0.0), angle)
    quadrant = _turned(m, base, angle, steep, 1)
    hi, lo = PI[m.width]
    left = m.lt(m.copysign(m.k(1.0), x), m.k(0.0))
    # pi - angle, from the parts: of a steep angle pi/2 + (base + angle) is left.
    flat = m.add(m.sub(m.k(hi), base), m.sub(m.k(lo), angle))
    turned = m.select(steep, m.add(m.add(m.k(hi / 2), base), m.add(m.k(lo / 2), angle)), flat)
    out = m.copysign(m.select(left, turned, quadrant), y)
    return m.select(m.ne(x, x), x, m.select(m.ne(y, y), y, out))


def _asin_reduced(m, a):
    """For 0 <= a <= 1: whether a > 1/2, and asin(a), or asin(sqrt((1 - a) / 2)) there."""
    large = m.gt(a, m.k(0.5))
    z = m.select(large, m.mul(m.sub(m.k(1.0), a), m.k(0.5)), m.mul(a, a))
    s = m.select(large, m.sqrt(z), a)
    return large, m.fma(m.mul(s, z), horner(m, z, ASIN[m.width]), s)


def asin(m, x):
    """Inverse sine."""
    a = m.abs(x)
    large, y = _asin_reduced(m, a)
    hi, lo = PI[m.width]
    y = m.select(large, m.add(m.sub(m.k(hi / 2), m.add(y, y)), m.k(lo / 2)), y)
    return m.copysign(m.select(m.gt(a, m.k(1.0)), m.k(math.nan), y), x)


def acos(m, x):
    """Inverse cosine."""
    a = m.abs(x)
    large, y = _asin_reduced(m, a)
    hi, lo = PI[m.width]
    negative = m.lt(x, m.k(0.0))
    signed = m.copysign(y, x)
    middle = m.sub(m.k(hi / 2), m.sub(signed, m.k(lo / 2)))
    twice = m.add(y, y)
    outer = m.select(negative, m.sub(m.k(hi), m.sub(twice, m.k(lo))), twice)
    y = m.select(large, outer, middle)
    return m.select(m.gt(a, m.k(1.0)), m.k(math.nan), m.select(m.ne(x, x), x, y))

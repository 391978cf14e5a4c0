"""Powers, roots and the decimal logarithm as straight-line arithmetic; `functions.py` says over what."""

from __future__ import annotations

import math

from codegen.elementary.coefficients import INVERSE_CBRT, LOG10_2_PARTS, LOG10_E, LOG_TAIL, TWO_THIRDS
from codegen.elementary.exponentials import (
    LN2_PARTS,
    clamp,
    exp_minus_1,
    horner,
    log_1p_reduced,
    log_special,
    power_of_two,
    reduce_exp,
    scaled_by,
    split_any,
    whole_shift,
)


def _log_parts(m, x):
    """log(x) of a positive finite x as an unevaluated sum, to twice the precision but a few bits.

    With f = x / 2**k - 1 and s = f / (2 + f) it is k log 2 + 2s + 2/3 s**3 + ..., the first two terms of the series to double precision.
    """
    k, f = split_any(m, x)
    u = m.add(f, m.k(2.0))
    u_low = m.sub(f, m.sub(u, m.k(2.0)))
    inverse = m.div(m.k(1.0), u)
    s = m.mul(f, inverse)
    s_low = m.mul(m.fma(m.neg(s), u_low, m.fma(m.neg(s), u, f)), inverse)
    z = m.mul(s, s)
    z_low = m.fma(m.add(s, s), s_low, m.fma(s, s, m.neg(z)))
    c_hi, c_lo = TWO_THIRDS[m.width]
    q = m.mul(z, horner(m, z, LOG_TAIL[m.width]))
    c = m.add(m.k(c_hi), q)
    c_low = m.add(m.sub(q, m.sub(c, m.k(c_hi))), m.k(c_lo))
    t = m.mul(z, c)
    t_low = m.fma(z, c_low, m.fma(z_low, c, m.fma(z, c, m.neg(t))))
    p = m.mul(s, t)
    p_low = m.fma(s, t_low, m.fma(s_low, t, m.fma(s, t, m.neg(p))))
    twice = m.add(s, s)
    y = m.add(twice, p)
    y_low = m.add(m.sub(p, m.sub(y, twice)), m.add(p_low, m.add(s_low, s_low)))
    hi, lo = LN2_PARTS[m.width]
    whole = m.mul(k, m.k(hi))  # exact: the first part of log 2 ends in zeros
    total = m.add(whole, y)
    rest = m.add(m.sub(y, m.sub(total, whole)), m.fma(k, m.k(lo), y_low))
    return _normal(m, m.select(m.eq(k, m.k(0.0)), y, total), m.select(m.eq(k, m.k(0.0)), y_low, rest))


def _normal(m, hi, lo):
    """The same sum with a small second part; the first must be the larger."""
    s = m.add(hi, lo)
    return s, m.sub(lo, m.sub(s, hi))


def _exp_parts(m, hi, lo):
    """e**(hi + lo)."""
    t, r = reduce_exp(m, clamp(m, hi))
    e = exp_minus_1(m, r)
    a, b = scaled_by(m, t)
    return m.mul(m.fma(m.fma(lo, m.add(e, m.k(1.0)), e), a, a), b)


def log10(m, x):
    """Logarithm to base 10, exact for powers of ten: the sum of k log10(2) and of log(1 + f) log10(e), both in two parts.

    Of log(1 + f) = f - f*f/2 + tail the first two terms are known to twice the precision; the tail is so small that its error is not seen.
    """
    k, f = split_any(m, x)
    h, tail = log_1p_reduced(m, f)
    square = m.mul(f, f)
    y = m.sub(f, h)
    y_low = m.add(m.sub(m.sub(m.sub(f, y), h), m.mul(m.fma(f, f, m.neg(square)), m.k(0.5))), tail)
    c, c_low = LOG10_E[m.width]
    p = m.mul(y, m.k(c))
    p_low = m.fma(y_low, m.k(c), m.fma(y, m.k(c_low), m.fma(y, m.k(c), m.neg(p))))
    hi, lo = LOG10_2_PARTS[m.width]
    whole = m.mul(k, m.k(hi))   # exact: the first part ends in zeros
    total = m.add(whole, p)
    y = m.add(total, m.add(m.sub(p, m.sub(total, whole)), m.fma(k, m.k(lo), p_low)))
    return log_special(m, x, m.select(m.lt(m.abs(k), m.k(math.inf)), y, m.add(k, f)))


def _whole(m, a):
    """a >= 0 rounded to a whole number."""
    big = 2.0**52 if m.double else 2.0**23
    return m.select(m.lt(a, m.k(big)), m.sub(m.add(a, m.k(big)), m.k(big)), a)


def pow(m, x, y):  # noqa: A001
    """x**y, with the special cases of C's pow."""
    one, zero, inf = m.k(1.0), m.k(0.0), m.k(math.inf)
    a, b = m.abs(x), m.abs(y)
    hi, lo = _log_parts(m, a)   # of 0, infinity and nan it is anything: these come below
    limit = m.k(1e200 if m.double else 1e30)
    w = m.select(m.gt(b, limit), m.copysign(limit, y), y)
    p = m.mul(hi, w)
    p_low = m.fma(lo, w, m.fma(hi, w, m.neg(p)))
    beyond = m.gt(m.abs(p), m.k(800.0 if m.double else 110.0))
    r = _exp_parts(m, p, m.select(beyond, zero, p_low))
    # Zero and infinity as base: the result is 0 or infinity by the sign of y.
    up = m.select(m.gt(y, zero), inf, zero)
    down = m.select(m.gt(y, zero), zero, inf)
    r = m.select(m.eq(a, inf), up, m.select(m.eq(a, zero), down, r))
    # Negative bases: whole exponents only, odd ones keep the sign.
    whole = m.eq(_whole(m, b), b)
    half = m.mul(b, m.k(0.5))
    even = m.eq(_whole(m, half), half)
    below = m.lt(m.copysign(one, x), zero)
    fraction = m.select(m.eq(a, zero), r, m.select(m.eq(a, inf), r, m.k(math.nan)))
    signed = m.select(whole, m.select(even, r, m.neg(r)), fraction)
    r = m.select(below, signed, r)
    r = m.select(m.ne(x, x), x, m.select(m.ne(y, y), y, r))
    return m.select(m.eq(y, zero), one, m.select(m.eq(x, one), one, r))


def cbrt(m, x):
    """Cube root, without a division.

    Of x = 8**q b the inverse root w of b is a polynomial and a step of order three, and b w**2 the root, which a step of Newton's method
    ends; there y**3 - b is summed so that what cancels does so exactly.
    """
    a = m.abs(x)
    k, f = split_any(m, a)
    magic, magic_bits = whole_shift(m)
    t = m.fma(k, m.k(1 / 3), m.k(magic))
    rest = m.fma(m.sub(t, m.k(magic)), m.k(-3.0), k)    # -1, 0 or 1
    above, below = m.gt(rest, m.k(0.0)), m.lt(rest, m.k(0.0))
    b = m.mul(m.add(f, m.k(1.0)), m.select(above, m.k(2.0), m.select(below, m.k(0.5), m.k(1.0))))
    w = m.mul(horner(m, f, INVERSE_CBRT), m.select(above, m.k(2.0 ** (-1 / 3)), m.select(below, m.k(2.0 ** (1 / 3)), m.k(1.0))))
    e = m.fma(m.neg(b), m.mul(m.mul(w, w), w), m.k(1.0))
    w = m.fma(m.mul(w, e), m.fma(e, m.k(2 / 9), m.k(1 / 3)), w)
    inverse_square = m.mul(w, w)
    y = m.mul(b, inverse_square)
    square = m.mul(y, y)
    square_low = m.fma(y, y, m.neg(square))
    residual = m.fma(square_low, y, m.fma(square, y, m.neg(b)))
    y = m.fma(m.mul(residual, m.k(-1 / 3)), inverse_square, y)
    y = m.mul(y, power_of_two(m, m.isub(m.bits(t), m.ik(magic_bits))))
    y = m.select(m.eq(a, m.k(0.0)), a, y)
    return m.select(m.lt(a, m.k(math.inf)), m.copysign(y, x), x)


def hypot(m, x, y):
    """sqrt(x x + y y), scaled by a power of two against overflow."""
    a, b = m.abs(x), m.abs(y)
    high, low = m.select(m.gt(b, a), b, a), m.select(m.gt(b, a), a, b)
    tiny = m.lt(high, m.k(2.0**-400 if m.double else 2.0**-50))
    huge = m.gt(high, m.k(2.0**500 if m.double else 2.0**60))
    up, down = (2.0**600, 2.0**-600) if m.double else (2.0**100, 2.0**-100)
    scale = m.select(tiny, m.k(up), m.select(huge, m.k(down), m.k(1.0)))
    back = m.select(tiny, m.k(down), m.select(huge, m.k(up), m.k(1.0)))
    high, low = m.mul(high, scale), m.mul(low, scale)
    r = m.mul(m.sqrt(m.fma(high, high, m.mul(low, low))), back)
    r = m.select(m.ne(x, x), x, m.select(m.ne(y, y), y, r))
    return m.select(m.eq(a, m.k(math.inf)), m.k(math.inf), m.select(m.eq(b, m.k(math.inf)), m.k(math.inf), r))

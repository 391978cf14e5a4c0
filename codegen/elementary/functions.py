"""Elementary functions as straight-line arithmetic, so that loops of them vectorise.

Each function is written once, over an arithmetic `m` that knows the float type (`m.double`) and offers: `k` (constant), `add`, `sub`,
`mul`, `div`, `neg`, `fma` (one rounding), `abs`, `copysign`, `sqrt`,
`lt gt eq ne`, `select`, and on the bits of a number `bits`, `number`, `iadd`,
`isub`, `iand`, `ixor`, `shl`, `ashr`, `lshr`, `to_float`, `ik` (integer constant). A generator supplies `m`; here stands the one that
prints Python for Numba. No operation may be reordered: several steps are exact on purpose.

Methods: Muller, Elementary Functions, 3rd ed. (Birkhauser 2016), chapters 4 and 11; Tang, ACM TOMS 15 (1989) 144 for exp;
Fdlibm's log core (s = f / (2 + f)). Largest errors found against mpmath, float64: exp 1.1 ULP, log 0.9, log1p 0.9, expm1 2.4,
tanh 2.4, sigmoid 2.5, sin and cos 1.5 (|x| <= BEYOND), erf 2.7, exp2 1.0, log10 0.5, sinh 1.9, cosh 1.3, asinh 1.4, acosh 2.5, atanh
1.3, tan 2.3, atan 1.2, atan2 1.7, asin 1.6, acos 1.1, pow 1.3, cbrt 0.5, hypot 0.9; the tests hold them below these, rounded up.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

from codegen.elementary.coefficients import (
    ASIN,
    ATAN,
    COS,
    ERF,
    EXPM1,
    HALF_PI,
    LN2,
    LOG,
    LOG10_E,
    LOG_ERFC,
    LOG_TAIL,
    PI,
    SIN,
    TWO_THIRDS,
)

__all__ = ["functions", "python_source", "BEYOND"]

BEYOND = {64: 1e12, 32: 1e4}
"""Largest |x| for which the three-part reduction of sin and cos holds its error bound; kernels are run again with the C library's
functions where a finite argument exceeds it."""

_LN2 = {64: (6.93147180369123816490e-01, 1.90821492927058770002e-10), 32: (0.693145751953125, 1.428606765330187045e-06)}


def horner(m, x, cs):
    """Polynomial, coefficients from low to high, by pairs (Estrin): short dependency chains."""
    terms = [m.k(c) for c in cs]
    power = x
    while len(terms) > 1:
        terms = [m.fma(terms[i + 1], power, terms[i]) if i + 1 < len(terms) else terms[i] for i in range(0, len(terms), 2)]
        if len(terms) > 1:
            power = m.mul(power, power)
    return terms[0]


def _magic(m):
    """Adding it leaves the nearest whole number in the low bits."""
    return (1.5 * 2.0**52, 0x4338000000000000) if m.double else (1.5 * 2.0**23, 0x4B400000)


def _exponent(m):
    """Shift and bias of the exponent field."""
    return (52, 1023) if m.double else (23, 127)


def _reduce_exp(m, x):
    """x = n log 2 + r, |r| <= log(2) / 2: the bits that hold n, and r."""
    magic, _ = _magic(m)
    t = m.fma(x, m.k(1 / math.log(2)), m.k(magic))
    n = m.sub(t, m.k(magic))
    hi, lo = _LN2[m.width]
    r = m.fma(n, m.k(-lo), m.fma(n, m.k(-hi), x))
    return m.bits(t), r


def _exp_minus_1(m, r):
    """e**r - 1 on the reduced range."""
    return m.fma(m.mul(r, r), horner(m, r, EXPM1[m.width]), r)


def _power_of_two(m, n):
    shift, bias = _exponent(m)
    return m.number(m.shl(m.iadd(n, m.ik(bias)), shift))


def _scale(m, t):
    """2**n in two factors, so that results may overflow or become denormal rightly."""
    n = m.isub(t, m.ik(_magic(m)[1]))
    h = m.ashr(n, 1)
    return _power_of_two(m, h), _power_of_two(m, m.isub(n, h))


def _clamp(m, x):
    limit = 1000.0 if m.double else 120.0
    x = m.select(m.gt(x, m.k(limit)), m.k(limit), x)
    return m.select(m.lt(x, m.k(-limit)), m.k(-limit), x)


def exp(m, x):
    """e**x."""
    t, r = _reduce_exp(m, _clamp(m, x))
    p = _exp_minus_1(m, r)
    a, b = _scale(m, t)
    return m.mul(m.fma(p, a, a), b)


def expm1(m, x):
    """e**x - 1."""
    t, r = _reduce_exp(m, _clamp(m, x))
    p = _exp_minus_1(m, r)
    a, b = _scale(m, t)
    scale = m.mul(a, b)
    y = m.fma(m.mul(p, a), b, m.sub(scale, m.k(1.0)))
    y = m.select(m.gt(x, m.k(600.0 if m.double else 80.0)), m.mul(m.fma(p, a, a), b), y)
    return m.select(m.eq(x, m.k(0.0)), x, y)


def _split(m, x):
    """A positive normal number as 2**k (1 + f), 1 + f in [sqrt(1/2), sqrt(2))."""
    shift, _ = _exponent(m)
    bits = m.bits(x)
    e = m.ashr(m.isub(bits, m.ik(0x3FE6A09E00000000 if m.double else 0x3F3504F3)), shift)
    mantissa = m.number(m.isub(bits, m.shl(e, shift)))
    return m.to_float(e), m.sub(mantissa, m.k(1.0))


def _log_1p_reduced(m, f):
    """log(1 + f) = f - (h - tail): h = f*f/2 and the tail."""
    s = m.div(f, m.add(f, m.k(2.0)))
    z = m.mul(s, s)
    h = m.mul(m.mul(f, f), m.k(0.5))
    return h, m.mul(s, m.add(h, m.mul(z, horner(m, z, LOG[m.width]))))


def _log_tail(m, k, f, correction=None):
    h, tail = _log_1p_reduced(m, f)
    hi, lo = _LN2[m.width]
    low = m.fma(k, m.k(lo), tail)
    if correction is not None:
        low = m.add(low, correction)
    return m.fma(k, m.k(hi), m.sub(f, m.sub(h, low)))


def _log_special(m, x, y):
    y = m.select(m.eq(x, m.k(math.inf)), x, y)
    y = m.select(m.eq(x, m.k(0.0)), m.k(-math.inf), y)
    y = m.select(m.lt(x, m.k(0.0)), m.k(math.nan), y)
    return m.select(m.ne(x, x), x, y)


def _split_any(m, x):
    """As `_split`, denormals too."""
    tiny, up, shift = (2.2250738585072014e-308, 2.0**54, 54.0) if m.double else (1.1754943508222875e-38, 2.0**25, 25.0)
    small = m.lt(x, m.k(tiny))
    k, f = _split(m, m.select(small, m.mul(x, m.k(up)), x))
    return m.select(small, m.sub(k, m.k(shift)), k), f


def log(m, x):
    """Natural logarithm."""
    k, f = _split_any(m, x)
    return _log_special(m, x, _log_tail(m, k, f))


def log2(m, x):
    """Logarithm to base 2, exact for powers of two."""
    k, f = _split_any(m, x)
    h, tail = _log_1p_reduced(m, f)
    return _log_special(m, x, m.fma(m.sub(f, m.sub(h, tail)), m.k(1 / math.log(2)), k))


def log1p(m, x):
    """log(1 + x)."""
    u = m.add(x, m.k(1.0))
    c = m.sub(x, m.sub(u, m.k(1.0)))
    c = m.select(m.lt(m.abs(x), m.k(2.0**52 if m.double else 2.0**23)), m.div(c, u), m.k(0.0))
    k, f = _split(m, u)
    y = _log_special(m, u, _log_tail(m, k, f, c))
    return m.select(m.eq(x, m.k(0.0)), x, y)


def tanh(m, x):
    """Hyperbolic tangent."""
    limit = m.k(20.0 if m.double else 10.0)
    a = m.abs(x)
    a = m.select(m.gt(a, limit), limit, a)
    t, r = _reduce_exp(m, m.mul(a, m.k(2.0)))
    scale = _power_of_two(m, m.isub(t, m.ik(_magic(m)[1])))
    e = m.fma(_exp_minus_1(m, r), scale, m.sub(scale, m.k(1.0)))
    return m.copysign(m.div(e, m.add(e, m.k(2.0))), x)


def sigmoid(m, x):
    """1 / (1 + e**-x)."""
    e = exp(m, m.neg(m.abs(x)))
    top = m.select(m.lt(x, m.k(0.0)), e, m.k(1.0))
    return m.div(top, m.add(m.k(1.0), e))


def _reduce_trig(m, x):
    """x = n pi/2 + r, |r| <= pi/4: the bits that hold n, and r."""
    magic, _ = _magic(m)
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


def erf(m, x):
    """Error function: an odd polynomial below 1, 1 - exp(-P) above."""
    a = m.abs(x)
    limit, centre = (6.0, 3.5) if m.double else (4.0, 2.5)
    inner = m.mul(x, horner(m, m.mul(x, x), ERF[m.width]))
    b = m.select(m.gt(a, m.k(limit)), m.k(limit), a)
    p = horner(m, m.sub(b, m.k(centre)), LOG_ERFC[m.width])
    outer = m.copysign(m.sub(m.k(1.0), exp(m, m.neg(p))), x)
    y = m.select(m.lt(a, m.k(1.0)), inner, outer)
    return m.select(m.ne(x, x), x, y)


# -- more exponentials ----------------------------------------------------------------------------

def exp2(m, x):
    """2**x, exact for whole numbers."""
    limit = 1100.0 if m.double else 160.0
    x = m.select(m.gt(x, m.k(limit)), m.k(limit), x)
    x = m.select(m.lt(x, m.k(-limit)), m.k(-limit), x)
    magic, _ = _magic(m)
    t = m.add(x, m.k(magic))
    r = m.sub(x, m.sub(t, m.k(magic)))
    hi, lo = LN2[m.width]
    z = m.mul(r, m.k(hi))
    low = m.fma(r, m.k(lo), m.fma(r, m.k(hi), m.neg(z)))
    a, b = _scale(m, m.bits(t))
    return m.mul(m.fma(m.add(_exp_minus_1(m, z), low), a, a), b)


def _half_exp(m, x):
    """e**x / 2, which overflows later than e**x."""
    t, r = _reduce_exp(m, _clamp(m, x))
    a, b = _scale(m, m.isub(t, m.ik(1)))
    return m.mul(m.fma(_exp_minus_1(m, r), a, a), b)


def cosh(m, x):
    """Hyperbolic cosine."""
    h = _half_exp(m, m.abs(x))
    return m.add(h, m.div(m.k(0.25), h))


def sinh(m, x):
    """Hyperbolic sine: by expm1 where e**-x counts."""
    a = m.abs(x)
    h = _half_exp(m, a)
    t = expm1(m, m.select(m.gt(a, m.k(2.0)), m.k(2.0), a))
    small = m.mul(m.k(0.5), m.add(t, m.div(t, m.add(t, m.k(1.0)))))
    y = m.select(m.lt(a, m.k(1.0)), small, m.sub(h, m.div(m.k(0.25), h)))
    return m.copysign(m.select(m.ne(x, x), x, y), x)


def asinh(m, x):
    """Inverse hyperbolic sine."""
    a = m.abs(x)
    big = m.gt(a, m.k(2.0**28 if m.double else 2.0**13))
    b = m.select(big, m.k(1.0), a)
    square = m.mul(b, b)
    inner = log1p(m, m.add(b, m.div(square, m.add(m.k(1.0), m.sqrt(m.add(square, m.k(1.0)))))))
    outer = m.add(log(m, a), m.k(LN2[m.width][0]))
    return m.copysign(m.select(big, outer, inner), x)


def acosh(m, x):
    """Inverse hyperbolic cosine."""
    big = m.gt(x, m.k(2.0**28 if m.double else 2.0**13))
    t = m.sub(m.select(big, m.k(2.0), x), m.k(1.0))
    inner = log1p(m, m.add(t, m.sqrt(m.mul(t, m.add(t, m.k(2.0))))))
    y = m.select(big, m.add(log(m, x), m.k(LN2[m.width][0])), inner)
    return m.select(m.lt(x, m.k(1.0)), m.k(math.nan), y)


def atanh(m, x):
    """Inverse hyperbolic tangent."""
    a = m.abs(x)
    t = m.add(a, a)
    q = m.div(t, m.sub(m.k(1.0), a))
    argument = m.select(m.lt(a, m.k(0.5)), m.fma(a, q, t), q)
    return m.copysign(m.mul(m.k(0.5), log1p(m, argument)), x)


# -- more trigonometry ----------------------------------------------------------------------------

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


# -- powers and roots -----------------------------------------------------------------------------

def _log_parts(m, x):
    """log(x) of a positive finite x as an unevaluated sum, to twice the precision but a few bits.

    With f = x / 2**k - 1 and s = f / (2 + f) it is k log 2 + 2s + 2/3 s**3 + ..., the first two terms of the series to double precision.
    """
    k, f = _split_any(m, x)
    u = m.add(f, m.k(2.0))
    u_low = m.sub(f, m.sub(u, m.k(2.0)))
    s = m.div(f, u)
    s_low = m.div(m.fma(m.neg(s), u_low, m.fma(m.neg(s), u, f)), u)
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
    hi, lo = _LN2[m.width]
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
    t, r = _reduce_exp(m, _clamp(m, hi))
    e = _exp_minus_1(m, r)
    a, b = _scale(m, t)
    return m.mul(m.fma(m.fma(lo, m.add(e, m.k(1.0)), e), a, a), b)


def log10(m, x):
    """Logarithm to base 10, exact for powers of ten."""
    hi, lo = _log_parts(m, m.select(m.gt(x, m.k(0.0)), m.select(m.eq(x, m.k(math.inf)), m.k(1.0), x), m.k(1.0)))
    c, c_low = LOG10_E[m.width]
    y = m.mul(hi, m.k(c))
    low = m.fma(lo, m.k(c), m.fma(hi, m.k(c_low), m.fma(hi, m.k(c), m.neg(y))))
    return _log_special(m, x, m.add(y, low))


def _whole(m, a):
    """a >= 0 rounded to a whole number."""
    big = 2.0**52 if m.double else 2.0**23
    return m.select(m.lt(a, m.k(big)), m.sub(m.add(a, m.k(big)), m.k(big)), a)


def pow(m, x, y):  # noqa: A001
    """x**y, with the special cases of C's pow."""
    one, zero, inf = m.k(1.0), m.k(0.0), m.k(math.inf)
    a, b = m.abs(x), m.abs(y)
    plain = m.select(m.eq(a, zero), one, m.select(m.eq(a, inf), one, m.select(m.ne(a, a), one, a)))
    hi, lo = _log_parts(m, plain)
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
    r = m.select(m.eq(a, one), m.select(m.eq(b, inf), one, r), r)
    return m.select(m.eq(y, zero), one, m.select(m.eq(x, one), one, r))


def cbrt(m, x):
    """Cube root: a first value by exp and log, and one step of Newton's method."""
    a = m.abs(x)
    special = m.select(m.eq(a, m.k(0.0)), m.k(0.0), m.select(m.lt(a, m.k(math.inf)), m.k(1.0), m.k(0.0)))
    normal = m.eq(special, m.k(1.0))
    b = m.select(normal, a, m.k(1.0))
    tiny = m.lt(b, m.k(1e-290 if m.double else 1e-30))  # the residual of a tiny number would be denormal
    b = m.select(tiny, m.mul(b, m.k(2.0**150 if m.double else 2.0**45)), b)
    y = exp(m, m.mul(log(m, b), m.k(1 / 3)))
    square = m.mul(y, y)
    square_low = m.fma(y, y, m.neg(square))
    # y**3 - b, the terms that cancel exactly first
    residual = m.fma(square_low, y, m.fma(square, y, m.neg(b)))
    y = m.sub(y, m.div(residual, m.mul(m.k(3.0), square)))
    y = m.select(tiny, m.mul(y, m.k(2.0**-50 if m.double else 2.0**-15)), y)
    return m.select(normal, m.copysign(y, x), x)


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


functions: dict[str, Callable] = {"exp": exp, "expm1": expm1, "log": log, "log2": log2, "log1p": log1p, "tanh": tanh,
                                  "sigmoid": sigmoid, "sin": sin, "cos": cos, "erf": erf, "exp2": exp2,
                                  "log10": log10, "sinh": sinh, "cosh": cosh, "asinh": asinh, "acosh": acosh, "atanh": atanh, "tan": tan,
                                  "atan": atan, "atan2": atan2, "asin": asin, "acos": acos, "pow": pow, "cbrt": cbrt, "hypot": hypot}
NEED_FMA = {"sin", "cos", "tan", "pow", "log10", "cbrt"}
"""Functions that are wrong where `fma` rounds twice."""


class _PythonArithmetic:
    """Prints each step as a line of Python; the names `fma`, `bits`, `number`, ... are given meaning by the Numba module."""

    def __init__(self, width: int):
        self.width = width
        self.double = width == 64
        self.lines: list[str] = []
        self.known: dict[str, str] = {}

    def let(self, text: str) -> str:
        if text not in self.known:
            self.known[text] = f"t{len(self.lines)}"
            self.lines.append(f"    {self.known[text]} = {text}")
        return self.known[text]

    def k(self, v: float) -> str:
        text = repr(float(v)) if math.isfinite(v) else ("nan" if v != v else ("inf" if v > 0 else "(-inf)"))
        text = f"({text})" if text.startswith("-") else text
        return text if self.double else f"f32({text})"

    def ik(self, v: int) -> str:
        return str(v) if self.double else f"i32({v})"

    def neg(self, a):
        return self.let(f"-{a}")



def _infix(symbol):
    return lambda self, a, b: self.let(f"{a} {symbol} {b}")


def _called(name):
    return lambda self, *args: self.let(f"{name}({', '.join(map(str, args))})")


for _name, _symbol in {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "gt": ">", "eq": "==", "ne": "!="}.items():
    setattr(_PythonArithmetic, _name, _infix(_symbol))
for _name in ("fma", "abs", "copysign", "select", "bits", "number", "iadd", "isub", "iand", "ixor", "ine", "shl", "ashr", "lshr",
              "to_float", "sqrt"):
    setattr(_PythonArithmetic, _name, _called(_name))


def python_source(name: str, width: int) -> str:
    """One function as Python source for numba.njit."""
    m = _PythonArithmetic(width)
    names = list(inspect.signature(functions[name]).parameters)[1:]
    result = functions[name](m, *names)
    head = [f"def {name}{width}({', '.join(names)}):", f'    """{functions[name].__doc__}"""']
    return "\n".join([*head, *m.lines, f"    return {result}", ""])

"""Exponentials, logarithms, hyperbolic functions and the error function as straight-line arithmetic; `functions.py` says over what."""

from __future__ import annotations

import math

from codegen.elementary.coefficients import ERF, EXPM1, LN2, LOG, LOG_ERFC

LN2_PARTS = {64: (6.93147180369123816490e-01, 1.90821492927058770002e-10), 32: (0.693145751953125, 1.428606765330187045e-06)}


def horner(m, x, cs):
    """Polynomial, coefficients from low to high, by pairs (Estrin): short dependency chains."""
    terms = [m.k(c) for c in cs]
    power = x
    while len(terms) > 1:
        terms = [m.fma(terms[i + 1], power, terms[i]) if i + 1 < len(terms) else terms[i] for i in range(0, len(terms), 2)]
        if len(terms) > 1:
            power = m.mul(power, power)
    return terms[0]


def whole_shift(m):
    """Adding it leaves the nearest whole number in the low bits."""
    return (1.5 * 2.0**52, 0x4338000000000000) if m.double else (1.5 * 2.0**23, 0x4B400000)


def _exponent(m):
    """Shift and bias of the exponent field."""
    return (52, 1023) if m.double else (23, 127)


def reduce_exp(m, x):
    """x = n log 2 + r, |r| <= log(2) / 2: the bits that hold n, and r."""
    magic, _ = whole_shift(m)
    t = m.fma(x, m.k(1 / math.log(2)), m.k(magic))
    n = m.sub(t, m.k(magic))
    hi, lo = LN2_PARTS[m.width]
    r = m.fma(n, m.k(-lo), m.fma(n, m.k(-hi), x))
    return m.bits(t), r


def exp_minus_1(m, r):
    """e**r - 1 on the reduced range."""
    return m.fma(m.mul(r, r), horner(m, r, EXPM1[m.width]), r)


def power_of_two(m, n):
    shift, bias = _exponent(m)
    return m.number(m.shl(m.iadd(n, m.ik(bias)), shift))


def scaled_by(m, t):
    """2**n in two factors, so that results may overflow or become denormal rightly."""
    n = m.isub(t, m.ik(whole_shift(m)[1]))
    h = m.ashr(n, 1)
    return power_of_two(m, h), power_of_two(m, m.isub(n, h))


def clamp(m, x):
    limit = 1000.0 if m.double else 120.0
    x = m.select(m.gt(x, m.k(limit)), m.k(limit), x)
    return m.select(m.lt(x, m.k(-limit)), m.k(-limit), x)


def exp(m, x):
    """e**x."""
    t, r = reduce_exp(m, clamp(m, x))
    p = exp_minus_1(m, r)
    a, b = scaled_by(m, t)
    return m.mul(m.fma(p, a, a), b)


def expm1(m, x):
    """e**x - 1."""
    t, r = reduce_exp(m, clamp(m, x))
    p = exp_minus_1(m, r)
    a, b = scaled_by(m, t)
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


def log_1p_reduced(m, f):
    """log(1 + f) = f - (h - tail): h = f*f/2 and the tail."""
    s = m.div(f, m.add(f, m.k(2.0)))
    z = m.mul(s, s)
    h = m.mul(m.mul(f, f), m.k(0.5))
    return h, m.mul(s, m.add(h, m.mul(z, horner(m, z, LOG[m.width]))))


def _log_tail(m, k, f, correction=None):
    h, tail = log_1p_reduced(m, f)
    hi, lo = LN2_PARTS[m.width]
    low = m.fma(k, m.k(lo), tail)
    if correction is not None:
        low = m.add(low, correction)
    return m.fma(k, m.k(hi), m.sub(f, m.sub(h, low)))


def log_special(m, x, y):
    """A logarithm y of x, with the special cases; `m.split` has made those of zero, infinity and negative numbers."""
    if m.split(x) is not None:
        return y
    y = m.select(m.eq(x, m.k(math.inf)), x, y)
    y = m.select(m.eq(x, m.k(0.0)), m.k(-math.inf), y)
    y = m.select(m.lt(x, m.k(0.0)), m.k(math.nan), y)
    return m.select(m.ne(x, x), x, y)


def split_any(m, x):
    """As `_split`, denormals too."""
    found = m.split(x)
    if found is not None:
        k, mantissa = found     # brought between the same bounds, so that a number has the same logarithm in every vector
        below = m.lt(mantissa, m.k(1.4142131805419922 if m.double else 1.4142135381698608))
        mantissa = m.select(below, mantissa, m.mul(mantissa, m.k(0.5)))
        return m.select(below, k, m.add(k, m.k(1.0))), m.sub(mantissa, m.k(1.0))
    tiny, up, shift = (2.2250738585072014e-308, 2.0**54, 54.0) if m.double else (1.1754943508222875e-38, 2.0**25, 25.0)
    small = m.lt(x, m.k(tiny))
    k, f = _split(m, m.select(small, m.mul(x, m.k(up)), x))
    return m.select(small, m.sub(k, m.k(shift)), k), f


def log(m, x):
    """Natural logarithm."""
    k, f = split_any(m, x)
    return log_special(m, x, _log_tail(m, k, f))


def log2(m, x):
    """Logarithm to base 2, exact for powers of two."""
    k, f = split_any(m, x)
    h, tail = log_1p_reduced(m, f)
    return log_special(m, x, m.fma(m.sub(f, m.sub(h, tail)), m.k(1 / math.log(2)), k))


def log1p(m, x):
    """log(1 + x)."""
    u = m.add(x, m.k(1.0))
    c = m.sub(x, m.sub(u, m.k(1.0)))
    c = m.select(m.lt(m.abs(x), m.k(2.0**52 if m.double else 2.0**23)), m.div(c, u), m.k(0.0))
    k, f = _split(m, u) if m.split(u) is None else split_any(m, u)
    y = _log_tail(m, k, f, c)
    y = log_special(m, u, y) if m.split(u) is None else m.select(m.eq(u, m.k(0.0)), m.k(-math.inf), y)
    return m.select(m.eq(x, m.k(0.0)), x, y)


def tanh(m, x):
    """Hyperbolic tangent."""
    limit = m.k(20.0 if m.double else 10.0)
    a = m.abs(x)
    a = m.select(m.gt(a, limit), limit, a)
    t, r = reduce_exp(m, m.mul(a, m.k(2.0)))
    scale = power_of_two(m, m.isub(t, m.ik(whole_shift(m)[1])))
    e = m.fma(exp_minus_1(m, r), scale, m.sub(scale, m.k(1.0)))
    return m.copysign(m.div(e, m.add(e, m.k(2.0))), x)


def sigmoid(m, x):
    """1 / (1 + e**-x)."""
    e = exp(m, m.neg(m.abs(x)))
    top = m.select(m.lt(x, m.k(0.0)), e, m.k(1.0))
    return m.div(top, m.add(m.k(1.0), e))


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


def exp2(m, x):
    """2**x, exact for whole numbers."""
    limit = 1100.0 if m.double else 160.0
    x = m.select(m.gt(x, m.k(limit)), m.k(limit), x)
    x = m.select(m.lt(x, m.k(-limit)), m.k(-limit), x)
    magic, _ = whole_shift(m)
    t = m.add(x, m.k(magic))
    r = m.sub(x, m.sub(t, m.k(magic)))
    hi, lo = LN2[m.width]
    z = m.mul(r, m.k(hi))
    low = m.fma(r, m.k(lo), m.fma(r, m.k(hi), m.neg(z)))
    a, b = scaled_by(m, m.bits(t))
    return m.mul(m.fma(m.add(exp_minus_1(m, z), low), a, a), b)


def _half_exp(m, x):
    """e**x / 2, which overflows later than e**x; and e**x - 1 where that is small."""
    t, r = reduce_exp(m, clamp(m, x))
    p = exp_minus_1(m, r)
    a, b = scaled_by(m, m.isub(t, m.ik(1)))
    scale = m.mul(m.mul(a, m.k(2.0)), b)
    return m.mul(m.fma(p, a, a), b), m.fma(p, scale, m.sub(scale, m.k(1.0)))


def cosh(m, x):
    """Hyperbolic cosine."""
    h, _ = _half_exp(m, m.abs(x))
    return m.add(h, m.div(m.k(0.25), h))


def sinh(m, x):
    """Hyperbolic sine: by e**x - 1 where e**-x counts."""
    a = m.abs(x)
    h, t = _half_exp(m, a)
    small = m.lt(a, m.k(1.0))
    rest = m.div(m.select(small, t, m.k(0.25)), m.select(small, m.add(t, m.k(1.0)), h))
    y = m.select(small, m.mul(m.k(0.5), m.add(t, rest)), m.sub(h, rest))
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

"""Elementary functions as straight-line arithmetic, so that loops of them vectorise.

Each function is written once, over an arithmetic `m` that knows the float type (`m.double`) and offers: `k` (constant), `add`, `sub`,
`mul`, `div`, `neg`, `fma` (one rounding), `abs`, `copysign`, `lt gt eq ne`, `select`, and on the bits of a number `bits`, `number`, `iadd`,
`isub`, `iand`, `ixor`, `shl`, `ashr`, `lshr`, `to_float`, `ik` (integer constant). A generator supplies `m`; here stands the one that
prints Python for Numba. No operation may be reordered: several steps are exact on purpose.

Methods: Muller, Elementary Functions, 3rd ed. (Birkhauser 2016), chapters 4 and 11; Tang, ACM TOMS 15 (1989) 144 for exp;
Fdlibm's log core (s = f / (2 + f)). Largest errors found against mpmath, float64: exp 1.1 ULP, log 0.9, log1p 0.9, expm1 2.4,
tanh 2.4, sigmoid 2.5, sin and cos 1.5 (|x| <= BEYOND), erf 2.7; the tests hold them below these, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from codegen.coefficients import COS, ERF, EXPM1, HALF_PI, LOG, LOG_ERFC, SIN

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


functions: dict[str, Callable] = {"exp": exp, "expm1": expm1, "log": log, "log2": log2, "log1p": log1p, "tanh": tanh,
                                  "sigmoid": sigmoid, "sin": sin, "cos": cos, "erf": erf}


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
              "to_float"):
    setattr(_PythonArithmetic, _name, _called(_name))


def python_source(name: str, width: int) -> str:
    """One function as Python source for numba.njit."""
    m = _PythonArithmetic(width)
    result = functions[name](m, "x")
    return "\n".join([f"def {name}{width}(x):", f'    """{functions[name].__doc__}"""', *m.lines, f"    return {result}", ""])

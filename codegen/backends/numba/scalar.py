"""The scalar functions of the loop language for Numba: each a small `njit` function that LLVM inlines.

Imported only when a kernel is compiled. NaN rules are NumPy's: `maximum` passes a nan on, `fmax` passes it over.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from codegen.backends.numba import intrinsics as intrinsics_numba
from codegen.elementary import functions as vecmath

__all__ = ["helpers"]

_inline = njit(nogil=True, error_model="numpy", forceinline=True)
_reassociate = njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})


@_reassociate
def accumulate(total, x):
    """total + x, in any order: lets LLVM keep partial sums in vector lanes. No other operation is reordered."""
    return total + x


@_inline
def fmax(a, b):
    return a if a >= b or b != b else b


@_inline
def fmin(a, b):
    return a if a <= b or b != b else b


@_inline
def maximum_int(a, b):
    return a if a >= b else b


@_inline
def minimum_int(a, b):
    return a if a <= b else b


fmax_int, fmin_int = maximum_int, minimum_int


@_inline
def abs_int(x):
    return x if x >= 0 else -x


@_inline
def sign_int(x):
    return (1 if x > 0 else 0) - (1 if x < 0 else 0)


@_inline
def floordiv_int(a, b):
    return a // b if b != 0 else 0 * a


@_inline
def mod_int(a, b):
    return a % b if b != 0 else 0 * a


@_inline
def pow_int(a, b):
    result = a * 0 + 1
    while b > 0:
        if b & 1:
            result *= a
        a *= a
        b >>= 1
    return result


@_inline
def mod(a, b):
    """Remainder with the sign of b, as NumPy's (npymath's divmod)."""
    m = np.fmod(a, b)
    if m != 0:
        return m + b if (b < 0) != (m < 0) else m
    return math.copysign(m, b) if b != 0 else m


@_inline
def fmod(a, b):
    return np.fmod(a, b)


@_inline
def floordiv(a, b):
    """Floor of a / b, as NumPy's (npymath's divmod): right where a / b would round up to the next whole number."""
    if b == 0:
        return a / b
    m = np.fmod(a, b)
    d = (a - m) / b
    if m != 0 and (b < 0) != (m < 0):
        d -= 1
    if d == 0:
        return math.copysign(d, a / b)
    f = np.floor(d)
    return f + 1 if d - f > 0.5 else f


@_inline
def lcm(a, b):
    return np.lcm(a, b)


@_inline
def gcd(a, b):
    return np.gcd(a, b)


@njit(nogil=True)
def grow(tape):
    """A tape of twice the length with the same contents."""
    wider = np.empty((2 * tape.shape[0],) + tape.shape[1:], tape.dtype)
    wider[:tape.shape[0]] = tape
    return wider


@njit(nogil=True)
def gemm(a, b, out):
    """out = a @ b by BLAS."""
    np.dot(a, b, out)


@njit(nogil=True)
def gemm_add(a, b, out):
    """out += a @ b."""
    out += np.dot(a, b)


@_inline
def beyond(x):
    """1 if a finite angle is too large for the fast sine."""
    return 1 if 1e12 < abs(x) < np.inf else 0


@_inline
def beyond32(x):
    """1 if a finite angle is too large for the fast sine in float32."""
    return 1 if np.float32(1e4) < abs(x) < np.float32(np.inf) else 0


def _vectorisable(name: str, width: int):
    """An elementary function from its straight-line source."""
    space = {**intrinsics_numba.space, "nan": np.nan, "inf": np.inf, "f32": np.float32, "i32": np.int32}
    exec(compile(vecmath.python_source(name, width), f"<autodiff {name}{width}>", "exec"), space)
    return _inline(space[f"{name}{width}"])


@_inline
def erfc(x):
    return math.erfc(x)


@_inline
def lgamma(x):
    return math.lgamma(x)


helpers = {
    **{name: intrinsics_numba.space[name] for name in ("select", "wide_vectors", "maximum", "minimum")},
    "accumulate": accumulate, "fmax": fmax, "fmin": fmin, "maximum_int": maximum_int,
    "minimum_int": minimum_int, "fmax_int": fmax_int, "fmin_int": fmin_int, "abs_int": abs_int, "sign_int": sign_int,
    "floordiv_int": floordiv_int, "mod_int": mod_int, "pow_int": pow_int, "sign": np.sign, "mod": mod, "fmod": fmod,
    "floordiv": floordiv, "lcm": lcm, "gcd": gcd, "grow": grow, "gemm": gemm, "gemm_add": gemm_add, "erfc": erfc,
    "lgamma": lgamma, "abs": np.abs, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "rint": np.rint, "sqrt": np.sqrt,
    "copysign": np.copysign, "exact_sin": np.sin, "exact_cos": np.cos, "exact_tan": np.tan, "exact_sin32": np.sin,
    "exact_cos32": np.cos, "exact_tan32": np.tan,  "beyond": beyond, "beyond32": beyond32,
    **{name: _vectorisable(name, 64) for name in vecmath.functions},
    **{f"{name}32": _vectorisable(name, 32) for name in vecmath.functions},
}

"""Elementary functions as straight-line arithmetic, so that loops of them vectorise.

Each function is written once, over an arithmetic `m` that knows the float type (`m.double`) and offers: `k` (constant), `add`, `sub`,
`mul`, `div`, `neg`, `fma` (one rounding), `abs`, `copysign`, `sqrt`,
`lt gt eq ne`, `select`, and on the bits of a number `bits`, `number`, `iadd`,
`isub`, `iand`, `ixor`, `shl`, `ashr`, `lshr`, `to_float`, `ik` (integer constant); and `split`, the exponent and the mantissa of a
number where the processor has instructions for them, else None. A generator supplies `m`; here stands the one that
prints Python for Numba. No operation may be reordered: several steps are exact on purpose.

Methods: Muller, Elementary Functions, 3rd ed. (Birkhauser 2016), chapters 4 and 11; Tang, ACM TOMS 15 (1989) 144 for exp;
Fdlibm's log core (s = f / (2 + f)). Largest errors found against mpmath, float64: exp 1.1 ULP, log 0.9, log1p 0.9, expm1 2.4,
tanh 2.4, sigmoid 2.5, sin and cos 1.5 (|x| <= BEYOND), erf 2.7, exp2 1.0, log10 0.6, sinh 1.9, cosh 1.3, asinh 1.4, acosh 2.5, atanh
1.3, tan 2.3, atan 1.2, atan2 1.7, asin 1.6, acos 1.1, pow 1.3, cbrt 0.5, hypot 0.9; the tests hold them below these, rounded up.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

from codegen.elementary.exponentials import acosh, asinh, atanh, cosh, erf, exp, exp2, expm1, log, log1p, log2, sigmoid, sinh, tanh  # noqa: A004
from codegen.elementary.powers import cbrt, hypot, log10, pow  # noqa: A004
from codegen.elementary.trigonometry import acos, asin, atan, atan2, cos, sin, tan  # noqa: A004

__all__ = ["functions", "python_source", "BEYOND"]

BEYOND = {64: 1e12, 32: 1e4}
"""Largest |x| for which the three-part reduction of sin and cos holds its error bound; kernels are run again with the C library's
functions where a finite argument exceeds it."""

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

    def split(self, x) -> None:
        return None



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

"""The scalar functions of the loop language as LLVM instructions, on numbers and on vectors alike.

NaN rules are NumPy's: `maximum` passes a nan on, `fmax` passes it over. Integer division by zero gives 0, as NumPy's does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from codegen.backends.llvm.division import divide
from codegen.backends.llvm.made import NotKnown
from codegen.backends.llvm.writer import SIZES, Value, Writer, llvm_type
from codegen.elementary import functions as elementary

__all__ = ["apply", "cast", "combine", "neutral", "horizontal", "HELPERS"]


class Arithmetic:
    """The arithmetic in which `codegen/elementary/functions.py` writes the elementary functions; see there."""

    def __init__(self, w: Writer, kind: str):
        self.w = w
        self.kind = kind
        self.double = kind == "double"
        self.width = 64 if self.double else 32
        self.ints = "i64" if self.double else "i32"

    def k(self, v: float) -> Value:
        return self.w.constant(v, self.kind)

    def ik(self, v: int) -> Value:
        return self.w.constant(v, self.ints)

    def neg(self, a):
        return self.w.pure(f"fneg {a}", a.kind, a.lanes, a)

    def fma(self, a, b, c):
        return self.w.fma(a, b, c)

    def split(self, x):
        return self.w.split(x)

    def select(self, test, yes, no):
        return self.w.select(test, yes, no)

    def bits(self, a):
        return self.w.convert("bitcast", a, self.ints)

    def number(self, a):
        return self.w.convert("bitcast", a, self.kind)

    def to_float(self, a):
        return self.w.convert("sitofp", a, self.kind)


def _arithmetic_binary(op):
    return lambda self, a, b: self.w.binary(op, a, b)


def _arithmetic_compare(op):
    return lambda self, a, b: self.w.compare(op, a, b)


def _arithmetic_shift(op):
    return lambda self, a, n: self.w.binary(op, a, self.w.constant(n, self.ints))


def _arithmetic_intrinsic(name):
    return lambda self, *xs: self.w.intrinsic(name, *xs)


for _name, _op in {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "iadd": "add", "isub": "sub", "iand": "and", "ior": "or",
                   "ixor": "xor", "land": "and", "lor": "or"}.items():
    setattr(Arithmetic, _name, _arithmetic_binary(_op))
for _name, _op in {"lt": "fcmp olt", "gt": "fcmp ogt", "eq": "fcmp oeq", "ne": "fcmp une", "le": "fcmp ole", "ge": "fcmp oge",
                   "ine": "icmp ne"}.items():
    setattr(Arithmetic, _name, _arithmetic_compare(_op))
for _name, _op in {"shl": "shl", "ashr": "ashr", "lshr": "lshr"}.items():
    setattr(Arithmetic, _name, _arithmetic_shift(_op))
for _name, _op in {"abs": "fabs", "copysign": "copysign", "sqrt": "sqrt", "floor": "floor", "rint": "rint"}.items():
    setattr(Arithmetic, _name, _arithmetic_intrinsic(_op))


WATCHED = {"sin": "sin", "cos": "cos", "tan": "tan"}
"""Angles beyond `elementary.BEYOND` take the C library's function, lane by lane, in a branch that is hardly ever taken."""

_FLOAT_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_INT_BINARY = {"add": "add", "sub": "sub", "mul": "mul", "bitand": "and", "bitor": "or", "bitxor": "xor"}
_BOOL_BINARY = {"add": "or", "mul": "and", "bitand": "and", "bitor": "or", "bitxor": "xor", "and": "and", "or": "or", "maximum": "or",
                "minimum": "and", "fmax": "or", "fmin": "and"}
_FLOAT_COMPARE = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_INT_COMPARE = {"lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge", "eq": "eq", "ne": "ne"}
_INTRINSICS = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "copysign": "copysign",
               "maximum": "maximum", "minimum": "minimum"}
_LIBRARY = {"exp2", "log10", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "atan2", "hypot", "cbrt", "pow",
            "erfc", "lgamma", "fmod", "erf", "exp", "expm1", "log", "log2", "log1p", "tanh", "sin", "cos"}
_LIBRARY_NAMES = {"lgamma": "lgamma", "fmod": "fmod"}


def library_name(fn: str, kind: str) -> str:
    """The C library's name of a function."""
    return fn if kind == "double" else fn + "f"


def apply(w: Writer, fn: str, dtype: np.dtype, args: list[Value]) -> Value:
    """A function of the loop language on operands of one dtype."""
    if dtype.kind == "f":
        return _float(w, fn, args)
    if dtype.kind == "b":
        return _bool(w, fn, args)
    if dtype.kind in "iu":
        return _int(w, fn, args, dtype.kind == "i")
    raise NotKnown(f"{fn} of {dtype}")


def _float(w: Writer, fn: str, xs: list[Value]) -> Value:
    kind = xs[0].kind
    if fn in _FLOAT_BINARY:
        return w.binary(_FLOAT_BINARY[fn], *xs)
    if fn in _FLOAT_COMPARE:
        return w.compare(f"fcmp {_FLOAT_COMPARE[fn]}", *xs)
    if fn == "neg":
        return w.pure(f"fneg {xs[0]}", kind, xs[0].lanes, xs[0])
    if fn in _INTRINSICS:
        return w.intrinsic(_INTRINSICS[fn], *xs)
    if fn in _FLOAT_RULES:
        return _FLOAT_RULES[fn](w, *xs)
    if fn in elementary.NEED_FMA and not w.fma_exact or fn in _LIBRARY and fn not in elementary.functions:
        return w.lanewise(library_name(fn, kind), *xs)
    if fn in elementary.functions:
        m: Any = Arithmetic(w, kind)
        return _watched(w, fn, xs[0], m) if fn in WATCHED else elementary.functions[fn](m, *xs)
    raise NotKnown(f"{fn} of floats")


def _float_fmax(w: Writer, a: Value, b: Value, comparison: str = "fcmp oge") -> Value:
    """The larger one, and the number where the other one is nan."""
    wins = w.compare(comparison, a, b)
    wins = w.binary("or", wins, w.compare("fcmp uno", b, b))
    return w.select(wins, a, b)


def _float_fmin(w: Writer, a: Value, b: Value) -> Value:
    """The smaller one, and the number where the other one is nan."""
    return _float_fmax(w, a, b, "fcmp ole")


def _float_sign(w: Writer, x: Value) -> Value:
    """-1, 0 or 1; nan of nan."""
    zero, one = w.constant(0.0, x.kind), w.constant(1.0, x.kind)
    y = w.select(w.compare("fcmp ogt", x, zero), one, w.select(w.compare("fcmp olt", x, zero), w.constant(-1.0, x.kind), zero))
    return w.select(w.compare("fcmp uno", x, x), x, y)


def _watched(w: Writer, fn: str, x: Value, m: Arithmetic) -> Value:
    key = ("watched", fn, x.text)
    for frame in w.frames[x.level:]:
        if key in frame.known:
            return frame.known[key]
    fast = elementary.functions[fn](m, x)  # type: ignore[arg-type]
    huge = w.compare("fcmp ogt", m.abs(x), m.k(elementary.BEYOND[m.width]))  # type: ignore[attr-defined]
    if x.lanes:
        huge = w.compare("icmp ne", w.pure(f"bitcast {huge} to i{x.lanes}", f"i{x.lanes}", 0, huge), w.constant(0, f"i{x.lanes}"))
    y = w.unlikely(huge, fast, lambda: w.lanewise(library_name(WATCHED[fn], m.kind), x))
    w.frame.known[key] = y
    return y


def _float_mod(w: Writer, a: Value, b: Value) -> Value:
    """Remainder with the sign of b, as NumPy's (npymath's divmod)."""
    zero = w.constant(0.0, a.kind)
    m = w.lanewise(library_name("fmod", a.kind), a, b)
    other_side = w.compare("icmp ne", w.compare("fcmp olt", b, zero), w.compare("fcmp olt", m, zero))
    moved = w.select(other_side, w.binary("fadd", m, b), m)
    at_zero = w.select(w.compare("fcmp une", b, zero), w.intrinsic("copysign", m, b), m)
    return w.select(w.compare("fcmp une", m, zero), moved, at_zero)


def _float_floordiv(w: Writer, a: Value, b: Value) -> Value:
    """Floor of a / b, as NumPy's (npymath's divmod): right where a / b would round up to the next whole number."""
    zero, one = w.constant(0.0, a.kind), w.constant(1.0, a.kind)
    m = w.lanewise(library_name("fmod", a.kind), a, b)
    quotient = w.binary("fdiv", a, b)
    d = w.binary("fdiv", w.binary("fsub", a, m), b)
    other_side = w.compare("icmp ne", w.compare("fcmp olt", b, zero), w.compare("fcmp olt", m, zero))
    d = w.select(w.binary("and", w.compare("fcmp une", m, zero), other_side), w.binary("fsub", d, one), d)
    f = w.intrinsic("floor", d)
    f = w.select(w.compare("fcmp ogt", w.binary("fsub", d, f), w.constant(0.5, a.kind)), w.binary("fadd", f, one), f)
    f = w.select(w.compare("fcmp oeq", d, zero), w.intrinsic("copysign", d, quotient), f)
    return w.select(w.compare("fcmp oeq", b, zero), quotient, f)


_FLOAT_RULES: dict[str, Callable[..., Value]] = {"fmax": _float_fmax, "fmin": _float_fmin, "sign": _float_sign, "mod": _float_mod,
                                                 "floordiv": _float_floordiv}


def _bool(w: Writer, fn: str, xs: list[Value]) -> Value:
    if fn in _BOOL_BINARY:
        return w.binary(_BOOL_BINARY[fn], *xs)
    if fn in ("not", "invert"):
        return w.binary("xor", xs[0], w.constant(True, "i1"))
    if fn in _INT_COMPARE:
        return w.compare(f"icmp {_INT_COMPARE[fn].replace('s', 'u', 1)}", *xs)
    if fn == "abs":
        return xs[0]
    raise NotKnown(f"{fn} of booleans")


def _int(w: Writer, fn: str, xs: list[Value], signed: bool) -> Value:
    x = xs[0]
    kind = x.kind
    s = "s" if signed else "u"
    if fn in _INT_BINARY:
        return w.binary(_INT_BINARY[fn], *xs)
    if fn in _INT_COMPARE:
        op = _INT_COMPARE[fn]
        return w.compare(f"icmp {op if op in ('eq', 'ne') else s + op[1:]}", *xs)
    if fn in ("maximum", "minimum", "fmax", "fmin"):
        return w.intrinsic(s + ("max" if fn in ("maximum", "fmax") else "min"), *xs)
    if len(xs) == 1:
        return _int_of_one(w, fn, x, signed)
    if fn in ("shl", "shr"):
        return _shift(w, fn, *xs, signed=signed)
    if fn in ("floordiv", "mod", "fmod", "div"):
        return divide(w, fn, *xs, signed=signed)
    if fn in ("pow", "gcd", "lcm"):
        name = f"ad_{fn}_{s}{SIZES[kind] * 8}"
        return w.lanewise(name, *xs)
    raise NotKnown(f"{fn} of integers")


def _int_of_one(w: Writer, fn: str, x: Value, signed: bool) -> Value:
    zero, one = w.constant(0, x.kind), w.constant(1, x.kind)
    if fn == "neg":
        return w.binary("sub", zero, x)
    if fn == "invert":
        return w.binary("xor", x, w.constant(-1, x.kind))
    if fn == "abs":
        return w.select(w.compare("icmp slt", x, zero), w.binary("sub", zero, x), x) if signed else x
    if fn == "sign":
        low = w.select(w.compare("icmp slt", x, zero), w.constant(-1, x.kind), zero) if signed else zero
        return w.select(w.compare(f"icmp {'s' if signed else 'u'}gt", x, zero), one, low)
    raise NotKnown(f"{fn} of an integer")


def _shift(w: Writer, fn: str, a: Value, n: Value, *, signed: bool) -> Value:
    """Shifts by the width and more give what is left of the number: nothing, or its sign."""
    bits = SIZES[a.kind] * 8
    inside = w.compare("icmp ult", n, w.constant(bits, a.kind))
    if fn == "shl":
        return w.select(inside, w.binary("shl", a, w.select(inside, n, w.constant(0, a.kind))), w.constant(0, a.kind))
    if signed:
        return w.binary("ashr", a, w.select(inside, n, w.constant(bits - 1, a.kind)))
    return w.select(inside, w.binary("lshr", a, w.select(inside, n, w.constant(0, a.kind))), w.constant(0, a.kind))


def cast(w: Writer, x: Value, old: np.dtype, new: np.dtype) -> Value:
    """Conversion, as C's; floats beyond an integer type give the x86 conversion's value, as in NumPy."""
    to, a, b = llvm_type(new), old.kind, new.kind
    if old == new or x.kind == to and a in "iu" and b in "iu":
        return x
    if b == "b":
        if a == "f":
            return w.compare("fcmp une", x, w.constant(0.0, x.kind))
        return w.compare("icmp ne", x, w.constant(0, x.kind))
    if a == "b":
        return w.convert("uitofp" if b == "f" else "zext", x, to)
    if a == "f" and b == "f":
        return w.convert("fpext" if new.itemsize > old.itemsize else "fptrunc", x, to)
    if a == "f":
        return w.convert("fptosi" if b == "i" else "fptoui", x, to)
    if b == "f":
        return w.convert("sitofp" if a == "i" else "uitofp", x, to)
    if new.itemsize < old.itemsize:
        return w.convert("trunc", x, to)
    return w.convert("sext" if a == "i" else "zext", x, to)


def combine(w: Writer, how: str, dtype: np.dtype, a: Value, b: Value) -> Value:
    """One step of a reduction, from what there is and what comes.

    Of zeros of both signs a maximum takes any, as NumPy's does: `llvm.maximum`, which orders them, is twice as many instructions.
    """
    if dtype.kind == "f" and how in ("maximum", "minimum"):
        best = w.select(w.compare(f"fcmp {'ogt' if how == 'maximum' else 'olt'}", b, a), b, a)
        return w.select(w.compare("fcmp uno", b, b), b, best)
    return apply(w, how, dtype, [a, b])


def neutral(how: str, dtype: np.dtype) -> Any:
    """What combines to nothing, exactly: -0.0 for sums."""
    if how == "add":
        return -0.0 if dtype.kind == "f" else 0
    if how == "mul":
        return 1
    if how in ("and", "or"):
        return how == "and"
    if dtype.kind == "b":
        return how == "minimum"
    if dtype.kind == "f":
        return -math.inf if how == "maximum" else math.inf
    return np.iinfo(dtype).min if how == "maximum" else np.iinfo(dtype).max


_HORIZONTAL: dict[tuple[str, str], str] = {
    ("f", "add"): "fadd", ("f", "mul"): "fmul", ("f", "maximum"): "fmaximum", ("f", "minimum"): "fminimum",
    ("i", "add"): "add", ("i", "mul"): "mul", ("i", "maximum"): "smax", ("i", "minimum"): "smin",
    ("u", "add"): "add", ("u", "mul"): "mul", ("u", "maximum"): "umax", ("u", "minimum"): "umin",
    ("b", "add"): "or", ("b", "mul"): "and", ("b", "maximum"): "or", ("b", "minimum"): "and", ("b", "and"): "and", ("b", "or"): "or"}


def horizontal(w: Writer, how: str, dtype: np.dtype, x: Value) -> Value:
    """The lanes of a vector combined to one number, in any order."""
    name = _HORIZONTAL[dtype.kind, how]
    suffix = f"v{x.lanes}{ {'double': 'f64', 'float': 'f32'}.get(x.kind, x.kind)}"
    full = f"@llvm.vector.reduce.{name}.{suffix}"
    if name in ("fadd", "fmul"):
        start = w.constant(-0.0 if name == "fadd" else 1.0, x.kind)
        w.declarations.add(f"declare {x.kind} {full}({x.kind}, {x.type})")
        return w.pure(f"call reassoc {x.kind} {full}({start}, {x})", x.kind, 0, x)
    w.declarations.add(f"declare {x.kind} {full}({x.type})")
    return w.pure(f"call {x.kind} {full}({x})", x.kind, 0, x)


def _pow_helper(t: str) -> str:
    return f"""define internal {t} @ad_pow_NAME({t} %a, {t} %b) {{
entry:
  br label %top
top:
  %r = phi {t} [1, %entry], [%r2, %step]
  %x = phi {t} [%a, %entry], [%x2, %step]
  %n = phi {t} [%b, %entry], [%n2, %step]
  %more = icmp MORE {t} %n, 0
  br i1 %more, label %step, label %leave
step:
  %bit = trunc {t} %n to i1
  %rx = mul {t} %r, %x
  %r2 = select i1 %bit, {t} %rx, {t} %r
  %x2 = mul {t} %x, %x
  %n2 = lshr {t} %n, 1
  br label %top
leave:
  ret {t} %r
}}"""


def _gcd_helper(t: str) -> str:
    return f"""define internal {t} @ad_gcd_NAME({t} %a, {t} %b) {{
entry:
  br label %top
top:
  %x = phi {t} [%a, %entry], [%y, %step]
  %y = phi {t} [%b, %entry], [%r, %step]
  %some = icmp ne {t} %y, 0
  br i1 %some, label %step, label %leave
step:
  %flip = icmp eq {t} %y, -1
  %d = select i1 %flip, {t} 1, {t} %y
  %r = REM {t} %x, %d
  br label %top
leave:
  %m = sub {t} 0, %x
  %low = icmp LOW {t} %x, 0
  %g = select i1 %low, {t} %m, {t} %x
  ret {t} %g
}}"""


def _lcm_helper(t: str) -> str:
    return f"""define internal {t} @ad_lcm_NAME({t} %a, {t} %b) {{
entry:
  %g = call {t} @ad_gcd_NAME({t} %a, {t} %b)
  %none = icmp eq {t} %g, 0
  %d = select i1 %none, {t} 1, {t} %g
  %q = DIV {t} %a, %d
  %p = mul {t} %q, %b
  %m = sub {t} 0, %p
  %low = icmp LOW {t} %p, 0
  %y = select i1 %low, {t} %m, {t} %p
  ret {t} %y
}}"""


def _helpers() -> dict[str, tuple[str, list[str]]]:
    out = {}
    for signed in (True, False):
        for bits in (8, 16, 32, 64):
            name = f"{'s' if signed else 'u'}{bits}"
            words = {"NAME": name, "MORE": "sgt" if signed else "ne", "REM": "srem" if signed else "urem",
                     "DIV": "sdiv" if signed else "udiv", "LOW": "slt" if signed else "ult"}
            made: dict[str, tuple[Callable[[str], str], list[str]]] = {"pow": (_pow_helper, []), "gcd": (_gcd_helper, []),
                                                                       "lcm": (_lcm_helper, [f"ad_gcd_{name}"])}
            for fn, (write, needs) in made.items():
                text = write(f"i{bits}")
                for word, value in words.items():
                    text = text.replace(word, value)
                out[f"ad_{fn}_{name}"] = (text, needs)
    return out


HELPERS = _helpers()
"""Functions of whole numbers that a module defines where it uses them: text, and the others they need."""

"""Elementwise ops: one scalar function on every element.

Derivatives are those of Abramowitz and Stegun, Handbook of Mathematical Functions, chapter 4, unless a docstring
says otherwise. At kinks the documented choice is the mean of both sides where
NumPy users expect it (`abs`: 0; `maximum` of equal values: half each), as in JAX and HIPS autograd.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tracer.op import Elementwise, Linear, Op, ops, register, sum_tangents, type_of
from tracer.trace import bind, full
from tracer.types import ArrayType, is_inexact

LN2 = math.log(2.0)
LN10 = math.log(10.0)


def like(x, value):
    """An array of the type of `x` filled with `value`."""
    t = type_of(x)
    return full(t.shape, value, t.dtype)


# -- linear ---------------------------------------------------------------------------------------

@register
class Add(Linear, Elementwise):
    """y = a + b."""
    light = True
    reference = np.add
    code = "add"
    dtypes = "fdi?"

    def transpose(self, ct, a, b):
        return ct, ct


@register
class Sub(Linear, Elementwise):
    """y = a - b."""
    light = True
    reference = np.subtract
    code = "sub"
    dtypes = "fdi"

    def transpose(self, ct, a, b):
        return ct, -ct


@register
class Neg(Linear, Elementwise):
    """y = -x."""
    light = True
    reference = np.negative
    code = "neg"
    dtypes = "fdi"

    def transpose(self, ct, x):
        return (-ct,)


@register
class Mul(Elementwise):
    """y = a b."""
    light = True
    reference = np.multiply
    code = "mul"
    dtypes = "fdi?"

    def partials(self, y, a, b):
        return b, a

    def transpose(self, ct, a, b):
        return linear_in_one(self, ct, a, b, lambda b: ct * b, lambda a: ct * a)


@register
class ZeroProduct(Elementwise):
    """y = a b, and 0 where a or b is 0, even if the other one is infinite or nan.

    It multiplies tangents by derivatives that are infinite where an argument stands still: the 0 is that of the function.
    """
    light = True

    def reference(self, a, b):
        with np.errstate(invalid="ignore"):
            return np.where(np.equal(a, 0) | np.equal(b, 0), np.zeros_like(a), np.multiply(a, b))[()]

    def scalar(self, k, a, b):
        zero = k.const(0, a.dtype)
        return k.select(k.apply("eq", a, zero), zero, k.select(k.apply("eq", b, zero), zero, k.apply("mul", a, b)))

    def jvp(self, xs, dxs):
        (a, b), (da, db) = xs, dxs
        return self(a, b), sum_tangents(([] if da is None else [self(da, b)]) + ([] if db is None else [self(a, db)]))

    def transpose(self, ct, a, b):
        return linear_in_one(self, ct, a, b, lambda b: self(ct, b), lambda a: self(a, ct))


@register
class Div(Elementwise):
    """y = a / b."""
    reference = np.divide
    code = "div"
    domain = ((-2.0, 2.0), (0.5, 2.0))

    def partials(self, y, a, b):
        return like(b, 1) / b, -y / b

    def jvp(self, xs, dxs):
        # In the direction of `a` it is linear: da / b is one division, and stays one through transposition.
        (a, b), (da, db) = xs, dxs
        y = self(a, b)
        if db is None:
            return y, None if da is None else div(da, b)
        top = -y * db if da is None else da - y * db
        return y, div(top, b)

    def transpose(self, ct, a, b):
        return div(ct, b), None


def linear_in_one(op: Op, ct, a, b, left, right):
    """Cotangents of a product-like op, in which exactly one factor is unknown."""
    from tracer.op import Unknown
    if isinstance(a, Unknown) and isinstance(b, Unknown):
        raise op._missing("transpose", "(self, ct, *xs, **params)", "transpose in both factors at once: it is not linear in them")
    if isinstance(a, Unknown):
        return left(b), None
    return None, right(a)


@register
class Positive(Linear, Elementwise):
    """y = x."""
    light = True
    reference = np.positive
    dtypes = "fdi"

    def scalar(self, k, x):
        return x

    def transpose(self, ct, x):
        return (ct,)


@register
class Cast(Op):
    """y = x converted to `dtype`, as `astype`."""

    light = True

    def infer(self, x, *, dtype):
        return x.with_dtype(dtype)

    def reference(self, x, *, dtype):
        with np.errstate(invalid="ignore"):
            return np.asarray(x).astype(dtype)[()]

    def jvp(self, xs, dxs, *, dtype):
        y = self(*xs, dtype=dtype)
        return y, self(*dxs, dtype=dtype) if is_inexact(np.dtype(dtype)) else None

    def transpose(self, ct, x, *, dtype):
        return (bind(self, ct, dtype=x.type.dtype),)

    def lower(self, k, inputs, outputs, *, dtype):
        with k.nest(outputs[0].shape) as index:
            k.store(outputs[0], index, k.cast(k.load(inputs[0], index), dtype))

    def scalar(self, k, x, *, dtype):
        return k.cast(x, dtype)


@register
class StopGradient(Elementwise):
    """y = x, with derivative zero."""
    light = True
    dtypes = "fdi"
    differentiable = False

    def reference(self, x):
        return np.asarray(x)[()]

    def scalar(self, k, x):
        return x


# -- selection and comparison ---------------------------------------------------------------------

@register
class Select(Op):
    """y = a where c, else b."""

    def infer(self, c: ArrayType, a: ArrayType, b: ArrayType):
        if not (c.shape == a.shape == b.shape) or a.dtype != b.dtype or c.dtype.kind != "b":
            raise TypeError(f"select({c}, {a}, {b})")
        return a

    def reference(self, c, a, b):
        return np.where(c, a, b)[()]

    def jvp(self, xs, dxs):
        c, a, b = xs
        _, da, db = dxs
        if da is None and db is None:
            return self(*xs), None
        return self(*xs), self(c, like(a, 0) if da is None else da, like(b, 0) if db is None else db)

    def transpose(self, ct, c, a, b):
        from tracer.op import Unknown
        zero = like(ct, 0)
        return (None, select(c, ct, zero) if isinstance(a, Unknown) else None,
                select(c, zero, ct) if isinstance(b, Unknown) else None)

    def scalar(self, k, c, a, b):
        return k.select(c, a, b)

    lower = Elementwise.lower


class Comparison(Elementwise):
    """A truth value; no derivative."""
    result = "bool"
    differentiable = False
    dtypes = "fdi?"


def _comparison(name, ufunc, code, doc):
    return register(type(name, (Comparison,), {"reference": ufunc, "code": code, "compares": True, "__doc__": doc,
                                               "__module__": __name__}))


eq = _comparison("Eq", np.equal, "eq", "y = a == b.")
ne = _comparison("Ne", np.not_equal, "ne", "y = a != b.")
lt = _comparison("Lt", np.less, "lt", "y = a < b.")
le = _comparison("Le", np.less_equal, "le", "y = a <= b.")
gt = _comparison("Gt", np.greater, "gt", "y = a > b.")
ge = _comparison("Ge", np.greater_equal, "ge", "y = a >= b.")


def _logic(name, ufunc, doc, body, dtypes="fdi?"):
    return register(type(name, (Comparison,), {"reference": ufunc, "scalar": body, "__doc__": doc, "dtypes": dtypes,
                                               "__module__": __name__}))


logical_and = _logic("LogicalAnd", np.logical_and, "y = a and b.", lambda self, k, a, b: k.apply("and", k.truth(a), k.truth(b)))
logical_or = _logic("LogicalOr", np.logical_or, "y = a or b.", lambda self, k, a, b: k.apply("or", k.truth(a), k.truth(b)))
logical_xor = _logic("LogicalXor", np.logical_xor, "y = a xor b.", lambda self, k, a, b: k.apply("ne", k.truth(a), k.truth(b)))
logical_not = _logic("LogicalNot", np.logical_not, "y = not x.", lambda self, k, x: k.apply("not", k.truth(x)))
isnan = _logic("Isnan", np.isnan, "y = x is nan.", lambda self, k, x: k.apply("ne", x, x), "fd")
isinf = _logic("Isinf", np.isinf, "y = x is +inf or -inf.",
               lambda self, k, x: k.apply("eq", k.apply("abs", x), k.const(math.inf, x.dtype)), "fd")
isfinite = _logic("Isfinite", np.isfinite, "y = x is neither infinite nor nan.",
                  lambda self, k, x: k.apply("lt", k.apply("abs", x), k.const(math.inf, x.dtype)), "fd")
signbit = _logic("Signbit", np.signbit, "y = the sign bit of x is set.",
                 lambda self, k, x: k.apply("lt", k.apply("copysign", k.const(1, x.dtype), x), k.const(0, x.dtype)), "fd")


class Integral(Elementwise):
    """Bits and whole numbers; no derivative."""
    dtypes = "i"
    domain = (-40, 40)
    differentiable = False


def _integral(name, ufunc, code, doc, **extra):
    return register(type(name, (Integral,), {"reference": ufunc, "code": code, "__doc__": doc, "__module__": __name__, **extra}))


bitwise_and = _integral("BitwiseAnd", np.bitwise_and, "bitand", "y = a & b.", dtypes="i?")
bitwise_or = _integral("BitwiseOr", np.bitwise_or, "bitor", "y = a | b.", dtypes="i?")
bitwise_xor = _integral("BitwiseXor", np.bitwise_xor, "bitxor", "y = a ^ b.", dtypes="i?")
invert = _integral("Invert", np.invert, "invert", "y = ~x.", dtypes="i?")
left_shift = _integral("LeftShift", np.left_shift, "shl", "y = a << b.", domain=((-40, 40), (0, 5)))
right_shift = _integral("RightShift", np.right_shift, "shr", "y = a >> b.", domain=((-40, 40), (0, 5)))
gcd = _integral("Gcd", np.gcd, "gcd", "y = greatest common divisor.")
lcm = _integral("Lcm", np.lcm, None, "y = least common multiple.",
                scalar=lambda self, k, a, b: k.apply("lcm", a, b))


# -- rounding and sign ----------------------------------------------------------------------------

class Step(Elementwise):
    """Piecewise constant: derivative zero, also at the steps."""
    differentiable = False
    domain: Any = (0.1, 0.9)


def _step(name, ufunc, code, doc, **extra):
    return register(type(name, (Step,), {"reference": ufunc, "code": code, "__doc__": doc, "__module__": __name__, **extra}))


floor = _step("Floor", np.floor, "floor", "y = greatest whole number <= x.")
ceil = _step("Ceil", np.ceil, "ceil", "y = least whole number >= x.")
trunc = _step("Trunc", np.trunc, "trunc", "y = x rounded towards 0.")
rint = _step("Rint", np.rint, "rint", "y = nearest whole number, ties to even.", domain=(0.1, 0.4))
sign = _step("Sign", np.sign, "sign", "y = -1, 0 or 1.", dtypes="fdi")


@register
class Heaviside(Elementwise):
    """y = 0 where x < 0, h where x = 0, 1 where x > 0."""
    reference = np.heaviside
    domain = ((0.5, 2.0), (-1.0, 1.0))

    def partials(self, y, x, h):
        return None, select(x == 0, like(x, 1), like(x, 0))

    def scalar(self, k, x, h):
        one, zero = k.const(1, x.dtype), k.const(0, x.dtype)
        return k.select(k.apply("eq", x, zero), h, k.select(k.apply("lt", x, zero), zero,
                        k.select(k.apply("gt", x, zero), one, x)))


@register
class Abs(Elementwise):
    """y = |x|; derivative sign(x), 0 at 0."""
    reference = np.absolute
    numpy_names = (np.fabs,)
    code = "abs"
    domain = (0.2, 2.0)
    dtypes = "fdi"

    def partials(self, y, x):
        return (sign(x),)


@register
class Floor_divide(Step):
    """y = floor(a / b), as Python's `//`."""
    name = "floor_divide"
    reference = np.floor_divide
    code = "floordiv"
    domain = ((5.1, 5.9), (1.6, 1.9))
    dtypes = "fdi"


@register
class Remainder(Elementwise):
    """y = a - floor(a / b) b, with the sign of b, as Python's `%`."""
    reference = np.remainder
    code = "mod"
    domain = ((5.1, 5.4), (1.6, 1.7))
    dtypes = "fdi"

    def partials(self, y, a, b):
        return like(a, 1), -floor_divide(a, b)


@register
class Fmod(Elementwise):
    """y = a - trunc(a / b) b, with the sign of a, as C's `fmod`."""
    reference = np.fmod
    code = "fmod"
    domain = ((5.1, 5.4), (1.6, 1.7))

    def partials(self, y, a, b):
        return like(a, 1), -trunc(a / b)


@register
class Copysign(Elementwise):
    """y = |a| with the sign of b."""
    reference = np.copysign
    code = "copysign"
    domain = ((0.2, 2.0), (0.2, 2.0))

    def partials(self, y, a, b):
        return sign(a) * copysign(like(a, 1), b), None


@register
class Nextafter(Elementwise):
    """y = the next number after a towards b."""
    reference = np.nextafter
    differentiable = False


@register
class Spacing(Elementwise):
    """y = distance from x to the next number."""
    reference = np.spacing
    differentiable = False


# -- extrema --------------------------------------------------------------------------------------

class Extremum(Elementwise):
    """Larger or smaller of two; equal values share the derivative."""
    domain = ((-2.0, -0.5), (0.5, 2.0))
    dtypes = "fdi"

    def partials(self, y, a, b):
        half, one, zero = like(a, 0.5), like(a, 1), like(a, 0)
        # By ops, not operators: a NumPy number on the left of a comparison reaches a tracer as an array, which is captured.
        tie = select(eq(a, b), half, zero)

        def alone(u, v):
            return logical_or(logical_and(eq(u, y), ne(v, y)), ne(v, v))
        return select(alone(a, b), one, tie), select(alone(b, a), one, tie)


def _extremum(name, ufunc, code, doc):
    return register(type(name, (Extremum,), {"reference": ufunc, "code": code, "__doc__": doc, "__module__": __name__}))


maximum = _extremum("Maximum", np.maximum, "maximum", "y = the larger one; nan if one is nan.")
minimum = _extremum("Minimum", np.minimum, "minimum", "y = the smaller one; nan if one is nan.")
fmax = _extremum("Fmax", np.fmax, "fmax", "y = the larger one; nan is passed over.")
fmin = _extremum("Fmin", np.fmin, "fmin", "y = the smaller one; nan is passed over.")


# -- powers and roots -----------------------------------------------------------------------------

@register
class Pow(Elementwise):
    """y = a ** b. The derivative in b is 0 where a = 0; the one in a is 0 where b = 0.

    The one in a is infinite at 0 for b < 1, and so is the second one for b < 2; what stands still there adds 0 (`zero_product`).
    """
    reference = np.power
    numpy_names = (np.float_power,)
    code = "pow"
    domain = ((0.3, 2.0), (-2.0, 2.0))

    def partials(self, y, a, b):
        one, zero = like(a, 1), like(a, 0)
        da = select(b == 0, zero, b * pow(a, select(b == 0, one, b - one)))
        db = y * log(select(a == 0, one, a))
        return da, db

    def jvp(self, xs, dxs):
        a, b = xs
        y = self(a, b)
        if not is_inexact(type_of(y).dtype):
            return y, None
        if dxs[1] is None:  # skip log(a), which is nan for negative a
            exponent = constant_of(b)
            if exponent is not None:
                if exponent == 0.0:
                    return y, None
                if exponent == 2.0:
                    return y, dxs[0] * (like(a, 2) * a)
                slope = like(a, exponent) * power_by(a, exponent - 1.0)
                return y, dxs[0] * slope if exponent > 1.0 else bind(ops["zero_product"], slope, dxs[0])
            return y, bind(ops["zero_product"], self.partials(y, a, b)[0], dxs[0])
        slopes = self.partials(y, a, b)
        return y, sum_tangents(bind(ops["zero_product"], d, dx) for d, dx in zip(slopes, dxs, strict=True) if dx is not None)


def constant_of(x):
    """The number that fills `x`, when the trace shows it is a broadcast constant; else None."""
    from tracer.graph import Const
    from tracer.trace import Tracer
    if isinstance(x, np.generic):
        return x
    if isinstance(x, Tracer) and x.owner.level:
        node = x.owner.producers.get(x.ref)
        if node is not None and node.op.name == "broadcast" and isinstance(node.inputs[0], Const):
            return node.inputs[0].value
    return None


def power_by(a, exponent: float):
    """a ** exponent for a constant exponent, without a call of pow where it is 0, 1 or 2."""
    if exponent == 0.0:
        return like(a, 1)
    if exponent == 1.0:
        return a
    return mul(a, a) if exponent == 2.0 else pow(a, like(a, exponent))


@register
class Sqrt(Elementwise):
    """y = x ** (1/2)."""
    reference = np.sqrt
    code = "sqrt"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(y, 0.5) / y,)


@register
class Cbrt(Elementwise):
    """y = x ** (1/3)."""
    reference = np.cbrt
    code = "cbrt"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(y, 1) / (like(y, 3) * y * y),)


@register
class Square(Elementwise):
    """y = x x."""
    reference = np.square
    dtypes = "fdi"

    def partials(self, y, x):
        return (like(x, 2) * x,)

    def scalar(self, k, x):
        return k.apply("mul", x, x)


@register
class Reciprocal(Elementwise):
    """y = 1 / x."""
    reference = np.reciprocal
    domain = (0.5, 2.0)

    def partials(self, y, x):
        return (-y * y,)

    def scalar(self, k, x):
        return k.apply("div", k.const(1, x.dtype), x)


@register
class Hypot(Elementwise):
    """y = sqrt(a a + b b), without overflow; derivative 0 where both are 0."""
    reference = np.hypot
    code = "hypot"
    domain = (0.3, 2.0)

    def partials(self, y, a, b):
        safe = select(y == 0, like(y, 1), y)
        return a / safe, b / safe


# -- exponentials and logarithms ------------------------------------------------------------------

@register
class Exp(Elementwise):
    """y = e ** x."""
    reference = np.exp
    code = "exp"

    def partials(self, y, x):
        return (y,)


@register
class Exp2(Elementwise):
    """y = 2 ** x."""
    reference = np.exp2
    code = "exp2"

    def partials(self, y, x):
        return (y * like(y, LN2),)


@register
class Expm1(Elementwise):
    """y = e ** x - 1."""
    reference = np.expm1
    code = "expm1"

    def partials(self, y, x):
        return (y + like(y, 1),)


@register
class Log(Elementwise):
    """y = natural logarithm of x."""
    reference = np.log
    code = "log"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1) / x,)


@register
class Log2(Elementwise):
    """y = logarithm of x to base 2."""
    reference = np.log2
    code = "log2"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1 / LN2) / x,)


@register
class Log10(Elementwise):
    """y = logarithm of x to base 10."""
    reference = np.log10
    code = "log10"
    domain = (0.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1 / LN10) / x,)


@register
class Log1p(Elementwise):
    """y = log(1 + x)."""
    reference = np.log1p
    code = "log1p"
    domain = (-0.5, 3.0)

    def partials(self, y, x):
        return (like(x, 1) / (like(x, 1) + x),)


@register
class Logaddexp(Elementwise):
    """y = log(e**a + e**b), without overflow."""
    reference = np.logaddexp

    def partials(self, y, a, b):
        return sigmoid(a - b), sigmoid(b - a)

    def jvp(self, xs, dxs):
        a, b = xs
        y = self(a, b)
        # Equal infinities: their difference is nan, the weights are half each.
        equal = logical_and(eq(a, b), isinf(a))
        d = select(equal, like(a, 0), a) - select(equal, like(a, 0), b)
        parts = [sigmoid(s) * t for s, t in ((d, dxs[0]), (-d, dxs[1])) if t is not None]
        return y, parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def scalar(self, k, a, b):
        top, low = k.apply("maximum", a, b), k.apply("minimum", a, b)
        equal = k.apply("eq", a, b)
        gap = k.select(equal, k.const(0, a.dtype), k.apply("sub", low, top))
        return k.apply("add", top, k.apply("log1p", k.apply("exp", gap)))


@register
class Logaddexp2(Elementwise):
    """y = log2(2**a + 2**b), without overflow."""
    reference = np.logaddexp2

    def partials(self, y, a, b):
        return exp2(a - y), exp2(b - y)

    def scalar(self, k, a, b):
        top, low = k.apply("maximum", a, b), k.apply("minimum", a, b)
        equal = k.apply("eq", a, b)
        gap = k.select(equal, k.const(0, a.dtype), k.apply("sub", low, top))
        return k.apply("add", top, k.apply("mul", k.const(1 / LN2, a.dtype), k.apply("log1p", k.apply("exp2", gap))))


@register
class Sigmoid(Elementwise):
    """y = 1 / (1 + e**-x)."""
    code = "sigmoid"

    def reference(self, x):
        # Through the exponential of -|x|: no overflow on either side.
        e = np.exp(-np.abs(x))
        return np.where(np.asarray(x) >= 0, 1 / (1 + e), e / (1 + e)).astype(np.asarray(x).dtype)[()]

    def partials(self, y, x):
        return (y * (like(y, 1) - y),)


@register
class Sinc(Elementwise):
    """y = sin(pi x) / (pi x), 1 at 0."""
    domain = (0.2, 2.0)

    def reference(self, x):
        return np.sinc(x)

    def partials(self, y, x):
        zero = x == 0
        safe = select(zero, like(x, 1), x)
        return (select(zero, like(x, 0), (cos(like(x, math.pi) * x) - y) / safe),)

    def scalar(self, k, x):
        u = k.apply("mul", k.const(math.pi, x.dtype), x)
        zero = k.apply("eq", x, k.const(0, x.dtype))
        one = k.const(1, x.dtype)
        safe = k.select(zero, one, u)
        return k.select(zero, one, k.apply("div", k.apply("sin", safe), safe))


# -- trigonometric --------------------------------------------------------------------------------

@register
class Sin(Elementwise):
    """y = sin(x)."""
    reference = np.sin
    code = "sin"

    def partials(self, y, x):
        return (cos(x),)


@register
class Cos(Elementwise):
    """y = cos(x)."""
    reference = np.cos
    code = "cos"

    def partials(self, y, x):
        return (-sin(x),)


@register
class Tan(Elementwise):
    """y = tan(x)."""
    reference = np.tan
    code = "tan"
    domain = (-1.2, 1.2)

    def partials(self, y, x):
        return (like(y, 1) + y * y,)


@register
class Arcsin(Elementwise):
    """y = arcsin(x)."""
    reference = np.arcsin
    code = "asin"
    domain = (-0.8, 0.8)

    def partials(self, y, x):
        return (like(x, 1) / sqrt(like(x, 1) - x * x),)


@register
class Arccos(Elementwise):
    """y = arccos(x)."""
    reference = np.arccos
    code = "acos"
    domain = (-0.8, 0.8)

    def partials(self, y, x):
        return (like(x, -1) / sqrt(like(x, 1) - x * x),)


@register
class Arctan(Elementwise):
    """y = arctan(x)."""
    reference = np.arctan
    code = "atan"

    def partials(self, y, x):
        return (like(x, 1) / (like(x, 1) + x * x),)


@register
class Arctan2(Elementwise):
    """y = angle of the point (b, a); derivative 0 at the origin."""
    reference = np.arctan2
    code = "atan2"
    domain = (0.3, 2.0)

    def partials(self, y, a, b):
        r2 = a * a + b * b
        safe = select(r2 == 0, like(r2, 1), r2)
        return b / safe, -a / safe


@register
class Sinh(Elementwise):
    """y = sinh(x)."""
    reference = np.sinh
    code = "sinh"

    def partials(self, y, x):
        return (cosh(x),)


@register
class Cosh(Elementwise):
    """y = cosh(x)."""
    reference = np.cosh
    code = "cosh"

    def partials(self, y, x):
        return (sinh(x),)


@register
class Tanh(Elementwise):
    """y = tanh(x)."""
    reference = np.tanh
    code = "tanh"

    def partials(self, y, x):
        return (like(y, 1) - y * y,)


@register
class Arcsinh(Elementwise):
    """y = arcsinh(x)."""
    reference = np.arcsinh
    code = "asinh"

    def partials(self, y, x):
        return (like(x, 1) / sqrt(x * x + like(x, 1)),)


@register
class Arccosh(Elementwise):
    """y = arccosh(x)."""
    reference = np.arccosh
    code = "acosh"
    domain = (1.3, 3.0)

    def partials(self, y, x):
        return (like(x, 1) / sqrt((x - like(x, 1)) * (x + like(x, 1))),)


@register
class Arctanh(Elementwise):
    """y = arctanh(x)."""
    reference = np.arctanh
    code = "atanh"
    domain = (-0.8, 0.8)

    def partials(self, y, x):
        return (like(x, 1) / ((like(x, 1) - x) * (like(x, 1) + x)),)


@register
class Deg2rad(Linear, Elementwise):
    """y = x pi / 180."""
    reference = np.deg2rad
    numpy_names = (np.radians,)

    def transpose(self, ct, x):
        return (ct * like(ct, math.pi / 180),)

    def scalar(self, k, x):
        return k.apply("mul", x, k.const(math.pi / 180, x.dtype))


@register
class Rad2deg(Linear, Elementwise):
    """y = x 180 / pi."""
    reference = np.rad2deg
    numpy_names = (np.degrees,)

    def transpose(self, ct, x):
        return (ct * like(ct, 180 / math.pi),)

    def scalar(self, k, x):
        return k.apply("mul", x, k.const(180 / math.pi, x.dtype))


# The instances, by name, for rules and for the NumPy face.
(add, sub, neg, mul, div, positive, cast, stop_gradient, select, heaviside, abs_, floor_divide, remainder, fmod, copysign,
 pow, sqrt, cbrt, square, hypot, exp, exp2, expm1, log, log2, log10, log1p, logaddexp, sigmoid, sin, cos, tan, arcsin,
 arccos, arctan, arctan2, sinh, cosh, tanh, arcsinh, arccosh, arctanh) = (ops[n] for n in (
     "add sub neg mul div positive cast stop_gradient select heaviside abs floor_divide remainder fmod copysign "
     "pow sqrt cbrt square hypot exp exp2 expm1 log log2 log10 log1p logaddexp sigmoid sin cos tan arcsin "
     "arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh").split())

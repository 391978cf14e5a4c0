"""Comparisons, logic, bits and choices, element by element.

At kinks the derivative is the mean of both sides, as in JAX and HIPS autograd: `maximum` of equal values gives half to each.
"""

from __future__ import annotations

import math

import numpy as np

from tracer.op import Cost, Elementwise, Op, Unknown, filled_mask, register
from tracer.ops.arithmetic import like
from tracer.types import ArrayType

# -- selection and comparison ---------------------------------------------------------------------

class Select(Op):
    """y = a where c, else b."""
    exact = True
    cost = Cost.LITTLE

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
        zero = like(ct, 0)
        return (None, select(c, ct, zero) if isinstance(a, Unknown) else None,
                select(c, zero, ct) if isinstance(b, Unknown) else None)

    def needed(self, mask, c, a, b):
        other = logical_not(c)
        return [None, c if mask is None else logical_and(mask, c), other if mask is None else logical_and(mask, other)]

    def reached(self, masks, c, a, b):
        _, of_a, of_b = masks
        if of_a is None and of_b is None:
            return None
        if of_a is None and of_b is False:
            return c
        return logical_not(c) if of_a is False and of_b is None else select(c, filled_mask(of_a, a), filled_mask(of_b, b))

    def scalar(self, k, c, a, b):
        return k.select(c, a, b)

    lower = Elementwise.lower


select = register(Select())


class Comparison(Elementwise):
    """A truth value; no derivative."""
    exact = True
    cost = Cost.LITTLE
    result = "bool"
    differentiable = False
    dtypes = "fdi?"


def _comparison(name, ufunc, code, doc):
    return register(type(name, (Comparison,), {"reference": ufunc, "code": code, "compares": True, "__doc__": doc,
                                               "__module__": __name__})())


eq = _comparison("Eq", np.equal, "eq", "y = a == b.")
ne = _comparison("Ne", np.not_equal, "ne", "y = a != b.")
lt = _comparison("Lt", np.less, "lt", "y = a < b.")
le = _comparison("Le", np.less_equal, "le", "y = a <= b.")
gt = _comparison("Gt", np.greater, "gt", "y = a > b.")
ge = _comparison("Ge", np.greater_equal, "ge", "y = a >= b.")


def _logic(name, ufunc, doc, body, dtypes="fdi?"):
    return register(type(name, (Comparison,), {"reference": ufunc, "scalar": body, "__doc__": doc, "dtypes": dtypes,
                                               "__module__": __name__})())


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
    exact = True
    cost = Cost.LITTLE
    dtypes = "i"
    domain = (-40, 40)
    differentiable = False


def _integral(name, ufunc, code, doc, **extra):
    return register(type(name, (Integral,), {"reference": ufunc, "code": code, "__doc__": doc, "__module__": __name__, **extra})())


bitwise_and = _integral("BitwiseAnd", np.bitwise_and, "bitand", "y = a & b.", dtypes="i?")
bitwise_or = _integral("BitwiseOr", np.bitwise_or, "bitor", "y = a | b.", dtypes="i?")
bitwise_xor = _integral("BitwiseXor", np.bitwise_xor, "bitxor", "y = a ^ b.", dtypes="i?")
invert = _integral("Invert", np.invert, "invert", "y = ~x.", dtypes="i?")
left_shift = _integral("LeftShift", np.left_shift, "shl", "y = a << b.", domain=((-40, 40), (0, 5)))
right_shift = _integral("RightShift", np.right_shift, "shr", "y = a >> b.", domain=((-40, 40), (0, 5)))
gcd = _integral("Gcd", np.gcd, "gcd", "y = greatest common divisor.", cost=Cost.MUCH)
lcm = _integral("Lcm", np.lcm, None, "y = least common multiple.", cost=Cost.MUCH,
                scalar=lambda self, k, a, b: k.apply("lcm", a, b))


# -- extrema --------------------------------------------------------------------------------------

class Extremum(Elementwise):
    """Larger or smaller of two; equal values share the derivative."""
    exact = True
    cost = Cost.LITTLE
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
    return register(type(name, (Extremum,), {"reference": ufunc, "code": code, "__doc__": doc, "__module__": __name__})())


maximum = _extremum("Maximum", np.maximum, "maximum", "y = the larger one; nan if one is nan.")
minimum = _extremum("Minimum", np.minimum, "minimum", "y = the smaller one; nan if one is nan.")
fmax = _extremum("Fmax", np.fmax, "fmax", "y = the larger one; nan is passed over.")
fmin = _extremum("Fmin", np.fmin, "fmin", "y = the smaller one; nan is passed over.")

"""Single machine operations that Numba has no name for: fused multiply-add, and arithmetic on the bits of a float.

Each is one LLVM instruction, emitted through `numba.extending.intrinsic`.
"""

from __future__ import annotations

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

__all__ = ["space", "has_fma"]

_LL = {types.float64: ir.DoubleType(), types.float32: ir.FloatType(), types.int64: ir.IntType(64), types.int32: ir.IntType(32)}
_BITS = {types.float64: types.int64, types.float32: types.int32}
_FLOAT = {v: k for k, v in _BITS.items()}


def has_fma() -> bool:
    """Whether the host multiplies and adds with one rounding; LLVM would call the C library otherwise."""
    features = binding.get_host_cpu_features()
    return bool(features.get("fma")) or "aarch64" in binding.get_process_triple() or "arm64" in binding.get_process_triple()


_FMA = has_fma()
_WIDE = bool(binding.get_host_cpu_features().get("avx512f"))


@intrinsic
def fma(typing, a, b, c):
    """a b + c."""
    def build(context, builder, sig, args):
        if _FMA:
            return builder.fma(*args)
        return builder.fadd(builder.fmul(args[0], args[1]), args[2])
    return a(a, a, a), build


@intrinsic
def bits(typing, x):
    """The bits of a float, as an integer of its width."""
    def build(context, builder, sig, args):
        return builder.bitcast(args[0], _LL[sig.return_type])
    return _BITS[x](x), build


@intrinsic
def number(typing, i):
    """The float with the given bits."""
    def build(context, builder, sig, args):
        return builder.bitcast(args[0], _LL[sig.return_type])
    return _FLOAT[i](i), build


@intrinsic
def to_float(typing, i):
    """An integer as a float of its width."""
    def build(context, builder, sig, args):
        return builder.sitofp(args[0], _LL[sig.return_type])
    return _FLOAT[i](i), build


def _call_intrinsic(builder, name, values):
    t = values[0].type
    return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [t], ir.FunctionType(t, [t] * len(values))), values)


@intrinsic
def absolute(typing, x):
    """|x|."""
    def build(context, builder, sig, args):
        return _call_intrinsic(builder, "fabs", args)
    return x(x), build


@intrinsic
def sqrt(typing, x):
    """Square root."""
    def build(context, builder, sig, args):
        return _call_intrinsic(builder, "sqrt", args)
    return x(x), build


@intrinsic
def copysign(typing, x, y):
    """|x| with the sign of y."""
    def build(context, builder, sig, args):
        return _call_intrinsic(builder, "copysign", args)
    return x(x, x), build


@intrinsic
def maximum(typing, x, y):
    """The larger one, nan if one is nan; LLVM vectorises loops that combine by it."""
    def build(context, builder, sig, args):
        return _call_intrinsic(builder, "maximum", args)
    return x(x, x), build


@intrinsic
def minimum(typing, x, y):
    """The smaller one, nan if one is nan."""
    def build(context, builder, sig, args):
        return _call_intrinsic(builder, "minimum", args)
    return x(x, x), build


def _integer(method):
    @intrinsic
    def f(typing, a, b):
        wide = a if isinstance(a, types.Integer) and a in _FLOAT else b

        def build(context, builder, sig, args):
            return getattr(builder, method)(*args)
        return wide(wide, wide), build
    return f


@intrinsic
def select(typing, test, yes, no):
    """`yes` if `test` else `no`, without a branch: Numba's own form of it can keep a loop from being vectorised."""
    result = typing.unify_types(yes, no)
    if not isinstance(test, types.Boolean) or result is None:
        return None

    def build(context, builder, sig, args):
        return builder.select(context.cast(builder, args[0], sig.args[0], types.boolean), *args[1:])
    return result(types.boolean, result, result), build


@intrinsic
def wide_vectors(typing):
    """Lets LLVM use 512-bit vectors in the function that calls this, where the host has them.

    LLVM keeps to 256 bits on hosts that once slowed down for wider ones; elementary functions gain 1.2 to 1.4 times from 512.
    """
    def build(context, builder, sig, args):
        if _WIDE:
            # llvmlite lists the attributes it knows; this one is a string attribute, which it prints as it stands.
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()
    return types.none(), build


@intrinsic
def ine(typing, a, b):
    """Whether two integers differ."""
    def build(context, builder, sig, args):
        return builder.icmp_signed("!=", *args)
    return types.boolean(a, a), build


_names = {"iadd": "add", "isub": "sub", "iand": "and_", "ixor": "xor", "shl": "shl", "ashr": "ashr", "lshr": "lshr"}
space = {"fma": fma, "bits": bits, "number": number, "to_float": to_float, "ine": ine, "maximum": maximum, "minimum": minimum,
         "wide_vectors": wide_vectors, "select": select, "abs": absolute, "copysign": copysign, "sqrt": sqrt,
         **{name: _integer(method) for name, method in _names.items()}}

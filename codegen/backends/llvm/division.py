"""Division of whole numbers in LLVM IR, on numbers and on vectors alike. It never traps: division by 0 gives 0, as NumPy's does.

By a number that stands in the text it is a multiplication and shifts: no vector unit divides integers, and LLVM takes vectors of 64 bits
apart for it. Source: Granlund and Montgomery, Division by Invariant Integers using Multiplication, PLDI 1994, section 4.
"""

from __future__ import annotations

from codegen.backends.llvm.writer import SIZES, Value, Writer

__all__ = ["divide"]


def divide(w: Writer, fn: str, a: Value, b: Value, *, signed: bool) -> Value:
    """`floordiv`, `mod` (with the sign of b) or `fmod` (with the sign of a)."""
    if b.number is not None:
        return _by_number(w, fn, a, int(b.number), signed)
    return _by_any(w, fn, a, b, signed)


def _by_any(w: Writer, fn: str, a: Value, b: Value, signed: bool) -> Value:
    """By a value: the most negative number divided by -1 is itself."""
    kind = a.kind
    zero, one = w.constant(0, kind), w.constant(1, kind)
    none = w.compare("icmp eq", b, zero)
    safe = w.select(none, one, b)
    if not signed:
        y = w.binary("udiv" if fn == "floordiv" else "urem", a, safe)
        return w.select(none, zero, y)
    flip = w.compare("icmp eq", b, w.constant(-1, kind))
    safe = w.select(flip, one, safe)
    q, r = w.binary("sdiv", a, safe), w.binary("srem", a, safe)
    q = w.select(flip, w.binary("sub", zero, a), q)
    r = w.select(flip, zero, r)
    if fn == "fmod":
        return w.select(none, zero, r)
    uneven = w.binary("and", w.compare("icmp ne", r, zero), w.compare("icmp slt", w.binary("xor", r, b), zero))
    if fn == "floordiv":
        return w.select(none, zero, w.select(uneven, w.binary("sub", q, one), q))
    return w.select(none, zero, w.select(uneven, w.binary("add", r, b), r))


def _by_number(w: Writer, fn: str, a: Value, d: int, signed: bool) -> Value:
    kind, bits = a.kind, SIZES[a.kind] * 8
    if d == 0:
        return w.spread(w.constant(0, kind), a.lanes)
    if fn == "fmod" and signed:
        sign = w.binary("ashr", a, w.constant(bits - 1, kind))
        size = w.binary("sub", w.binary("xor", a, sign), sign)
        rest = _rest(w, size, _quotient(w, size, abs(d), bits, False), abs(d))
        return w.binary("sub", w.binary("xor", rest, sign), sign)
    q = _floor_quotient(w, a, d, bits) if signed else _quotient(w, a, d, bits, True)
    return q if fn == "floordiv" else _rest(w, a, q, d)


def _rest(w: Writer, a: Value, q: Value, d: int) -> Value:
    return w.binary("sub", a, w.binary("mul", q, w.constant(d, a.kind)))


def _floor_quotient(w: Writer, a: Value, d: int, bits: int) -> Value:
    """floor(a / d) of signed numbers: where a < 0 < d it is ~(~a / d), of numbers that are not negative; where d < 0, that of -a, -d."""
    kind = a.kind
    last = w.constant(bits - 1, kind)
    if d > 0:
        if d & (d - 1) == 0:
            return w.binary("ashr", a, w.constant(d.bit_length() - 1, kind)) if d > 1 else a
        sign = w.binary("ashr", a, last)
    else:
        above = w.compare("icmp sgt", a, w.constant(0, kind))   # the most negative number is its own negative: its sign says nothing
        a, sign = w.binary("sub", w.constant(0, kind), a), w.convert("sext", above, kind)
    return w.binary("xor", _quotient(w, w.binary("xor", a, sign), abs(d), bits, False), sign)


def _quotient(w: Writer, n: Value, d: int, bits: int, full: bool) -> Value:
    """n / d of numbers without a sign, d > 0; `full` : whether n may be more than 2**(bits - 1)."""
    kind = n.kind
    if d & (d - 1) == 0:
        return w.binary("lshr", n, w.constant(d.bit_length() - 1, kind)) if d > 1 else n
    log = (d - 1).bit_length()      # 2**(log - 1) < d < 2**log
    shift = w.constant(log - 1, kind)
    if not full:
        return w.binary("lshr", _upper_half(w, n, -(-(1 << (bits - 1 + log)) // d), bits), shift)
    t = _upper_half(w, n, (1 << bits) * ((1 << log) - d) // d + 1, bits)
    halved = w.binary("lshr", w.binary("sub", n, t), w.constant(1, kind))
    return w.binary("lshr", w.binary("add", t, halved), shift)


def _upper_half(w: Writer, n: Value, m: int, bits: int) -> Value:
    """n m / 2**bits, for 0 < m < 2**bits."""
    if bits < 64 or not n.lanes:
        wide = f"i{2 * bits}"
        product = w.binary("mul", w.convert("zext", n, wide), w.constant(m, wide))
        return w.convert("trunc", w.binary("lshr", product, w.constant(bits, wide)), n.kind)
    low, shift = w.constant(2**32 - 1, "i64"), w.constant(32, "i64")   # products of halves: an instruction for each
    n0, n1 = w.binary("and", n, low), w.binary("lshr", n, shift)
    m0, m1 = w.constant(m & 2**32 - 1, "i64"), w.constant(m >> 32, "i64")
    t = w.binary("add", w.binary("mul", n1, m0), w.binary("lshr", w.binary("mul", n0, m0), shift))
    s = w.binary("add", w.binary("and", t, low), w.binary("mul", n0, m1))
    high = w.binary("add", w.binary("mul", n1, m1), w.binary("lshr", t, shift))
    return w.binary("add", high, w.binary("lshr", s, shift))

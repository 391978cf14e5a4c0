"""The table of NumPy functions: each row is put through the same laws by test_cases.py.

A row's name begins with the name of the function that it is about; the completeness test reads it there. `args` are makers of
arguments, called with a dtype and a generator of random numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import autodiff.numpy as anp
from tracer.op import Elementwise, ops


@dataclass(frozen=True)
class Case:
    """One call of a function."""

    name: str
    f: Callable
    args: tuple
    dtypes: str = "dfi"     # d float64, f float32, i int32, u uint8, ? bool
    grad: bool = True
    order: int = 2
    layouts: bool = True    # also with strided, reversed and broadcast arguments
    zero: bool = False      # also with the first axis of each argument empty
    special: bool = True    # also with nan and infinities among the arguments
    compiled: bool = True
    rtol: float | None = None

    def __repr__(self) -> str:
        return self.name


CASES: list[Case] = []


def case(name: str, f: Callable, *args, **options) -> None:
    """Enter a row."""
    if name in {c.name for c in CASES}:
        raise ValueError(f"two rows are called {name!r}")
    CASES.append(Case(name, f, args, **options))


# -- arguments -------------------------------------------------------------------------------------

def A(*shape, low=-2.0, high=2.0):
    """Distinct numbers, none of them 0, in random order: no ties, no kinks nearby."""
    def make(dtype, rng):
        n = int(np.prod(shape))
        values = low + (high - low) * (rng.permutation(n) + 0.37) / max(n, 1)
        if np.dtype(dtype).kind in "iub":
            values = np.rint(values * 2)
        if np.dtype(dtype).kind == "u":
            values = np.abs(values)
        return values.astype(dtype).reshape(shape)
    return make


def positive(*shape):
    """Numbers between 0.3 and 2.3."""
    return A(*shape, low=0.3, high=2.3)


def rising(n):
    """Increasing numbers."""
    return lambda dtype, rng: np.sort(A(n)(np.float64, rng)).astype(dtype)


def deprecated(f):
    """A function that NumPy still has, without its warning."""
    def quiet(*args):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return f(*args)
    return quiet


def fixed(*values, dtype=None):
    """These numbers, of the dtype of the run if none is given; integers and booleans stay."""
    def make(run_dtype, rng):
        a = np.array(values)
        return a.astype(run_dtype) if dtype is None and a.dtype.kind == "f" else a.astype(dtype or a.dtype)
    return make


def integers(*shape, below=3):
    """Integers from 0 on, whatever the dtype of the run."""
    return lambda dtype, rng: rng.integers(0, below, shape)


def truth(*shape):
    """Booleans, whatever the dtype of the run."""
    return lambda dtype, rng: rng.random(shape) < 0.6


M, V, T = A(3, 4), A(5), A(2, 3, 4)
NAN = fixed(1.5, np.nan, -0.5, np.nan, 2.5, 0.25)

# -- every elementwise op that is a ufunc ----------------------------------------------------------

for _op in ops.values():
    if isinstance(_op, Elementwise):
        for _ufunc in [f for f in (_op.reference, *_op.numpy_names) if isinstance(f, np.ufunc)]:
            _domain = _op.domain if isinstance(_op.domain[0], tuple) else (_op.domain,) * _ufunc.nin
            _integral = _op.dtypes in ("i", "i?")
            _makers = [(lambda dtype, rng, lo=lo, hi=hi: rng.integers(lo, hi, (3, 4))) if _integral
                       else A(3, 4, low=lo, high=hi) for lo, hi in _domain]
            case(_ufunc.__name__, _ufunc, *_makers, dtypes="d" if _integral else "".join(c for c in _op.dtypes if c in "fdi"),
                 grad=_op.differentiable, zero=True, compiled=False)    # tests/laws.py compiles every op

case("add[broadcast]", np.add, A(3, 1), A(4))
case("multiply[0-d]", np.multiply, A(), M)
case("divide[int]", np.divide, A(3, low=1, high=4), A(3, low=1, high=4))
case("power[numbers]", lambda x: x ** 2 + x ** 3.0 + 2.0 ** x + x ** -1, positive(4), dtypes="df")
case("maximum[number]", lambda x: np.maximum(x, 0.1) + np.minimum(1, x), M)
case("sqrt[operators]", lambda x: -x + abs(x) * 3 - x / 2 + 1 / x - x % 0.7 + x // 0.6, positive(3, 4), dtypes="df")
case("less[operators]", lambda x, y: ((x < y) | (x >= 1)) & ~(x != y), M, A(3, 4))
case("modf", np.modf, M, dtypes="df")
case("frexp", np.frexp, M, dtypes="df")
case("nextafter[number]", lambda x: np.nextafter(x, 9.0), M, dtypes="df")
case("sliding_window_view", lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 3)), M)
case("sliding_window_view[axes]", lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 1, 2), axis=(1, 0, -1)), M)
case("divmod", lambda x, y: (*np.divmod(x, y), *divmod(x, 2)), A(4, low=5.1, high=5.8), A(4, low=1.6, high=1.7))
case("ldexp", np.ldexp, M, integers(3, 4, below=9), dtypes="df")
case("conjugate", lambda x: np.conj(x) * 2, M)
case("sinc", np.sinc, M)

# -- reductions ------------------------------------------------------------------------------------

for _name in ("sum", "prod", "mean", "var", "std", "ptp", "max", "min", "amax", "amin", "all", "any", "nansum", "nanprod", "nanmean",
              "nanvar", "nanstd", "nanmax", "nanmin", "median", "count_nonzero"):
    _f = getattr(np, _name)
    _g = _name not in ("all", "any", "count_nonzero")
    _plain = _name in ("sum", "prod", "mean", "var", "max", "any", "median")
    case(_name, lambda x, f=_f: f(x), M, grad=_g, compiled=_plain)
    case(f"{_name}[axis=0]", lambda x, f=_f: f(x, axis=0), M, grad=_g, compiled=_plain)
    case(f"{_name}[axis=-1]", lambda x, f=_f: f(x, axis=-1), T, grad=_g, zero=True, order=1, compiled=_name not in ("amax", "amin"))
    case(f"{_name}[axes]", lambda x, f=_f: f(x, axis=(0, -1)), T, grad=_g, order=1, compiled=False)
    case(f"{_name}[keepdims]", lambda x, f=_f: f(x, axis=1, keepdims=True), T, grad=_g, order=1, compiled=False)
    if _name not in ("nanmin", "nanmax"):
        case(f"{_name}[0-d]", lambda x, f=_f: f(x), A(), grad=_g, order=1, compiled=False)
for _name in ("sum", "prod", "cumsum", "cumprod", "nansum", "nancumsum"):
    _f = getattr(np, _name)
    case(f"{_name}[dtype]", lambda x, f=_f: f(x, axis=0, dtype=np.float64), M, dtypes="dfi?u", order=1, compiled=False)
    case(f"{_name}[bool]", lambda x, f=_f: f(x), truth(3, 4), dtypes="d", compiled=False)
for _name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nancumsum", "nancumprod"):
    case(f"{_name}[nan]", lambda x, f=getattr(np, _name): f(np.where(np.arange(4) == 2, np.nan, x), axis=1), M, dtypes="df", order=1,
         compiled=False)
for _name in ("sum", "prod"):
    case(f"{_name}[initial,where]", lambda x, m, f=getattr(np, _name): f(x, axis=1, initial=3, where=m), M, truth(3, 4))
for _name in ("max", "min"):
    case(f"{_name}[initial]", lambda x, f=getattr(np, _name): f(x, axis=1, initial=0.6), M, dtypes="df")
    case(f"{_name}[initial,where]", lambda x, m, f=getattr(np, _name): f(x, axis=1, initial=0.6, where=m), M, truth(3, 4), dtypes="df")
    case(f"{_name}[initial,empty]", lambda x, f=getattr(np, _name): f(x[:, :0], axis=1, initial=5), M, order=1, compiled=False)
case("mean[where]", lambda x, m: np.mean(x, axis=0, where=m), M, fixed([True, False, True, False], [False, True, True, True], [True, False, False, False]))
case("mean[bool]", lambda x: np.mean(x), truth(3, 4), dtypes="d", compiled=False)
case("var[ddof]", lambda x: np.var(x, axis=0, ddof=1), M)
case("std[correction]", lambda x: np.std(x, axis=1, correction=1), M, compiled=False)
case("all[where]", lambda x, m: (np.all(x > 0, axis=1, where=m), np.any(x > 0, axis=1, where=m)), M, truth(3, 4), grad=False)
for _name in ("argmax", "argmin"):
    _f = getattr(np, _name)
    case(_name, lambda x, f=_f: f(x), M, grad=False, layouts=False)
    case(f"{_name}[axis]", lambda x, f=_f: f(x, axis=1), T, grad=False)
    case(f"{_name}[keepdims]", lambda x, f=_f: (f(x, axis=0, keepdims=True), f(x, keepdims=True)), T, grad=False, compiled=False)
for _name in ("cumsum", "cumprod", "nancumsum", "nancumprod"):
    _f = getattr(np, _name)
    case(_name, lambda x, f=_f: f(x), M, order=1)
    case(f"{_name}[axis]", lambda x, f=_f: f(x, axis=0), M, zero=True)
    case(f"{_name}[0-d]", lambda x, f=_f: f(x), A(), order=1, compiled=False)
case("cumulative_sum", lambda x: np.cumulative_sum(x, axis=1, include_initial=True), M)
case("cumulative_prod", lambda x: np.cumulative_prod(x, axis=1, include_initial=True), M, order=1)
case("average", lambda x, w: (np.average(x, axis=0, weights=w), np.average(x)), M, positive(3))
case("average[returned]", lambda x, w: np.average(x, 1, w, returned=True), M, positive(3, 4))

# -- ufunc methods ---------------------------------------------------------------------------------

for _u in (np.add, np.multiply, np.maximum, np.minimum):
    case(f"{_u.__name__}.reduce", lambda x, u=_u: (u.reduce(x), u.reduce(x, axis=1, keepdims=True)), M, order=1)
    case(f"{_u.__name__}.accumulate", lambda x, u=_u: (u.accumulate(x), u.accumulate(x, axis=1)), M, order=1)
case("logical_and.reduce", lambda x: (np.logical_and.reduce(x > 0), np.logical_or.reduce(x > 0, axis=1)), M, grad=False)
case("logical_or.reduce", lambda x: np.logical_or.reduce(x, axis=None), M, grad=False)
case("logaddexp.reduce", lambda x: np.logaddexp.reduce(x, axis=1), M, dtypes="df")
case("logaddexp.accumulate", lambda x: np.logaddexp.accumulate(x), V, dtypes="df", order=1)
case("add.outer", lambda x, y: (np.add.outer(x, y), np.subtract.outer(x, y), np.hypot.outer(x, y)), A(3), A(2, 2))

# -- choice and rounding ---------------------------------------------------------------------------

case("where", lambda c, x, y: np.where(c, x, y), truth(3, 4), M, A(4), zero=False)
case("where[numbers]", lambda x: (np.where(x > 0, x, 0.0), np.where(x > 0, 1, x)), M)
case("select", lambda x: np.select([x > 1, x > 0], [x * x, -x], 3), M)
case("select[no number]", lambda x, y: np.select([x > 1, x > 0], [y, 2]), M, A(4))
case("piecewise", lambda x: np.piecewise(x, [x < -1, x > 0.5], [lambda v: v * v, 2, np.sin]), M, dtypes="df")
case("piecewise[one]", lambda x: np.piecewise(x, x < 0, [-1, lambda v: v * 3]), V)
case("choose", lambda a, x, y: np.choose(a, [x, y, 3 * x]), integers(3, 4), M, A(4), layouts=False)
case("choose[clip]", lambda a, x, y: (np.choose(a, [x, y], mode="clip"), np.choose(a - 3, [x, y], mode="wrap")),
     integers(3, 4, below=5), M, A(4), layouts=False, compiled=False)
case("clip", lambda x: (np.clip(x, -0.5, 0.7), np.clip(x, None, 1), x.clip(min=0.1), np.clip(x, max=1)), M, dtypes="df")
case("clip[int]", lambda x: (np.clip(x, -1, 2), np.clip(x, 0.5, None)), M)
case("clip[arrays]", lambda x, a, b: np.clip(x, a, b), M, A(4, low=-2, high=-1), A(3, 1, low=0.05, high=1))
case("nan_to_num", lambda x: np.nan_to_num(np.where(x > 1, np.nan, np.where(x < -1, np.inf, x)), nan=0.5, posinf=7), M, dtypes="df")
case("nan_to_num[int]", lambda x: np.nan_to_num(x), M)
case("round", lambda x: (np.round(x), np.around(x, 1), x.round(-1)), A(4, low=-20, high=20))
case("around", lambda x: np.around(x, 2), V, dtypes="df")
case("fix", deprecated(lambda x: np.fix(x)), M, dtypes="df")     # since NumPy 2.5
case("real", lambda x: (np.real(x) * 2, np.imag(x), np.real_if_close(x) + 1, x.conj() * x.real), M)
case("imag", np.imag, M, compiled=False)
case("real_if_close", lambda x: np.real_if_close(x) * 2, M, compiled=False)
case("isreal", lambda x: (np.isreal(x), np.iscomplex(x)), M, grad=False, compiled=False)
case("iscomplex", np.iscomplex, M, grad=False, compiled=False)
case("isposinf", lambda x: (np.isposinf(x), np.isneginf(x)), fixed(1.0, np.inf, -np.inf, np.nan), dtypes="df", grad=False)
case("isneginf", np.isneginf, fixed(1.0, np.inf, -np.inf, np.nan), dtypes="df", grad=False, compiled=False)
case("isclose", lambda x, y: (np.isclose(x, y), np.isclose(x, x + 1e-9), np.isclose(x, y, equal_nan=True)),
     fixed(1.0, np.inf, np.nan, np.inf), fixed(1.1, np.inf, np.nan, -np.inf), dtypes="df", grad=False)
case("allclose", lambda x, y: (np.allclose(x, y), np.allclose(x, x)), M, M, grad=False, compiled=False)
case("array_equal", lambda x, y: (np.array_equal(x, y + 1), np.array_equal(x, x), np.array_equal(x, y[0])), M, M, grad=False,
     compiled=False)
case("array_equiv", lambda x: (np.array_equiv(x, x[:1]), np.array_equiv(x[:1], np.tile(x[:1], (3, 1)))), M, grad=False, compiled=False)
case("polyval", lambda p, x: np.polyval(p, x), A(4), M)
case("unwrap", lambda x: np.unwrap(x), A(6, low=-9, high=9), dtypes="df")

# -- shapes ----------------------------------------------------------------------------------------

case("reshape", lambda x: (np.reshape(x, (4, 6)), x.reshape(-1, 3), x.reshape(24), np.reshape(x, -1), x.reshape((2, 1, 12))), T, zero=False)
case("reshape[0-d]", lambda x: (np.reshape(x, (1, 1)), np.reshape(x, -1), x.reshape(())), A(), order=1)
case("ravel", lambda x: (np.ravel(x), x.flatten()), T, zero=True)
case("resize", lambda x: (np.resize(x, (3, 5)), np.resize(x, 2)), A(2, 2))
case("transpose", lambda x: (np.transpose(x), x.T, x.transpose(1, 0, 2), np.transpose(x, (2, 0, -2)), x.mT), T, zero=True)
case("permute_dims", lambda x: np.permute_dims(x, (1, 2, 0)), T, compiled=False)
case("matrix_transpose", lambda x: (np.matrix_transpose(x), np.linalg.matrix_transpose(x)), T, compiled=False)
case("swapaxes", lambda x: (np.swapaxes(x, 0, -1), x.swapaxes(1, 2)), T, zero=True)
case("moveaxis", lambda x: (np.moveaxis(x, 0, -1), np.moveaxis(x, (0, 1), (2, 0))), T)
case("rollaxis", lambda x: (np.rollaxis(x, 2), np.rollaxis(x, 0, 3), np.rollaxis(x, 1, -1)), T)
case("squeeze", lambda x: (np.squeeze(x), np.squeeze(x, 0), x.squeeze((0, -1))), A(1, 3, 1))
case("expand_dims", lambda x: (np.expand_dims(x, 0), np.expand_dims(x, (1, -1))), M)
case("atleast_1d", lambda x, y: (*np.atleast_1d(x, y), np.atleast_1d(y)), A(), M)
case("atleast_2d", lambda x, y, z: np.atleast_2d(x, y, z), A(), A(3), M)
case("atleast_3d", lambda x, y, z, w: np.atleast_3d(x, y, z, w), A(), A(3), M, T)
case("broadcast_to", lambda x: (np.broadcast_to(x, (2, 3, 4)), np.broadcast_to(x[0], (4,))), M, zero=False)
case("broadcast_arrays", lambda x, y: np.broadcast_arrays(x, y), A(3, 1), A(4))
case("meshgrid", lambda x, y: (*np.meshgrid(x, y), *np.meshgrid(x, y, indexing="ij", sparse=True)), A(3), A(4))
case("meshgrid[three]", lambda x, y, z: np.meshgrid(x, y, z), A(2), A(3), A(4), compiled=False)
case("flip", lambda x: (np.flip(x), np.flip(x, 1), np.flip(x, (0, 2))), T, zero=True)
case("fliplr", np.fliplr, M)
case("flipud", np.flipud, M)
case("rot90", lambda x: (np.rot90(x), np.rot90(x, 2), np.rot90(x, -1), np.rot90(x, 4)), M)
case("rot90[axes]", lambda x: np.rot90(x, 1, (1, 2)), T)
case("roll", lambda x: (np.roll(x, 1), np.roll(x, -2, axis=1), np.roll(x, (1, 2), (0, 1)), np.roll(x, 0)), M, zero=True)
case("concatenate", lambda x, y: (np.concatenate([x, y]), np.concatenate([x, x * 2, x], axis=-1), np.concatenate((x, y), axis=None)),
     M, A(2, 4))
case("concatenate[dtypes]", lambda x, y: np.concatenate([x, y]), M, integers(2, 4), order=1, compiled=False)
case("concatenate[dtype]", lambda x, y: np.concatenate([x, y], dtype=np.float32), M, M, dtypes="df", grad=False, compiled=False)
case("concatenate[tracer]", lambda x: np.concatenate(x), T, compiled=False)
case("stack", lambda x, y: (np.stack([x, y]), np.stack([x, y], axis=-1), np.stack([x, np.ones((3, 4))], 1)), M, M)
case("vstack", lambda x, y: np.vstack([x, y]), A(4), M)
case("hstack", lambda x, y: (np.hstack([x, y]), np.hstack([x[0], y[1]])), M, A(3, 2))
case("dstack", lambda x, y: np.dstack([x, y]), M, M)
case("column_stack", lambda x, y: np.column_stack([x, y]), A(3), M)
case("append", lambda x, y: (np.append(x, y), np.append(x, y, axis=0), np.append(x, 3.0)), M, A(1, 4))
case("block", lambda x, y: np.block([[x, y], [y, x]]), M, A(3, 4))
case("split", lambda x: (*np.split(x, 2, axis=1), *np.split(x, [1, 2])), M)
case("array_split", lambda x: (*np.array_split(x, 3, axis=1), *np.array_split(x, [2, 1, 9])), M)
case("hsplit", lambda x: (*np.hsplit(x, 2), *np.hsplit(x[0], [1])), M)
case("vsplit", lambda x: np.vsplit(x, [1]), M)
case("dsplit", lambda x: np.dsplit(x, 2), T)
case("unstack", lambda x: (*np.unstack(x), *np.unstack(x, axis=-1)), M)
case("repeat", lambda x: (np.repeat(x, 2), np.repeat(x, 3, axis=0), x.repeat([1, 0, 2], axis=0)), M)
case("tile", lambda x: (np.tile(x, 2), np.tile(x, (2, 1, 3)), np.tile(x, (2, 2))), M, zero=True)
case("pad", lambda x: (np.pad(x, 1), np.pad(x, ((0, 2), (1, 0))), np.pad(x, (1, 2), constant_values=3)), M, zero=True)
case("pad[values]", lambda x: np.pad(x, ((1, 2), (0, 1)), constant_values=((1, 2), (3, 4))), M)
for _mode in ("edge", "reflect", "symmetric", "wrap"):
    case(f"pad[{_mode}]", lambda x, mode=_mode: (np.pad(x, ((1, 2), (0, 3)), mode), np.pad(x, ((0, 0), (5, 9)), mode)), M,
         compiled=_mode in ("edge", "reflect"))
case("shape", lambda x: (np.shape(x)[0], np.ndim(x), np.size(x), np.size(x, 1), len(x), x.size, x.nbytes), M, grad=False, compiled=False)

# -- creation --------------------------------------------------------------------------------------

case("copy", lambda x: (np.copy(x), x.copy()), M)
case("astype", lambda x: (x.astype(float), np.astype(x, np.int64), x.astype(bool)), M, order=1)
case("astype[float32]", lambda x: (x.astype(np.float32), x.astype("f4") * x), M, grad=False)
case("zeros_like", lambda x: (np.zeros_like(x), np.ones_like(x, dtype=np.float32), np.empty_like(x).shape[0], np.zeros_like(x, shape=(2,))), M)
case("ones_like", np.ones_like, A())
case("empty_like", lambda x: np.empty_like(x).astype(bool) & False, M, grad=False)
case("full_like", lambda x: (np.full_like(x, 3), np.full_like(x, 2.5, dtype=float)), M)
case("full_like[traced]", lambda x: anp.full_like(x, x[0, 0]), M)
case("full", lambda x: (anp.full((2, 3), x[0, 0]), anp.full((2, 4), x[0]), anp.full(3, 7)), M)
case("array", lambda x: (anp.array([x[0], x[1]]), anp.array([[x[0, 0], 1.0], [2.0, x[1, 1]]]), anp.asarray([x[0, 0], 3])), M)
case("linspace", lambda a, b: (np.linspace(a, b, 5), np.linspace(a, b, 4, endpoint=False), np.linspace(a, 1, 1)), A(), A(), dtypes="df")
case("linspace[arrays]", lambda a, b: (np.linspace(a, b, 3), np.linspace(a, b, 3, axis=-1), *np.linspace(a, b, 4, retstep=True)), V, V)
case("logspace", lambda a, b: np.logspace(a, b, 5), A(), A(), dtypes="df", rtol=1e-5)
case("geomspace", lambda a, b: (np.geomspace(a, b, 5), np.geomspace(a, b, 4, endpoint=False)), positive(), positive(), rtol=1e-5)
case("diag", lambda x, v: (np.diag(x), np.diag(x, 1), np.diag(v), np.diag(v, -2), np.diag(v, 1)), M, V)
case("diagflat", lambda x: np.diagflat(x, 1), A(2, 2))
case("tril", lambda x: (np.tril(x), np.tril(x, -1), np.tril(x[0])), T)
case("triu", lambda x: (np.triu(x), np.triu(x, 1)), T)
case("vander", lambda x: (np.vander(x), np.vander(x, 3, increasing=True)), A(4))

# -- indexing --------------------------------------------------------------------------------------

case("take", lambda x, i: (np.take(x, i), np.take(x, i, axis=1), x.take([0, -1], axis=0), np.take(x, 1, axis=0)), M, integers(2, 2))
case("take[modes]", lambda x, i: (np.take(x, i - 5, axis=0, mode="wrap"), np.take(x, i * 3, axis=0, mode="clip")), M, integers(4))
case("take_along_axis", lambda x, i: (np.take_along_axis(x, i, 1), np.take_along_axis(x, np.argsort(x, 0), 0)), M, integers(3, 2),
     layouts=False)
case("compress", lambda x: (np.compress([True, False, True], x, axis=0), np.compress([False, True], x),
                              x.compress([True, False], axis=1)), M)
case("extract", lambda x: np.extract(np.arange(12).reshape(3, 4) % 2 == 0, x), M)
case("diagonal", lambda x: (np.diagonal(x), np.diagonal(x, 1), x.diagonal(-1, 1, 2), np.diagonal(x, 0, 2, 0)), T)
case("trace", lambda x: (np.trace(x), np.trace(x, 1, 1, 2)), T)
case("insert", lambda x, v: (np.insert(x, 1, v, axis=1), np.insert(x, [0, 2], 5, axis=0), np.insert(x, 2, [1, 2]),
                             np.insert(x, slice(0, 2), 3, axis=1), np.insert(x, [1], [[7], [8], [9]], axis=1)), M, A(3))
case("delete", lambda x: (np.delete(x, 1, axis=0), np.delete(x, [0, 5]), np.delete(x, slice(1, 3), axis=1)), M)
case("fill", lambda x: anp.zeros(3) + x[0, 0], M)

# -- products --------------------------------------------------------------------------------------

P, Q = A(3, 4), A(4, 2)
case("dot", lambda x, y: (np.dot(x, y), x.dot(y)), P, Q, zero=False)
case("dot[vector]", lambda x, v: (np.dot(x, v), np.dot(v, v), np.dot(x, 2.0)), P, A(4))
case("dot[tensor]", lambda x, y: np.dot(x, y), T, A(2, 4, 3))
case("vdot", lambda x, y: np.vdot(x, y), P, A(4, 3))
case("inner", lambda x, y: (np.inner(x, y), np.inner(x[0], y[1])), T, A(5, 4))
case("outer", lambda x, y: (np.outer(x, y), np.linalg.outer(x, y[0])), A(3), A(2, 2))
case("matmul", lambda x, y: x @ y, P, Q)
case("matmul[vector]", lambda x, v: (x @ v, v @ x.T, v @ v), P, A(4))
case("matmul[batch]", lambda x, y: (x @ y, np.matmul(x, y[0]), np.matmul(x[0], y)), T, A(2, 4, 3))
case("matmul[broadcast]", lambda x, y: np.linalg.matmul(x, y), A(2, 1, 3, 2), A(4, 2, 3))
case("matmul[empty]", lambda x, y: (x[:, :0] @ y[:0], x[:0] @ y), P, Q)
case("vecdot", lambda x, y: (np.vecdot(x, y), np.linalg.vecdot(x, y, axis=0)), M, M)
case("matvec", lambda x, v: (np.matvec(x, v), np.vecmat(v[:3], np.transpose(x, (0, 1, 2)))), T, A(4))
case("vecmat", lambda v, x: np.vecmat(v, x), A(3), T)
case("tensordot", lambda x, y: (np.tensordot(x, y), np.tensordot(x, y, ((1, 2), (0, 1))), np.linalg.tensordot(x, y, axes=2)), T, A(3, 4, 2))
case("tensordot[axes]", lambda x, y: (np.tensordot(x, y, (0, 0)), np.tensordot(x, y, 0), np.tensordot(x, y, ([0], [0]))), A(2, 3), A(2, 2),
     order=1)
case("kron", lambda x, y: (np.kron(x, y), np.kron(x[0], y)), A(2, 3), A(2, 2))
case("cross", lambda x, y: (np.cross(x, y), np.linalg.cross(x, y), np.cross(x, y[0])), A(4, 3), A(4, 3))
case("cross[axes]", lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0), A(3, 4), A(4, 3))
for _mode in ("full", "same", "valid"):
    case(f"convolve[{_mode}]", lambda x, y, mode=_mode: (np.convolve(x, y, mode), np.convolve(y, x[:3], mode)), A(6), A(4), rtol=1e-5,
         compiled=_mode == "same")
    case(f"correlate[{_mode}]", lambda x, y, mode=_mode: (np.correlate(x, y, mode), np.correlate(y[:3], x, mode)), A(6), A(4), rtol=1e-5,
         compiled=_mode == "full")
_COMPILED = {"ij,jk->ik", "ij,kj", "ii", "bij,bjk->bik", "i,j->ij", "...ij,...jk->...ik", "ij,jk,kl->il", "iij,jk->ik", "bi,bi->b", "ij,j->i"}
for _text, *_shapes in (
        ("ij,jk->ik", (3, 4), (4, 2)), ("ij,kj", (3, 4), (2, 4)), ("ij->ji", (3, 4)), ("ij->j", (3, 4)), ("ii", (3, 3)), ("ii->i", (3, 3)),
        ("ij,ij->", (3, 4), (3, 4)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), ("i,j->ij", (3,), (4,)), ("bi,bj->bij", (2, 3), (2, 4)),
        ("...ij,...jk->...ik", (2, 3, 4), (4, 2)), ("i...,i...", (3, 2), (3, 4, 2)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
        ("ab,bc,cd,de->ae", (2, 3), (3, 4), (4, 2), (2, 3)), ("iij,jk->ik", (3, 3, 2), (2, 4)), ("ij,ij,ij->i", (3, 4), (3, 4), (3, 4)),
        ("bi,bi->b", (2, 3), (2, 3)), ("ij,j->i", (3, 4), (4,)), ("a,ab,b->", (3,), (3, 4), (4,)), ("ij,kj->", (3, 4), (2, 4)),
        ("ij,jk->ik", (3, 1), (4, 2)), ("abc,cd->adb", (2, 3, 4), (4, 2)), (",i->i", (), (3,))):
    case(f"einsum[{_text}{_shapes}]", lambda *xs, text=_text: np.einsum(text, *xs), *[A(*s) for s in _shapes],
         order=1, special=1 not in _shapes[0], compiled=_text in _COMPILED)
case("einsum[lists]", lambda x, y: (np.einsum(x, [0, 1], y, [1, 2], [0, 2]), np.einsum(x, [0, Ellipsis], [Ellipsis, 0])), P, Q)
case("einsum[optimize]", lambda x, y: np.einsum("ij,jk,jk->i", x, y, y, optimize="optimal"), P, Q, compiled=False)

# -- linalg ----------------------------------------------------------------------------------------

case("norm", lambda x: (np.linalg.norm(x), np.linalg.norm(x, axis=1), np.linalg.norm(x[0]), np.linalg.norm(x, "fro", keepdims=True)), M)
for _ord in (1, 2, np.inf, -np.inf, 0, 3, 0.5, -1):
    case(f"norm[vector,{_ord}]", lambda x, o=_ord: np.linalg.norm(x, o, axis=1, keepdims=True), M, compiled=_ord in (1, np.inf, 3))
for _ord in (1, -1, np.inf, -np.inf, "fro"):
    case(f"norm[matrix,{_ord}]", lambda x, o=_ord: (np.linalg.norm(x, o, axis=(0, 2)), np.linalg.norm(x, o, axis=(1, 0), keepdims=True)), T,
         order=1, compiled=False)
case("vector_norm", lambda x: (np.linalg.vector_norm(x), np.linalg.vector_norm(x, axis=(0, 2), keepdims=True, ord=1)), T, compiled=False)
case("matrix_norm", lambda x: (np.linalg.matrix_norm(x), np.linalg.matrix_norm(x, ord=1)), T, compiled=False)
case("matrix_power", lambda x: (np.linalg.matrix_power(x, 0), np.linalg.matrix_power(x, 1), np.linalg.matrix_power(x, 5)), A(2, 3, 3),
     order=1, rtol=1e-4)
case("multi_dot", lambda x, y, z: (np.linalg.multi_dot([x, y, z]), np.linalg.multi_dot([x[0], y, z[:, 0]]), np.linalg.multi_dot([x, y])),
     P, Q, A(2, 3))
case("linalg.diagonal", lambda x: (np.linalg.diagonal(x, offset=1), np.linalg.trace(x)), T, compiled=False)



def near(x):
    """A matrix far from singular, positive definite if it is read by its lower triangle, made of numbers between -4 and 4."""
    return x + (20 * np.eye(x.shape[-1])).astype(x.dtype)


S = A(2, 3, 3)
case("solve", lambda x, y, z: (np.linalg.solve(near(x), y), np.linalg.solve(near(x[0]), y), np.linalg.solve(near(x), z),
                               np.linalg.solve(near(x[:, None]), y)), S, A(2, 3, 4), A(3), special=False)
case("inv", lambda x: (np.linalg.inv(near(x)), np.linalg.matrix_power(near(x[0]), -2)), S, special=False, rtol=1e-4)
case("det", lambda x: (np.linalg.det(near(x)), np.linalg.det(x)), S, special=False, order=1, rtol=1e-4)
case("slogdet", lambda x: (*np.linalg.slogdet(near(x)), np.linalg.slogdet(-near(x[0])).sign), S, special=False)
case("cholesky", lambda x: (np.linalg.cholesky(near(x)), np.linalg.cholesky(near(x), upper=True)), S, special=False)
case("eigh", lambda x: (*np.linalg.eigh(near(x)), *np.linalg.eigh(near(x[0]), UPLO="U")), S, special=False, layouts=False)
case("eigvalsh", lambda x: (np.linalg.eigvalsh(near(x)), np.linalg.eigvalsh(near(x), "U")), S, special=False)
case("svd", lambda x: (*np.linalg.svd(near(x)), np.linalg.svd(x, compute_uv=False), *np.linalg.svd(x[..., :2], full_matrices=False)), S,
     special=False, layouts=False)
case("svdvals", lambda x: (np.linalg.svdvals(x), np.linalg.svdvals(x[..., :2])), S, special=False, layouts=False)
case("qr", lambda x: (*np.linalg.qr(near(x)), *np.linalg.qr(near(x)[..., :2]), *np.linalg.qr(near(x)[..., :2, :], "complete"),
                      np.linalg.qr(near(x), mode="r")), S, special=False, rtol=1e-4)
case("pinv", lambda x: (np.linalg.pinv(near(x)), np.linalg.pinv(near(x)[..., :2]), np.linalg.pinv(near(x), 1e-3),
                        np.linalg.pinv(near(x * 1.0)[..., :2, :], rtol=None)), S, special=False, rtol=1e-4)
case("norm[singular values]", lambda x: (np.linalg.norm(x, 2, (0, 2)), np.linalg.norm(x, "nuc", (2, 1), keepdims=True),
                                         np.linalg.norm(near(x), -2, (1, 2))), S, special=False, layouts=False, order=1)

# -- sorting and statistics ------------------------------------------------------------------------

case("sort", lambda x: (np.sort(x), np.sort(x, axis=0), np.sort(x, axis=None)), M, zero=True)
case("argsort", lambda x: (np.argsort(x), np.argsort(x, axis=0), x.argsort(axis=None)), M, dtypes="df", grad=False, layouts=False)
case("partition", lambda x: np.sort(np.partition(x, 2)[:, :2]), M, order=1)
case("argpartition", lambda x: np.sort(np.argpartition(x, 2)[:, :2]), M, dtypes="df", grad=False, layouts=False)
case("searchsorted", lambda a, v: (np.searchsorted(a, v), np.searchsorted(a, v, "right"), a.searchsorted(0.5)), rising(5), M, grad=False,
     layouts=False)
case("searchsorted[sorter]", lambda a, v: np.searchsorted(a, v, sorter=np.argsort(a)), V, M, grad=False, layouts=False, compiled=False)
case("digitize", lambda x: (np.digitize(x, [-1, 0, 1.5]), np.digitize(x, [1.5, 0, -1], right=True)), M, grad=False)
case("median[odd]", lambda x: (np.median(x, axis=1), np.median(x)), A(3, 5))
case("median[nan]", lambda x: np.median(np.where(np.arange(3)[:, None] == 1, np.nan, x), axis=1), A(3, 5), dtypes="df", grad=False)
for _method in ("linear", "lower", "higher", "nearest", "midpoint"):
    case(f"quantile[{_method}]", lambda x, m=_method: (np.quantile(x, 0.3, axis=1, method=m), np.quantile(x, [0.0, 0.45, 1.0], method=m)),
         A(3, 6), order=1, rtol=1e-5, compiled=_method in ("linear", "nearest"))
case("quantile[keepdims]", lambda x: (np.quantile(x, 0.25, axis=(0, 2), keepdims=True), np.quantile(x, [0.2, 0.3], axis=0, keepdims=True)), T,
     order=1, rtol=1e-5, compiled=False)
case("quantile[traced q]", lambda x, q: np.quantile(x, q), V, fixed(0.3, 0.6), dtypes="d", order=1)
case("percentile", lambda x: (np.percentile(x, 30, axis=0), np.percentile(x, [10, 90])), M, rtol=1e-5)
case("cov", lambda x, y: (np.cov(x), np.cov(x, y, bias=True), np.cov(x.T, rowvar=False), np.cov(x[0])), M, A(3, 4), rtol=1e-5)
case("corrcoef", lambda x: np.corrcoef(x), A(3, 6), rtol=1e-5)
case("diff", lambda x: (np.diff(x), np.diff(x, 2, axis=0), np.diff(x, axis=0, prepend=1, append=x[:1])), M)
case("diff[bool]", lambda x: np.diff(x), truth(6), dtypes="d")
case("ediff1d", lambda x: (np.ediff1d(x), np.ediff1d(x, to_end=[1, 2], to_begin=0)), M)
case("gradient", lambda x: (*np.gradient(x), np.gradient(x, 0.5, axis=1), *np.gradient(x, 2, 3, edge_order=2)), A(3, 4))
case("gradient[coordinates]", lambda x, t: (np.gradient(x, t, axis=1), np.gradient(x, t, axis=1, edge_order=2)), A(2, 5), rising(5), dtypes="df",
     rtol=1e-4, layouts=False)
case("trapezoid", lambda y, x: (np.trapezoid(y), np.trapezoid(y, x, axis=0), np.trapezoid(y, dx=0.5, axis=1)), M, rising(3))
case("interp", lambda x, xp, fp: (np.interp(x, xp, fp), np.interp(x, xp, fp, left=-1, right=9)), A(7, low=-3, high=3), rising(5), V,
     special=False)
case("bincount", lambda w: np.bincount(np.array([0, 2, 2, 4, 1]), w, minlength=7), V)

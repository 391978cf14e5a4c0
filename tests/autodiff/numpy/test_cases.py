"""The laws, on every row of the table."""

import inspect
import warnings

import numpy as np
import pytest

import autodiff.numpy  # noqa: F401
from tests.autodiff.numpy.cases import CASES
from tests.check import check_compiled, check_grads, check_value, is_float
from tracer.array import functions

DTYPES = {"d": np.float64, "f": np.float32, "i": np.int32, "u": np.uint8, "?": np.bool_}


def made(case, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [make(dtype, rng) for make in case.args]


def layouts(a):
    """The same shape in other layouts: strided, reversed, in Fortran order, repeated."""
    if a.ndim == 0:
        return [a]
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    out = [wide[..., ::2], np.flip(np.flip(a).copy()), np.asfortranarray(a)]
    if a.shape[0]:
        out.append(np.broadcast_to(a[:1], a.shape))
    return out


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_value(case):
    for c in case.dtypes:
        rtol = case.rtol if c == "f" or case.rtol is None else max(1e-11, case.rtol * 1e-6)
        check_value(case.f, *made(case, DTYPES[c]), rtol=rtol)


@pytest.mark.parametrize("case", [c for c in CASES if c.layouts], ids=repr)
def test_layouts(case):
    dtype = DTYPES[case.dtypes[0]]
    args = made(case, dtype)
    for i, a in enumerate(args):
        for other in layouts(a):
            check_value(case.f, *args[:i], other, *args[i + 1:], rtol=1e-10)


def with_special_numbers(a, rng):
    """The same array with nan and infinities in it."""
    a = np.array(a)
    if a.dtype.kind == "f" and a.size > 2:
        flat = a.reshape(-1)
        flat[[1, 2, -1]] = rng.permutation([np.nan, np.inf, -np.inf])
    return a


@pytest.mark.parametrize("case", [c for c in CASES if c.special and c.dtypes[0] == "d"], ids=repr)
def test_special_numbers(case):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        args = made(case, np.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            check_value(case.f, *[with_special_numbers(a, rng) for a in args], rtol=1e-9)


@pytest.mark.parametrize("case", [c for c in CASES if c.zero], ids=repr)
def test_empty(case):
    for dtype in (DTYPES[c] for c in case.dtypes):
        args = [a[:0] for a in made(case, dtype)]
        check_value(case.f, *args)


@pytest.mark.parametrize("case", [c for c in CASES if c.grad], ids=repr)
def test_derivatives(case):
    args = made(case, np.float64)
    if any(is_float(a) for a in args):
        check_grads(case.f, *args, order=case.order)


@pytest.mark.parametrize("case", [c for c in CASES if c.compiled], ids=repr)
def test_compiled(case):
    check_compiled(case.f, *made(case, np.float64), grad=case.grad)


LAYOUT_ROWS = [c for c in CASES if c.name in ("add[broadcast]", "mean[axis=0]", "matmul", "take", "transpose", "where")]


@pytest.mark.parametrize("case", LAYOUT_ROWS, ids=repr)
@pytest.mark.parametrize("kind", range(4), ids=["strided", "reversed", "fortran", "repeated"])
def test_compiled_layouts(case, kind):
    args = made(case, np.float64)
    check_compiled(case.f, *[a if a.dtype.kind == "i" else layouts(a)[kind] for a in args], grad=case.grad)


@pytest.mark.parametrize("case", [c for c in CASES if c.zero and c.compiled], ids=repr)
def test_compiled_empty(case):
    check_compiled(case.f, *[a[:0] for a in made(case, np.float64)], grad=False)


# -- the table itself ------------------------------------------------------------------------------

def label(name) -> str | None:
    """How rows call a function of the table of implementations; None for what other tests are about."""
    if isinstance(name, str):
        return None
    if isinstance(name, tuple):
        return f"{name[0].__name__}.{name[1]}"
    return name.__name__


ELSEWHERE = {
    # questions about types, and functions that need known values: test_values.py
    "nonzero", "argwhere", "flatnonzero", "iscomplexobj", "isrealobj", "result_type", "can_cast", "common_type", "ndim", "size",
    "add.at", "subtract.at",
    "copyto",       # writes: tests/autodiff/scipy/test_captured.py
}


def test_every_function_has_a_row():
    rows = {c.name.split("[")[0].removeprefix("linalg.") for c in CASES}
    missing = {label(f) for f in functions} - rows - ELSEWHERE - {None}
    assert {m for m in missing if not m.endswith(".outer")} == set()


def parameters(f):
    return [(p.name, p.kind) for p in inspect.signature(f).parameters.values()]


def has_parameters(f) -> bool:
    """Whether NumPy tells the parameters of a function; of those written in C it does since version 2.4."""
    try:
        return bool(inspect.signature(f))
    except ValueError:
        return False


DEPRECATED = {np.reshape: ["newshape"], np.quantile: ["interpolation"], np.percentile: ["interpolation"], np.corrcoef: ["bias", "ddof"]}
"""Parameters that NumPy has had up to a version before 2.5."""


@pytest.mark.parametrize("name", [f for f in functions if not isinstance(f, (str, tuple, np.ufunc)) and has_parameters(f)],
                         ids=lambda f: f.__name__)
def test_parameters_are_those_of_numpy(name):
    """Parameters of equal names in equal places; ours may have newer ones at the end."""
    theirs = [p for p, _ in parameters(name) if p != "kwargs" and p not in DEPRECATED.get(name, ())]
    ours = [p for p, _ in parameters(functions[name])]
    if name in (np.copy, np.astype):    # shared with the array method of the name
        theirs = theirs[:2]
    assert ours[:len(theirs)] == theirs or set(theirs) <= set(ours) and name in (np.astype, np.einsum)

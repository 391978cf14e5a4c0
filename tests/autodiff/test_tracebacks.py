"""Errors end at the user's line: no frame of this project, or of NumPy, is in a traceback or in those of the causes."""

import doctest
import traceback

import numpy as np
import pytest

import autodiff as ad
from tracer import tracebacks
from tracer.errors import is_internal

X = np.arange(6.0).reshape(2, 3)


def added(a, b):
    return np.tanh(a) + b


def program(x):
    for _ in range(3):
        if x.sum() > -1.0:
            x = x + added(x, x.T)       # shapes (2, 3) and (3, 2)
    return x.sum()


def checked(x):
    if x[0, 0] == 0.0:
        raise KeyError("mine")          # the user's own
    return x.sum()


def chained(x):
    try:
        checked(x)
    except KeyError as e:
        raise RuntimeError("other") from e      # the user's own cause
    return x.sum()


def picked(x, i):
    return x[i].sum()


def written(x):
    x.foo = 1.0
    return x


def tensor():
    return ad.tensor(X, requires_grad=True)


def stored():
    a = np.zeros(3)
    a[0] = tensor()[0, 0]


FACES = {
    "jit": lambda: ad.jit(program)(X),
    "jit of grad": lambda: ad.jit(ad.grad(program))(X),
    "grad": lambda: ad.grad(program)(X),
    "value_and_grad": lambda: ad.value_and_grad(program)(X),
    "vjp": lambda: ad.vjp(program, X),
    "pullback": lambda: ad.vjp(lambda x: x * 2.0, X)[1](X.T),
    "pullback of a graph": lambda: ad.vjp(lambda x: (x * 2.0, x), X)[1](X),
    "jvp": lambda: ad.jvp(program, (X,), (X,)),
    "linearize": lambda: ad.linearize(program, X),
    "tangent map": lambda: ad.linearize(lambda x: x, X)[1](X, X),
    "vmap": lambda: ad.vmap(added)(X, X.T[:2]),
    "jacobian": lambda: ad.jacobian(program)(X),
    "jacfwd": lambda: ad.jacfwd(program)(X),
    "hessian": lambda: ad.hessian(program)(X),
    "hvp": lambda: ad.hvp(program, X, X),
    "checkpoint": lambda: ad.grad(lambda x: ad.checkpoint(program)(x))(X),
    "cond": lambda: ad.jit(lambda x: ad.cond(x.sum() > 0, lambda x: x, lambda x: x.T, x))(X),
    "scan": lambda: ad.scan(lambda c, y: (c + x_t(c), y), X, X),
    "bind": lambda: ad.jit(program).bind(X),
    "trace": lambda: ad.jit(program).trace(X),
    "show": lambda: ad.show(picked, X, 0, stage="none"),
    "method": lambda: ad.jit(lambda x: x.reshape(5))(X),
    "numpy function": lambda: ad.jit(lambda x: np.sum(x, axis=4))(X),
    "attribute": lambda: ad.jit(written)(X),
    "argument": lambda: ad.jit(added)(X, {1, 2}),
    "static argument": lambda: ad.grad(picked, 1)(X, "text"),
    "custom": lambda: ad.grad(ad.custom_vjp(lambda x: x.sum()))(X),
    "convolution": lambda: ad.nn.conv2d(X, X),
    "user's own": lambda: ad.jit(checked)(X),
    "user's own in grad": lambda: ad.grad(checked)(X),
    "chained": lambda: ad.jit(chained)(X),
    "run time": lambda: ad.jit(picked)(X, np.int64(7)),
    "run time again": lambda: again(ad.jit(picked)),
    "run time bound": lambda: ad.jit(picked).bind(X, np.int64(7))(),
    "singular": lambda: ad.jit(lambda a: np.linalg.solve(a, X[:, :1]))(np.ones((2, 2))),
    "NumPy's own": lambda: ad.grad(lambda x: np.linalg.solve(np.ones((2, 2)), X[:, :1]).sum() + x)(1.0),
    "tensor operator": lambda: tensor() + tensor().T,
    "tensor reflected": lambda: X.T + tensor(),
    "tensor ufunc": lambda: np.add(tensor(), X.T),
    "tensor function": lambda: np.sum(tensor(), axis=5),
    "tensor reduction": lambda: tensor().sum(axis=5),
    "tensor extreme": lambda: tensor().max(dim=5),
    "tensor method": lambda: tensor().reshape(7),
    "tensor item": lambda: tensor()[7],
    "tensor items": lambda: tensor().item(),
    "tensor update": lambda: tensor().at[9].set(1.0),
    "tensor write": lambda: tensor().__setitem__(0, 1.0),
    "tensor in place": lambda: tensor().add_(X.T),
    "tensor stored": stored,
    "tensor number": lambda: float(tensor()),
    "backward": lambda: (tensor() * 2.0).backward(),
    "tensor made": lambda: ad.tensor("text"),
    "setting": lambda: setattr(ad.config, "generator", "gcc"),
}


def x_t(x):
    return x.T


def again(f):
    f(X, np.int64(1))
    f(X, np.int64(1))
    f(X, np.int64(7))


def all_of(e, seen=()):
    """An exception and what is printed with it."""
    if e is None or e in seen:
        return []
    return [e, *all_of(e.__cause__, (*seen, e)), *([] if e.__suppress_context__ else all_of(e.__context__, (*seen, e)))]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FACES)
def test_no_frame_of_ours(name):
    with pytest.raises(Exception) as info:
        FACES[name]()
    for e in all_of(info.value):
        files = [f.f_code.co_filename for f, _ in traceback.walk_tb(e.__traceback__)]
        assert not [f for f, _ in traceback.walk_tb(e.__traceback__) if is_internal(f.f_code)], files
    assert traceback.extract_tb(info.value.__traceback__)[-1].filename == __file__


def test_the_last_line_is_the_one_that_raised():
    for f, line in ((program, "x = x + added(x, x.T)"), (checked, "raise KeyError")):
        for g in (ad.jit(f), ad.grad(f), ad.jit(ad.grad(f))):
            with pytest.raises((ValueError, KeyError)) as info:
                g(X)
            entries = traceback.extract_tb(info.value.__traceback__)
            names = [e.name for e in entries if e.filename == __file__]
            assert f.__name__ in names and names.count(f.__name__) == 1, names     # blocks of a function are not entries of their own
            assert any(line in (e.line or "") for e in entries)


def test_causes_are_trimmed_and_attempts_of_ours_are_not_mentioned():
    with pytest.raises(RuntimeError, match="other") as info:
        ad.jit(chained)(X)
    assert [type(e) for e in all_of(info.value)] == [RuntimeError, KeyError]
    text = "".join(traceback.format_exception(info.value))
    assert "ConcreteValueError" not in text and "Declined" not in text and text.count("Traceback") == 2


def test_what_the_user_was_handling_stays():
    try:
        try:
            raise LookupError("first")
        except LookupError:
            ad.jit(added)(X, X.T)
    except ValueError as e:
        assert isinstance(e.__context__, LookupError)


def test_all_frames_where_they_are_asked_for(monkeypatch):
    monkeypatch.setattr(ad.config, "traceback", "full")
    with pytest.raises(ValueError) as info:
        ad.jit(added)(X, X.T)
    assert [f for f, _ in traceback.walk_tb(info.value.__traceback__) if is_internal(f.f_code)]
    with pytest.raises(ValueError, match="config.traceback is 'none'; it is one of short, full"):
        ad.config.traceback = "none"


def test_every_public_function_does_it():
    """Functions that run programs of the user's, as they stand in the namespace; those that return a function are looked at through that."""
    at_once = [ad.cond, ad.switch, ad.while_loop, ad.fori_loop, ad.scan, ad.map, ad.vjp, ad.jvp, ad.linearize, ad.hvp, ad.value_of, ad.tensor, ad.show,
               ad.c_function, ad.why, ad.nn.conv2d, ad.nn.max_pool2d, ad.nn.avg_pool2d, ad.scipy.linalg.solve, ad.scipy.linalg.cholesky]
    made = [make(np.sum) for make in (ad.grad, ad.value_and_grad, ad.jacobian, ad.jacfwd, ad.jacrev, ad.hessian, ad.vmap, ad.checkpoint)]
    methods = [ad.jit(np.sum).trace, ad.jit(np.sum).bind, type(ad.jit(np.sum)).__call__, ad.custom_jvp.__call__, ad.custom_vjp.__call__, ad.Tensor.backward,
               ad.Tensor.__add__, ad.Tensor.sum, ad.Tensor.reshape, ad.Tensor.__setitem__, ad.Tensor.__array_ufunc__, ad.Tensor.__array_function__]
    for f in (*at_once, *made, *methods):
        code = getattr(f, "__func__", f).__code__
        assert "trim" in code.co_names, f


def test_docstrings():
    results = doctest.testmod(tracebacks)
    assert results.attempted and results.failed == 0

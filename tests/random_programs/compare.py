"""A program against plain NumPy in every way it can be run: each way is a *face*, which raises `Difference` where it is not what NumPy gives.

Plain Python on copies of the arguments is the truth: results with their dtypes, what the arguments hold afterwards, exceptions. A refusal
(an error of ours that says what cannot be compiled) is counted, not judged.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

import autodiff as ad
from tests.random_programs import helpers
from tracer.errors import TraceError

__all__ = ["Difference", "Result", "arguments", "compare", "compare_lengths", "load"]

MANY_LENGTHS = (17, 18, 19, 20, 23, 24, 25, 31, 32, 33, 40, 47, 48, 63, 64, 65, 100, 130, 257)
FAULTS = ("AssertionError", "AttributeError", "TypeError", "KeyError", "NameError", "compiling failed")
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 31, 33)
INTEGERS = (np.int64, np.int64, np.int32, np.int16, np.int8, np.uint8)


class Difference(AssertionError):
    """A face gives something else than NumPy."""

    def __init__(self, face: str, what: str):
        super().__init__(f"{face}: {what}")
        self.face = face


@dataclass
class Result:
    """What became of a program: comparisons by face, and the heads of refusals."""

    comparisons: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


def load(text: str, folder: Path, name: str) -> ModuleType:
    """The module of a program, from a file: functions are captured from their source."""
    file = folder / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    module = ModuleType(name)
    module.__file__ = str(file)
    exec(compile(text, str(file), "exec"), vars(module))    # byte code on disk would be that of an earlier text of the same second
    return module


def _laid_out(x: np.ndarray, how: int) -> np.ndarray:
    """The same numbers, differently in memory."""
    if how == 1:
        out = np.empty((2 * len(x), *x.shape[1:]), x.dtype)[::2]
    elif how == 2:
        out = np.empty((len(x) + 3, *x.shape[1:]), x.dtype)[3:]
    elif how == 3:
        out = np.empty_like(x)[::-1]
    elif how == 4:
        out = np.empty(x.shape, x.dtype, order="F")
    else:
        return x
    out[...] = x
    return out


def arguments(seed: int, n: int, call: int, float32: bool) -> tuple:
    """The arguments of a program of this seed: kinds depend on the seed, numbers and layout on the call."""
    kinds, rng = np.random.default_rng(seed), np.random.default_rng((seed, n, call))
    kx, ky = ((np.float32 if float32 and kinds.random() < 0.3 else np.float64) for _ in range(2))
    ki = INTEGERS[kinds.integers(len(INTEGERS))]
    low = 0 if ki is np.uint8 else -4
    arrays = [rng.uniform(-0.9, 0.9, n).astype(kx), rng.uniform(0.1, 0.9, n).astype(ky), rng.integers(low, 6, n).astype(ki), rng.random(n) < 0.5,
              rng.uniform(-0.9, 0.9, (n, 3))]
    arrays = [_laid_out(x, int(rng.integers(0, 8))) for x in arrays]
    return (*arrays, float(rng.uniform(0.1, 0.9)), int(rng.integers(0, 4)))


def _copied(args: tuple) -> tuple:
    """Copies of arguments, with their strides and offsets."""
    return tuple(_same_layout(x) if isinstance(x, np.ndarray) else x for x in args)


def _same_layout(x: np.ndarray) -> np.ndarray:
    base = x
    while base.base is not None:
        base = base.base
    if base is x:
        return x.copy(order="K")
    memory = base.copy(order="K")
    offset = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return np.ndarray(x.shape, x.dtype, memory, offset, x.strides)


def _outcome(f: Callable, args: tuple) -> tuple[Any, BaseException | None]:
    try:
        return f(*args), None
    except Exception as e:      # noqa: BLE001 - whatever the program raises is to be raised by the compiled one
        return None, e


def _close(face: str, what: str, got: Any, want: Any, tolerance: float) -> None:
    """Equal dtypes and shapes; equal integers and truth values; close floats, nan and infinities in the same places.

    Of numbers only the value counts: which of `min(i, x)` it is decides the type in Python, and is not known while compiling.
    """
    g, w = np.asarray(got), np.asarray(want)
    if not w.shape and not g.shape:
        g, w = g.astype(np.float64), w.astype(np.float64)
    if g.dtype != w.dtype:
        raise Difference(face, f"{what} is {g.dtype}, not {w.dtype}")
    if g.shape != w.shape:
        raise Difference(face, f"{what} has shape {g.shape}, not {w.shape}")
    if w.dtype.kind in "iub":
        if not np.array_equal(g, w):
            raise Difference(face, f"{what} is {g}, not {w}")
        return
    finite = np.isfinite(w)
    if not np.array_equal(np.isnan(g), np.isnan(w)) or not np.array_equal(g[~finite & ~np.isnan(w)], w[~finite & ~np.isnan(w)]):
        raise Difference(face, f"{what} is {g}, not {w}")
    scale = np.max(np.abs(w[finite]), initial=1.0)
    if np.any(np.abs(g[finite].astype(float) - w[finite]) > tolerance * scale):
        raise Difference(face, f"{what} is {g}, not {w}")


NAMES = ("total", "v", "w", "k", "m", "a", "t", "j")


class _Faces:
    """The faces of one program."""

    def __init__(self, module: ModuleType, seed: int, float32: bool):
        self.program, self.loss = module.program, module.loss
        self.seed, self.float32 = seed, float32
        self.tolerance = 1e-3 if float32 else 1e-8
        self.result = Result()

    def same(self, face: str, f: Callable, args: tuple, plain: Callable | None = None) -> bool:
        """A call gives what the plain program gives. Whether there was something to compare."""
        mine, theirs = _copied(args), _copied(args)
        want, expected = _outcome(plain or self.program, theirs)
        got, raised = _outcome(f, mine)
        if isinstance(raised, TraceError):
            self.result.refused[_head(raised)] += 1
            return False
        if raised is not None or expected is not None:
            family = NameError if isinstance(expected, NameError) else type(expected)   # locals of converted code live in cells
            if raised is None or expected is None or not isinstance(raised, family):
                raise Difference(face, f"raises {_head(raised)}, not {_head(expected)}") from raised
            self.result.comparisons[face] += 1
            return True
        values = zip(NAMES, got, want, strict=True) if isinstance(want, tuple) else [("total", got, want)]
        for name, g, w in values:
            _close(face, name, g, w, self.tolerance)
            self.result.comparisons[face] += 1
        for name, g, w in zip("xykma", mine, theirs, strict=False):
            _close(face, f"the argument {name}", g, w, self.tolerance)
        return True

    def gradients(self, args: tuple) -> None:
        """Reverse mode, compiled and not, forward mode and differences agree."""
        wrt = (0, 1, 4, 5)
        _, expected = _outcome(self.loss, _copied(args))
        if expected is not None:
            return
        compiled, raised = _outcome(ad.jit(ad.value_and_grad(self.loss, argnums=wrt)), _copied(args))
        eager, other = _outcome(ad.value_and_grad(self.loss, argnums=wrt), _copied(args))
        for e, face in ((raised, "gradient"), (other, "eager gradient")):
            if isinstance(e, TraceError):
                self.result.refused[_head(e)] += 1
            elif e is not None:
                raise Difference(face, f"raises {_head(e)}") from e
        if raised is None and other is None:
            for k, (g, e) in enumerate(zip(compiled[1], eager[1], strict=True)):
                self.near("gradient", f"gradient {k}", g, e)
        found = compiled if raised is None else eager if other is None else None
        if found is None:
            return
        rng = np.random.default_rng(self.seed)
        directions = [rng.normal(size=np.shape(args[k])).astype(np.asarray(args[k]).dtype)[()] for k in wrt]
        slope = float(sum(np.sum(np.asarray(g, float) * d) for g, d in zip(found[1], directions, strict=True)))
        self.forward(args, directions, slope)
        if not self.float32 and np.isfinite(slope):     # an infinite slope times nothing is nan: both modes say so
            self.differences(args, directions, slope)

    def same_gradients(self, g: Callable, args: tuple) -> None:
        """A call gives the gradients that a recording of this shape alone gives."""
        got, raised = _outcome(g, _copied(args))
        with mock.patch.object(ad.config, "share_shapes", False):
            want, alone = _outcome(ad.jit(g.function), _copied(args))
        if (raised is None) != (alone is None):
            raise Difference("length of a gradient", f"raises {_head(raised)}, not {_head(alone)}") from raised or alone
        if raised is None:
            for k, (a, b) in enumerate(zip(got[1], want[1], strict=True)):
                self.near("length of a gradient", f"gradient {k}", a, b)

    def near(self, face: str, what: str, got: Any, want: Any) -> None:
        """Finite numbers of two ways to the same are close; what overflows may be inf in one order of sums and nan in another."""
        g, w = np.asarray(got), np.asarray(want)
        if g.dtype != w.dtype or g.shape != w.shape:
            raise Difference(face, f"{what} is {g.dtype}{g.shape}, not {w.dtype}{w.shape}")
        if np.all(np.isfinite(w)) and np.max(np.abs(w), initial=0) < 1e12:
            if not np.all(np.isfinite(g)):
                raise Difference(face, f"{what} is {g}, not {w}")
            if np.any(np.abs(g - w) > 100 * self.tolerance * np.max(np.abs(w), initial=1.0)):
                raise Difference(face, f"{what} is {g}, not {w}")
            self.result.comparisons[face] += 1

    def forward(self, args: tuple, directions: list, slope: float) -> None:
        """Forward mode gives the slope."""
        x, y, k, m, a, s, j = _copied(args)

        def tangent(k, m, j, x, y, a, s, *d):
            return ad.jvp(lambda x, y, a, s: self.loss(x, y, k, m, a, s, j), (x, y, a, s), d)[1]
        got, raised = _outcome(ad.jit(tangent), (k, m, j, x, y, a, s, *directions))
        if isinstance(raised, TraceError):
            self.result.refused[_head(raised)] += 1
        elif raised is not None:
            raise Difference("forward", f"raises {_head(raised)}") from raised
        else:
            self.near("forward", "slope", np.float64(got), np.float64(slope))

    def differences(self, args: tuple, directions: list, slope: float) -> None:
        """Central differences give the slope, where two of them agree: no step of a condition lies between."""
        h = 1e-6

        def at(c: float) -> float:
            moved = list(_copied(args))
            for k, d in zip((0, 1, 4, 5), directions, strict=True):
                moved[k] = moved[k] + c * h * d
            value, raised = _outcome(self.loss, tuple(moved))
            return float(value) if raised is None else np.nan
        near = [at(c) for c in (-2, -1, 1, 2)]
        slopes = [(near[2] - near[1]) / (2 * h), (near[3] - near[0]) / (4 * h)]
        size = 1 + abs(slopes[0])
        if np.all(np.isfinite(near)) and abs(slopes[0] - slopes[1]) < 1e-5 * size and max(map(abs, near)) < 1e6 * size:
            if not abs(slope - slopes[0]) <= 1e-4 * size:
                raise Difference("differences", f"the slope is {slope}, not {slopes[0]}")
            self.result.comparisons["differences"] += 1

    def curvature(self, args: tuple) -> None:
        """A Hessian product is the difference of two gradients, where that is well defined."""
        if _outcome(self.loss, _copied(args))[1] is not None:
            return
        x, *others = _copied(args)
        v = np.random.default_rng(self.seed).normal(size=x.shape)
        got, raised = _outcome(ad.jit(lambda x, v, *rest: ad.hvp(lambda x: self.loss(x, *rest), x, v)), (x, v, *others))
        if raised is not None:
            if isinstance(raised, TraceError):
                self.result.refused[_head(raised)] += 1
                return
            raise Difference("curvature", f"raises {_head(raised)}") from raised
        g, h = ad.jit(ad.grad(self.loss)), 1e-6
        near = [_outcome(g, (x + c * h * v, *_copied(args)[1:]))[0] for c in (-2, -1, 1, 2)]
        if any(z is None for z in near):
            return
        one, two = (near[2] - near[1]) / (2 * h), (near[3] - near[0]) / (4 * h)
        size = 1 + np.max(np.abs(one), initial=0)
        if np.all(np.isfinite(one)) and np.all(np.isfinite(two)) and np.max(np.abs(one - two), initial=0) < 1e-5 * size < 1e6:
            if not np.max(np.abs(got - one), initial=0) <= 1e-3 * size:
                raise Difference("curvature", f"the product is {got}, not {one}")
            self.result.comparisons["curvature"] += 1


def _head(e: BaseException | None) -> str:
    return "nothing" if e is None else f"{type(e).__name__}: {(str(e).strip() or '-').splitlines()[0][:90]}"


@contextmanager
def _changed_outside() -> Iterator[None]:
    """Other values of what programs read outside of their arguments."""
    with mock.patch.object(helpers, "RATE", 0.4), mock.patch.dict(helpers.SETTINGS, {"gain": 1.3, "steps": 2}), \
            mock.patch.object(helpers.Meter, "scale", 0.9), mock.patch.object(helpers, "TABLE", [0.1, 0.2, -0.7]):
        yield


@contextmanager
def _generator(name: str) -> Iterator[None]:
    before, ad.config.generator = ad.config.generator, name
    try:
        yield
    finally:
        ad.config.generator = before


def compare(module: ModuleType, seed: int, float32: bool, only: str = "") -> Result:
    """Compare one program in every way; or, for looking at a failure again, only as far as the face `only` asks.

    Raises
    ------
    Difference
        At the first face that is not what NumPy gives.
    """
    faces = _Faces(module, seed, float32)
    rng = np.random.default_rng(seed)
    first, second, third = (int(n) for n in rng.choice(LENGTHS, 3, replace=False))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*This is a fault of autodiff.*")
        f = ad.jit(module.program)
        args = arguments(seed, first, 0, float32)
        value, raised = _outcome(module.program, _copied(args))
        if raised is None and (len(value) != len(NAMES) or np.shape(value[0]) or np.asarray(value[0]).dtype.kind != "f"):
            raise TypeError("no program: it returns something else")
        derivatives = only in ("gradient", "eager gradient", "forward", "differences")
        if not derivatives and faces.same("call", f, args) and only != "call":
            faces.same("other numbers", f, arguments(seed, first, 1, float32))
            faces.same("other length", f, arguments(seed, second, 2, float32))
            with _changed_outside():
                faces.same("changed outside", f, arguments(seed, first, 3, float32))
            faces.same("as before", f, args)
            faces.same("third length", f, arguments(seed, third, 4, float32))
        if not only or derivatives:
            faces.gradients(args)
        if derivatives:
            return faces.result
        draw = rng.random(4)
        if draw[0] < 0.1:
            with mock.patch("codegen.loops.passes.share_loops.ENOUGH", 0):
                faces.same("threads", ad.jit(module.program, threads=2), args)
                faces.same("threads", ad.jit(module.program, threads=2), arguments(seed, 33, 5, float32))
        if draw[1] < 0.01:
            with _generator("numba"):
                faces.same("numba", ad.jit(module.program), args)
        if draw[2] < 0.05:
            faces.same("donated", ad.jit(module.loss, donate=(0, 1)), args, module.loss)
        if draw[3] < 0.1 and not float32:
            faces.curvature(args)
    return faces.result


def compare_lengths(module: ModuleType, seed: int, float32: bool, only: str = "") -> Result:
    """Compare one program at many lengths, one after another: values with plain Python, gradients with those of each length's own recording.

    Raises
    ------
    Difference
        At the first length that is not right.
    """
    faces = _Faces(module, seed, float32)
    lengths = [int(n) for n in np.random.default_rng(seed).choice(MANY_LENGTHS, 10, replace=False)]
    f, g = ad.jit(module.program), ad.jit(ad.value_and_grad(module.loss, argnums=(0, 1, 4, 5)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".*This is a fault of autodiff.*")
        if not only or only == "length":
            for k, n in enumerate(lengths):
                if not faces.same("length", f, arguments(seed, n, k, float32)):
                    break
        for k, n in enumerate(lengths[:5]):
            args = arguments(seed, n, k, float32)
            if _outcome(module.loss, _copied(args))[1] is None:
                faces.same_gradients(g, args)
    for structure in (*f._shapes.structures.values(), *g._shapes.structures.values()):
        if structure.refused.startswith(FAULTS):    # a length did not pass for an int
            raise Difference("length", f"refused by {structure.refused}")
    faces.result.comparisons["shapes served"] += f._shapes.served_shapes + g._shapes.served_shapes
    return faces.result

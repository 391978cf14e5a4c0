"""`jit`: what users call to compile a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autodiff.compiled.by_object import CompiledFunction

__all__ = ["jit"]


def _as_tuple(x) -> tuple:
    return (x,) if isinstance(x, (int, str)) else tuple(x)


def jit(f: Callable | None = None, *, static_argnums: int | Iterable[int] = (), static_argnames: str | Iterable[str] = (),
        max_signatures: int = 4096, timed: bool = False, threads: int | None = None,
        wait: bool | None = None, donate: int | Iterable[int] = (), verify: str | None = None) -> Any:
    """Compile a function: traced at the first call with a signature, then run as native code.

    Parameters
    ----------
    f : function of trees of arrays and numbers, made of NumPy operations. Texts, members of enumerations, types, dtypes, slices, functions
        and objects among the arguments are static: another one compiles anew
    static_argnums, static_argnames : positions and names of further arguments that are static, such as numbers that decide what is computed
    max_signatures : how many kernels are kept; the oldest go first
    timed : whether `cache_info()` counts the seconds spent in kernels (costs 0.1 us a call)
    threads : most threads that a kernel may use, 0 for as many as there are processors; by default `ad.config.threads`. Only loops
        long enough to repay it are shared. Results depend on the number of threads, in the last digits, not on the load
    wait : whether a call waits until its kernel is compiled. Otherwise, where that would take more than about 20 ms, the NumPy evaluator
        serves calls meanwhile, with results that agree to rounding; by default as `ad.config.wait` says
    verify : "off", or whether the "first" call of each kernel, or "always", is compared with what the plain function gives; by default as
        `ad.config.verify` says. A verified call runs the function again, and raises `ad.VerificationError` where something differs
    donate : positions of arguments that the caller gives away, such as the parameters and state of a training step: results may take
        the memory of their arrays, which then hold the results. Hand such an array over once only, and use it no more

    Returns
    -------
    CompiledFunction : callable as `f`; has `trace`, `source`, `cache_info`, `cache_clear` and `why`

    Raises
    ------
    ConcreteValueError
        While tracing, where Python needs the number behind a traced value.

    Examples
    --------
    >>> import numpy as np
    >>> norm2 = jit(lambda x: (x * x).sum())
    >>> float(norm2(np.arange(4.0)))
    14.0
    >>> norm2.cache_info().misses
    1
    """
    if f is None:
        return lambda g: jit(g, static_argnums=static_argnums, static_argnames=static_argnames, max_signatures=max_signatures,
                             timed=timed, threads=threads, wait=wait, donate=donate, verify=verify)
    nums, names = _as_tuple(static_argnums), _as_tuple(static_argnames)
    return CompiledFunction(f, nums, names, max_signatures, timed, threads, wait, _as_tuple(donate), verify)

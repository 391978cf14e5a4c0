"""Which Python functions are captured when they are called, and which run as they stand.

Every function written in Python is captured, wherever it lies, except for those of the packages below. Functions of other packages than the
user's own are captured only where a traced value can reach them (`autodiff.capture.reaching`): elsewhere they run as they stand.
"""

from __future__ import annotations

import functools
import os
from types import FunctionType
from typing import Any

from tracer.errors import is_internal_file

__all__ = ["EXCLUDED", "exclude", "excluded_by_user", "is_captured", "is_captured_module", "is_library_file", "opaque", "why_not"]

_OWN_FUNCTIONS = "its functions have implementations of ours, or are refused by name"
_CLASSES = "it makes classes, once and for all, and the numbers of a program do not take part"
_PROGRAMS = "it works on programs and texts, not on the numbers of a program"
_MESSAGES = "what it says or keeps is said once, while the function is recorded"
_THREADS = "a recording belongs to one thread of one process"
_OTHER_ARRAYS = "its arrays are of classes of its own, with operations in compiled code"
_TESTS = "it runs tests and rewrites their assertions"

EXCLUDED: dict[str, str] = {
    **dict.fromkeys(("numpy", "scipy"), _OWN_FUNCTIONS),
    **dict.fromkeys(("numba", "llvmlite", "torch", "jax", "jaxlib", "tensorflow", "cupy", "pandas", "polars", "pyarrow", "autograd"),
                    _OTHER_ARRAYS),
    **dict.fromkeys(("abc", "_py_abc", "enum", "typing", "typing_extensions", "types", "weakref", "_weakrefset", "reprlib"), _CLASSES),
    **dict.fromkeys(("importlib", "inspect", "ast", "dis", "tokenize", "linecache", "traceback", "re", "sre_compile", "sre_parse", "string",
                     "textwrap", "locale", "codecs", "encodings", "gettext", "json", "pickle", "copyreg", "argparse", "pprint", "pkgutil",
                     "datetime", "_strptime", "calendar", "zoneinfo", "os", "posixpath", "ntpath", "genericpath", "pathlib", "io", "_pyio",
                     "tempfile", "shutil", "site", "sysconfig", "platform", "csv", "zipfile", "gzip", "codeop", "code", "pdb", "bdb", "cmd",
                     "IPython", "ipykernel", "docutils", "rich"), _PROGRAMS),
    **dict.fromkeys(("logging", "warnings", "atexit", "tqdm", "matplotlib", "time", "timeit", "cProfile", "profile", "pstats", "gc"),
                    _MESSAGES),
    **dict.fromkeys(("threading", "queue", "multiprocessing", "concurrent", "asyncio", "subprocess", "socket", "selectors", "signal",
                     "joblib", "dask"), _THREADS),
    **dict.fromkeys(("unittest", "doctest", "pytest", "_pytest", "pluggy", "hypothesis"), _TESTS),
    "random": "its generators are state that each call advances (`autodiff.capture.advancing`)",
    "copy": "a copy of a traced value is a traced value: see `autodiff.capture.counterparts`",
}
"""Packages and modules whose Python functions are not captured, and why."""

_WRITTEN_FOR_CAPTURE = {__file__.removesuffix("excluded.py") + name for name in ("callbacks.py", "statistics_functions.py")}
"""Our files of functions that stand for others: they are captured like those of a user."""
_STDLIB = os.path.dirname(os.__file__) + "/"
_by_user: set[str] = set()


def exclude(*packages: str) -> None:
    """Leave packages as they stand: their Python functions are no longer captured.

    A function that is not captured runs on stand-ins for traced values. Its operators and the functions of NumPy that it calls are
    recorded, its conditions and loops are Python's own, and what needs a number raises `ConcreteValueError`.

    Parameters
    ----------
    packages : names of packages or modules, such as "sympy" or "package.module"
    """
    _by_user.update(packages)
    is_captured_module.cache_clear()


def excluded_by_user() -> list[str]:
    """The packages that the user leaves as they stand."""
    return sorted(_by_user)


def opaque(f: FunctionType) -> FunctionType:
    """Mark a function that is not to be captured; return it.

    It runs as it stands, as one of an excluded package does; see `exclude`. So does what it calls.

    Examples
    --------
    >>> import autodiff as ad
    >>> @ad.opaque
    ... def scale(x):
    ...     return x * 2.0 if x is not None else 0.0
    >>> float(ad.jit(lambda x: scale(x))(3.0))
    6.0
    """
    f.__dict__["__autodiff_opaque__"] = f.__code__      # a copy of these attributes on a wrapper, by functools.wraps, marks nothing
    return f


def is_captured(f: FunctionType) -> bool:
    """Whether a Python function is captured when a traced value can reach it."""
    if f.__dict__ and f.__dict__.get("__autodiff_opaque__") is f.__code__:
        return False
    name: Any = f.__globals__.get("__name__")
    return is_captured_module(name if type(name) is str else "", f.__code__.co_filename)


def why_not(f: Any) -> str:
    """Why a function is not captured, in words; empty for one that would be."""
    if isinstance(f, FunctionType) and f.__dict__.get("__autodiff_opaque__") is f.__code__:
        return "it is marked as opaque"
    if isinstance(f, FunctionType) and is_captured(f):
        return ""
    module = getattr(f, "__module__", None) or ""
    names = [module[:k] for k, c in enumerate(module + ".") if c == "."]
    if any(n in _by_user for n in names):
        return "its package is excluded by ad.config.exclude"
    return next((EXCLUDED[n] for n in names if n in EXCLUDED), "it is compiled code")


@functools.lru_cache(maxsize=4096)
def is_captured_module(module: str, file: str) -> bool:
    """Whether the functions of a module, whose code comes from a file, are captured."""
    if is_internal_file(file) and not file.startswith("<frozen"):
        return file in _WRITTEN_FOR_CAPTURE
    parts = module.split(".")
    names = [".".join(parts[:k]) for k in range(1, len(parts) + 1)]
    return not any(n in EXCLUDED and is_library_file(file) or n in _by_user for n in names)


@functools.lru_cache(maxsize=4096)
def is_library_file(file: str) -> bool:
    """Whether a file belongs to the standard library or an installed package, and is not the user's own or of this project."""
    installed = file.startswith("<frozen") or "site-packages" in file or "dist-packages" in file
    return installed or file.startswith(_STDLIB)

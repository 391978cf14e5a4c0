"""autodiff: derivatives of ordinary NumPy programs, compiled.

>>> import autodiff as ad
>>> import numpy as np
>>> ad.grad(lambda x: (x * x).sum())(np.arange(3.0)).tolist()
[0.0, 2.0, 4.0]

Importing this loads nothing: each name brings what it needs when it is first used (`_NAMES`), so that a program waits for the parts alone
that it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import autodiff.numpy
    from autodiff import nn, optim, scipy
    from autodiff.api.control import cond, fori_loop, scan, switch, while_loop
    from autodiff.api.control import map_ as map
    from autodiff.api.custom import custom_jvp, custom_vjp
    from autodiff.api.grad import checkpoint, grad, jvp, linearize, stop_gradient, value_and_grad, value_of, vjp, vmap
    from autodiff.api.jacobian import hessian, hvp, jacfwd, jacobian, jacrev
    from autodiff.capture.excluded import exclude, opaque
    from autodiff.compiled.interop import CFunction, c_function
    from autodiff.compiled.jit import jit
    from autodiff.compiled.jitted import CacheInfo
    from autodiff.compiled.settings import config
    from autodiff.compiled.show import show
    from autodiff.compiled.verify import VerificationError
    from autodiff.eager import functions
    from autodiff.eager.tensor import Tensor, enable_grad, is_grad_enabled, no_grad, tensor, why
    from autodiff.transforms.checkpoint import checkpoint_loop
    from tracer.tree import register_tree

__version__ = "0.1.0"

_MODULES = ("nn", "numpy", "optim", "scipy")
_NAMES = {
    "api.control": ("cond", "fori_loop", "map", "scan", "switch", "while_loop"),
    "api.custom": ("custom_jvp", "custom_vjp"),
    "api.grad": ("checkpoint", "grad", "jvp", "linearize", "stop_gradient", "value_and_grad", "value_of", "vjp", "vmap"),
    "api.jacobian": ("hessian", "hvp", "jacfwd", "jacobian", "jacrev"),
    "capture.excluded": ("exclude", "opaque"),
    "compiled.interop": ("CFunction", "c_function"),
    "compiled.jit": ("jit",),
    "compiled.jitted": ("CacheInfo",),
    "compiled.settings": ("config",),
    "compiled.show": ("show",),
    "compiled.verify": ("VerificationError",),
    "eager": ("functions",),
    "eager.tensor": ("Tensor", "enable_grad", "is_grad_enabled", "no_grad", "tensor", "why"),
    "transforms.checkpoint": ("checkpoint_loop",),
}
"""Module inside of this package -> the public names that it has."""
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted([*_MODULES, *_HOME, "register_tree"])


def __getattr__(name: str) -> Any:
    """A public name, when it is first asked for."""
    if name in _MODULES:
        found = import_module(f"autodiff.{name}")
    elif name == "register_tree":
        found = import_module("tracer.tree").register_tree
    elif name in _HOME:
        _prepare()
        if name == "functions":
            found = import_module("autodiff.eager.functions")
        else:
            found = getattr(import_module(f"autodiff.{_HOME[name]}"), "map_" if name == "map" else name)
    else:
        raise AttributeError(f"module 'autodiff' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _prepare() -> None:
    """What all names need: NumPy's names for traced values, and the way to the tape."""
    import autodiff.numpy
    from autodiff.tape_roads import tape_roads
    if not tape_roads:
        tape_roads.append(_on_tape)


def _on_tape(f: Any) -> Any:
    from autodiff.eager.functions import OnTape
    return OnTape(f)

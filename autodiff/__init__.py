"""autodiff: derivatives of ordinary NumPy programs, compiled.

>>> import autodiff as ad
>>> import numpy as np
>>> ad.grad(lambda x: (x * x).sum())(np.arange(3.0)).tolist()
[0.0, 2.0, 4.0]
"""

import autodiff.numpy
from autodiff import nn, optim, scipy
from autodiff.api.control import cond, fori_loop, scan, switch, while_loop
from autodiff.api.control import map_ as map
from autodiff.api.custom import custom_jvp, custom_vjp
from autodiff.api.grad import (
    checkpoint,
    grad,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    value_of,
    vjp,
    vmap,
)
from autodiff.api.jacobian import hessian, hvp, jacfwd, jacobian, jacrev
from autodiff.capture.excluded import exclude, opaque
from autodiff.compiled.interop import CFunction, c_function
from autodiff.compiled.jit import jit
from autodiff.compiled.jitted import CacheInfo, config
from autodiff.compiled.show import show
from autodiff.compiled.verify import VerificationError
from autodiff.eager import functions
from autodiff.eager.tensor import Tensor, enable_grad, is_grad_enabled, no_grad, tensor, why
from autodiff.transforms.checkpoint import checkpoint_loop
from tracer.tree import register_tree

config.exclude = exclude

__version__ = "0.1.0"

"""Optimisers over tensors, with PyTorch's names: `SGD`, `Adam`, `AdamW`. They are public as `autodiff.optim.SGD` and so on.

In: tensors whose `grad` has been filled by `backward`. A step hands the arrays of all parameters, gradients and state to one compiled
function, which writes the new values into the memory that the old ones had. What the optimiser keeps for a parameter (velocity, moments) is
an array of the parameter's shape and dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autodiff.compiled.jit import jit
from autodiff.eager.memory import own_array, part_of, root_of
from autodiff.eager.modes import enable_grad
from autodiff.eager.tape import force
from autodiff.eager.tensor import Tensor
from tracer.errors import GradientError, ShapeError, explain

__all__ = ["TensorOptimizer", "SGD", "Adam", "AdamW"]

MOST_KERNELS = 16


class TensorOptimizer:
    """What the optimisers have in common.

    Parameters
    ----------
    params : tensors, or dicts with the key "params" and settings that differ from the defaults
        Leaves that require a gradient.

    Attributes
    ----------
    param_groups : list of dicts with the key "params" and the settings; a setting may be changed between steps

    Raises
    ------
    GradientError
        If a parameter is no leaf that requires a gradient, or is given twice.
    """

    kept: tuple[str, ...] = ()
    """Names of the arrays that are kept for each parameter."""

    def __init__(self, params: Iterable, **defaults: Any):
        given = list(params)
        groups = given if given and isinstance(given[0], dict) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = [{**defaults, **group, "params": list(group["params"])} for group in groups]
        self._params = [p for group in self.param_groups for p in group["params"]]
        self._groups = [n for n, group in enumerate(self.param_groups) for _ in group["params"]]
        _check_parameters(self._params)
        self._kept: list[tuple] = [()] * len(self._params)
        self._steps = np.zeros(len(self._params))
        self._compiled: dict[tuple, Callable] = {}

    @staticmethod
    def update(form: tuple, settings: Sequence, step: Any, p: Any, g: Any, kept: tuple) -> tuple[Any, tuple]:
        """The new value of one parameter and of what is kept for it; `step` counts from 1, `form` is what `form_of` gave."""
        raise NotImplementedError

    def form_of(self, group: dict) -> tuple:
        """What decides the formula of a group, besides numbers."""
        raise NotImplementedError

    def numbers_of(self, group: dict) -> tuple:
        """The numbers in the formula of a group; another number needs no other kernel."""
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for p in self._params:
            if set_to_none or p.grad is None:
                p.grad = None
            else:
                p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Parameters
        ----------
        closure : function that computes the gradients anew and returns the loss; it is called first, and its result is returned
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        chosen = [k for k, p in enumerate(self._params) if p.grad is not None]
        if not chosen:
            return loss
        params, grads, kept = [], [], []
        for k in chosen:
            p = self._params[k]
            array = _memory(p)
            params.append(array)
            grads.append(_with_axis(force(p.grad.current())))
            kept.append(self._kept[k] or tuple([np.zeros_like(array) for _ in self.kept]))
        forms = [self.form_of(group) for group in self.param_groups]
        settings = [tuple([float(x) for x in self.numbers_of(group)]) for group in self.param_groups]
        all_of_them = len(chosen) == len(self._params)
        self._steps[slice(None) if all_of_them else chosen] += 1
        steps = self._steps if all_of_them else self._steps[chosen]
        found = self._kernel(tuple([(self._groups[k], forms[self._groups[k]]) for k in chosen]))(params, kept, grads, steps, settings)
        for k, array, (new, left) in zip(chosen, params, found):
            if new is not array:    # else the kernel has written into its memory
                array[...] = new
            self._kept[k] = left
            root_of(self._params[k]).version += 1
        return loss

    def _kernel(self, forms: tuple) -> Callable:
        """The compiled function for these forms of the parameters that have a gradient; at most `MOST_KERNELS` are kept."""
        found = self._compiled.get(forms)
        if found is None:
            if len(self._compiled) >= MOST_KERNELS:
                self._compiled.clear()
            found = self._compiled[forms] = jit(_all_together(self.update, forms), donate=(0, 1))
        return found

    def state_dict(self) -> dict[str, Any]:
        """The state as PyTorch lays it out, with NumPy arrays: what `load_state_dict` takes."""
        groups, first = [], 0
        for group in self.param_groups:
            last = first + len(group["params"])
            groups.append({**group, "params": list(range(first, last))})
            first = last
        return {"state": {k: {"step": int(self._steps[k]), **{name: a.reshape(p.shape).copy() for name, a in zip(self.kept, self._kept[k])}}
                          for k, p in enumerate(self._params) if self._steps[k]},
                "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` gave, also in another process.

        Raises
        ------
        ShapeError
            If the state belongs to other parameters.
        """
        groups = state_dict["param_groups"]
        if [len(g["params"]) for g in groups] != [len(g["params"]) for g in self.param_groups]:
            raise explain(ShapeError, f"a state of {[len(g['params']) for g in groups]} parameters for an optimiser of "
                          f"{[len(g['params']) for g in self.param_groups]}", why="both have the same groups")
        loaded: list[tuple[int, tuple]] = [(0, ())] * len(self._params)
        for k, entry in state_dict["state"].items():
            p = self._params[k]
            arrays = tuple([np.array(entry[name], p.dtype) for name in self.kept])
            for a in arrays:
                if a.shape != p.shape:
                    raise explain(ShapeError, f"a state of shape {a.shape} for parameter {k} of shape {p.shape}", why="both have one shape")
            loaded[k] = int(entry["step"]), tuple([_with_axis(a) for a in arrays])
        self._steps = np.array([steps for steps, _ in loaded], float)
        self._kept = [arrays for _, arrays in loaded]
        for mine, group in zip(self.param_groups, groups, strict=True):
            mine.update({name: value for name, value in group.items() if name != "params"})

    def __repr__(self) -> str:
        groups = ["  ".join(f"{name}: {value}" for name, value in group.items() if name != "params") for group in self.param_groups]
        return f"{type(self).__name__}({'; '.join(groups)})"


def _check_parameters(params: list) -> None:
    seen = set()
    for k, p in enumerate(params):
        if not isinstance(p, Tensor) or not p.is_leaf or not p.requires_grad:
            what = "the result of an operation" if isinstance(p, Tensor) and not p.is_leaf else "no tensor that requires grad"
            raise explain(GradientError, f"parameter {k} of an optimiser is {what}",
                          why="only a leaf gathers a gradient", fix="make it with ad.tensor(..., requires_grad=True)")
        if id(p) in seen:
            raise explain(GradientError, f"parameter {k} of an optimiser is given twice", why="a step would change it twice")
        seen.add(id(p))


def _memory(p: Any) -> np.ndarray:
    """The array of a parameter, to be written."""
    root = root_of(p)
    force(root.current())
    return _with_axis(part_of(p, own_array(root)))


def _with_axis(a: Any) -> np.ndarray:
    """A number as an array of one element, which a kernel can write to; other arrays as they are."""
    return a if a.shape else np.reshape(a, 1)


def _all_together(update: Callable, forms: tuple) -> Callable:
    """The function of all parameters that is compiled; `forms` has the number of the group and the form of each."""
    def new_values(params, kept, grads, steps, settings):
        return [update(form, settings[group], steps[k], params[k], grads[k], kept[k]) for k, (group, form) in enumerate(forms)]
    return new_values


class SGD(TensorOptimizer):
    """Gradient descent over tensors, with heavy-ball or Nesterov momentum if asked for.

    g = g + weight_decay p;  v = momentum v + g;  p = p - lr v, or p = p - lr (g + momentum v) with `nesterov`.

    Parameters
    ----------
    params : tensors, or dicts for groups of them
    lr : float
        Step length.
    momentum : float
        How much of the last velocity is kept; 0 keeps no state.
    weight_decay : float
        The factor of the parameter that is added to its gradient.
    nesterov : bool
        Whether the step looks ahead along the velocity.

    Source: Sutskever, Martens, Dahl and Hinton, ICML 2013, section 2, in PyTorch's form: without (1 - momentum) in front of g.

    Examples
    --------
    >>> from autodiff import tensor
    >>> w = tensor([1.0, 2.0], requires_grad=True)
    >>> opt = SGD([w], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     opt.zero_grad()
    ...     (w * w).sum().backward()
    ...     opt.step()
    >>> w
    tensor([0.46, 0.92], requires_grad=True)
    """

    kept = ("momentum_buffer",)

    def __init__(self, params: Iterable, lr: float = 1e-3, momentum: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False):
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def form_of(self, group: dict) -> tuple:
        """Whether there is momentum, Nesterov's, and decay."""
        return group["momentum"] != 0, bool(group["nesterov"]), group["weight_decay"] != 0

    def numbers_of(self, group: dict) -> tuple:
        """Step length, momentum and decay."""
        return group["lr"], group["momentum"], group["weight_decay"]

    @staticmethod
    def update(form: tuple, settings: Sequence, step: Any, p: Any, g: Any, kept: tuple) -> tuple[Any, tuple]:
        """p - lr v."""
        has_momentum, nesterov, decays = form
        lr, momentum, weight_decay = settings
        if decays:
            g = g + weight_decay * p
        if has_momentum:
            velocity = momentum * kept[0] + g
            return p - lr * (g + momentum * velocity if nesterov else velocity), (velocity,)
        return p - lr * g, kept


class Adam(TensorOptimizer):
    """Adam over tensors: steps scaled by running moments of the gradient.

    m = b1 m + (1 - b1) g;  s = b2 s + (1 - b2) g²;  p = p - lr / (1 - b1^t) m / (sqrt(s) / sqrt(1 - b2^t) + eps) at step t.

    Parameters
    ----------
    params : tensors, or dicts for groups of them
    lr : float
        Step length; no coordinate moves much further than this in one step.
    betas : two floats in [0, 1)
        Decay of the running mean and of the running mean square.
    eps : float
        Added to the denominator.
    weight_decay : float
        The factor of the parameter that is added to its gradient.

    Source: Kingma and Ba, ICLR 2015, algorithm 1.

    Examples
    --------
    >>> from autodiff import tensor
    >>> w = tensor([1.0, 2.0], requires_grad=True)
    >>> opt = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w.detach().numpy().round(6)
    array([0.9, 1.9])
    """

    kept = ("exp_avg", "exp_avg_sq")
    decoupled = False

    def __init__(self, params: Iterable, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0.0):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)

    def form_of(self, group: dict) -> tuple:
        """Whether there is decay, and whether it passes by the moments."""
        return group["weight_decay"] != 0, self.decoupled

    def numbers_of(self, group: dict) -> tuple:
        """Step length, the decays of the moments, eps and the decay of parameters."""
        return (group["lr"], *group["betas"], group["eps"], group["weight_decay"])

    @staticmethod
    def update(form: tuple, settings: Sequence, step: Any, p: Any, g: Any, kept: tuple) -> tuple[Any, tuple]:
        """p - lr m / sqrt(s), with both corrected for the start at 0."""
        decays, decoupled = form
        lr, b1, b2, eps, weight_decay = settings
        if decays and decoupled:
            p = p - lr * weight_decay * p
        elif decays:
            g = g + weight_decay * p
        mean = b1 * kept[0] + (1 - b1) * g
        square = b2 * kept[1] + (1 - b2) * g * g
        # The corrections are float64; cast, so that float32 parameters are not computed in float64.
        length = (lr / (1 - b1 ** step)).astype(p.dtype)
        root = np.sqrt(1 - b2 ** step).astype(p.dtype)
        return p - length * (mean / (np.sqrt(square) / root + eps)), (mean, square)


class AdamW(Adam):
    """Adam over tensors with weight decay that does not pass through the moments: each step also subtracts lr * weight_decay * p.

    See `Adam` for the parameters.

    Source: Loshchilov and Hutter, ICLR 2019, algorithm 2, with the schedule constant and the decay multiplied by lr.

    Examples
    --------
    >>> from autodiff import tensor
    >>> w = tensor([2.0], requires_grad=True)
    >>> opt = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (0.0 * w).sum().backward()
    >>> opt.step()
    >>> w
    tensor([1.9], requires_grad=True)
    """

    decoupled = True

    def __init__(self, params: Iterable, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)

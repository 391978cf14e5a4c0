"""Optimisers: `SGD`, `Adam` and `AdamW` over tensors (`autodiff.eager.optimizers`), and pairs of pure functions over trees of arrays.

Of the functions, `init(params)` gives the state of an optimiser; `update(grads, state, params)` gives new parameters and a new
state. Both only call NumPy functions and write to nothing, so they run at once on plain arrays and can be
traced inside `jit`. The parameters keep their structure, shapes and dtypes (float32 stays float32).

    opt = adam(1e-3)
    state = opt.init(params)
    for batch in batches:
        loss, grads = step(params, *batch)
        params, state = opt.update(grads, state, params)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autodiff.eager.optimizers import SGD, Adam, AdamW
from tracer.tree import tree_map

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "sgd", "adam", "adamw", "rmsprop"]

Tree = Any


class Optimizer(NamedTuple):
    """Two pure functions.

    init : params -> state
    update : grads, state, params -> new params, new state
    """

    init: Callable[[Tree], Tree]
    update: Callable[[Tree, Tree, Tree], tuple[Tree, Tree]]


class Momentum(NamedTuple):
    """State of `sgd` with momentum: the velocity of each parameter."""

    velocity: Tree


class Moments(NamedTuple):
    """State of `adam` and `adamw`: steps taken, running means of the gradient and of its square."""

    step: Any
    mean: Tree
    square: Tree


class MeanSquare(NamedTuple):
    """State of `rmsprop`: the running mean of the squared gradient."""

    square: Tree


def sgd(lr: float, momentum: float = 0.0) -> Optimizer:
    """Gradient descent, with heavy-ball momentum if asked for.

    v = momentum * v + g;  p = p - lr * v.

    Parameters
    ----------
    lr : float
        Step length.
    momentum : float
        How much of the last velocity is kept; 0 keeps no state.

    Returns
    -------
    Optimizer

    Source: Polyak, USSR Computational Mathematics and Mathematical Physics 4 (1964), section 1, in the form
    without (1 - momentum) in front of g.

    Examples
    --------
    >>> opt = sgd(0.1, momentum=0.9)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> state = opt.init(params)
    >>> for _ in range(2):
    ...     params, state = opt.update({"w": np.array([1.0, -1.0])}, state, params)
    >>> params["w"]
    array([0.71, 2.29])
    """
    def init(params):
        return Momentum(_zeros(params)) if momentum else ()

    def update(grads, state, params):
        if not momentum:
            return tree_map(lambda p, g: p - lr * g, params, grads), state
        velocity = tree_map(lambda v, g: momentum * v + g, state.velocity, grads)
        return tree_map(lambda p, v: p - lr * v, params, velocity), Momentum(velocity)

    return Optimizer(init, update)


def adam(lr: float = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam: steps scaled by running moments of the gradient.

    m = b1 m + (1 - b1) g;  s = b2 s + (1 - b2) g²;  p = p - lr m̂ / (sqrt(ŝ) + eps) with m̂ = m / (1 - b1^t)
    and ŝ = s / (1 - b2^t) after t steps.

    Parameters
    ----------
    lr : float
        Step length; no coordinate moves much further than this in one step.
    b1, b2 : float in [0, 1)
        Decay of the running mean and of the running mean square.
    eps : float
        Added to the denominator.

    Returns
    -------
    Optimizer

    Source: Kingma and Ba, ICLR 2015, algorithm 1.

    Examples
    --------
    The first step has length `lr` in every coordinate, whatever the gradient's size:

    >>> opt = adam(0.1)
    >>> params = [np.array([1.0, 2.0])]
    >>> params, state = opt.update([np.array([1e-3, -50.0])], opt.init(params), params)
    >>> params[0].round(5)
    array([0.9, 2.1])
    >>> int(state.step)
    1
    """
    return adamw(lr, b1, b2, eps, weight_decay=0.0)


def adamw(lr: float = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8,
          weight_decay: float = 1e-2) -> Optimizer:
    """Adam with weight decay that does not pass through the moments.

    As `adam`, and each step also subtracts lr * weight_decay * p.

    Parameters
    ----------
    lr, b1, b2, eps : float
        As in `adam`.
    weight_decay : float
        Rate at which parameters shrink towards zero.

    Returns
    -------
    Optimizer

    Source: Loshchilov and Hutter, ICLR 2019, algorithm 2, with the schedule constant and the decay multiplied
    by lr.

    Examples
    --------
    >>> opt = adamw(0.1, weight_decay=0.5)
    >>> params = {"w": np.array([2.0])}
    >>> params, state = opt.update({"w": np.array([0.0])}, opt.init(params), params)
    >>> params["w"]
    array([1.9])
    """
    def init(params):
        return Moments(np.zeros((), np.int64), _zeros(params), _zeros(params))

    def update(grads, state, params):
        step = state.step + 1
        mean = tree_map(lambda m, g: b1 * m + (1 - b1) * g, state.mean, grads)
        square = tree_map(lambda s, g: b2 * s + (1 - b2) * g * g, state.square, grads)

        def move(p, m, s):
            # b ** step is float64; cast, so that float32 parameters do not become float64.
            m = m / (1 - b1 ** step).astype(m.dtype)
            s = s / (1 - b2 ** step).astype(s.dtype)
            p = p - lr * weight_decay * p if weight_decay else p
            return p - lr * m / (np.sqrt(s) + eps)

        return tree_map(move, params, mean, square), Moments(step, mean, square)

    return Optimizer(init, update)


def rmsprop(lr: float = 1e-2, decay: float = 0.9, eps: float = 1e-8) -> Optimizer:
    """Steps scaled by the running root mean square of the gradient.

    s = decay s + (1 - decay) g²;  p = p - lr g / (sqrt(s) + eps).

    Parameters
    ----------
    lr : float
        Step length.
    decay : float in [0, 1)
        Decay of the running mean square.
    eps : float
        Added to the denominator.

    Returns
    -------
    Optimizer

    Source: Hinton, Srivastava and Swersky, Neural Networks for Machine Learning, lecture 6e (2012).

    Examples
    --------
    >>> opt = rmsprop(0.1, decay=0.75)
    >>> params = (np.array([1.0]),)
    >>> params, state = opt.update((np.array([3.0]),), opt.init(params), params)
    >>> params[0].round(6)
    array([0.8])
    """
    def init(params):
        return MeanSquare(_zeros(params))

    def update(grads, state, params):
        square = tree_map(lambda s, g: decay * s + (1 - decay) * g * g, state.square, grads)
        params = tree_map(lambda p, g, s: p - lr * g / (np.sqrt(s) + eps), params, grads, square)
        return params, MeanSquare(square)

    return Optimizer(init, update)


def _zeros(params: Tree) -> Tree:
    return tree_map(np.zeros_like, params)

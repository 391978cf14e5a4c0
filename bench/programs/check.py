"""Check the programs, their hand-written adjoints and their ports: `python -m bench.programs.check [small|large] [names]`.

At small size every loss must be a finite float, leave its arguments alone, and have a directional derivative in every differentiated
argument that central differences with two step sizes agree on; every adjoint and port must give that derivative and the same value.
At large size NumPy is timed, and the adjoints and ports are compared with each other.
"""

import sys
import time

import numpy as np

from bench.programs import all_programs, jax_ports, other_ports
from bench.programs.adjoints import ADJOINTS


def copies(args):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in args]


def direction(value, rng):
    """A random direction, each element scaled to the size of its value; a float for a float."""
    if isinstance(value, np.ndarray):
        return rng.normal(size=value.shape) * (0.01 + np.abs(value)) / np.sqrt(value.size)
    return 0.01 + abs(value)


def central_difference(loss, args, position, d, h):
    up, down = list(args), list(args)
    up[position] = args[position] + h * d
    down[position] = args[position] - h * d
    return (loss(*up) - loss(*down)) / (2.0 * h)


def by_adjoint(name, module, args):
    adjoint = ADJOINTS[name]()
    return lambda: adjoint(*args)


def by_jax(makers):
    def make(name, module, args):
        import jax

        jax.config.update("jax_enable_x64", True)
        static = tuple(i for i, a in enumerate(args) if isinstance(a, int))
        function = jax.jit(jax.value_and_grad(makers[name](), argnums=module.WRT), static_argnums=static)
        return lambda: jax.block_until_ready(function(*args))

    return make


def by_autograd(name, module, args):
    import autograd

    loss = other_ports.AUTOGRAD[name]()

    def of_inputs(inputs):
        full = list(args)
        for position, value in zip(module.WRT, inputs):
            full[position] = value
        return loss(*full)

    both = autograd.value_and_grad(of_inputs)
    return lambda: both(tuple(args[i] for i in module.WRT))


def by_torch(name, module, args):
    import torch

    loss = other_ports.TORCH[name]()

    def both():
        full = [torch.tensor(a, dtype=torch.float64) if isinstance(a, np.ndarray) else a for a in args]
        for position in module.WRT:
            full[position] = torch.tensor(args[position], dtype=torch.float64, requires_grad=True)
        value = loss(*full)
        value.backward()
        return value.item(), tuple(full[i].grad.numpy() for i in module.WRT)

    return both


IMPLEMENTATIONS = {
    "numba adjoint": (ADJOINTS, by_adjoint),
    "jax direct": (jax_ports.DIRECT, by_jax(jax_ports.DIRECT)),
    "jax expert": (jax_ports.EXPERT, by_jax(jax_ports.EXPERT)),
    "autograd": (other_ports.AUTOGRAD, by_autograd),
    "torch": (other_ports.TORCH, by_torch),
}


def offers(kind, name):
    """Whether a program is written for a tool."""
    return name in IMPLEMENTATIONS[kind][0]


def peer_function(kind, name, module, args):
    """A function without arguments that gives the value and the gradients by a tool."""
    return IMPLEMENTATIONS[kind][1](name, module, args)


def off(got, want):
    """The largest difference, relative to the largest element."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    if got.shape != want.shape:
        return np.inf
    difference = np.max(np.abs(got - want)) / max(np.max(np.abs(want)), 1e-300)
    return difference if np.isfinite(difference) else np.inf


def check_small(name, module):
    """Lines of the table for one program, and whether all is well."""
    args = module.arguments("small")
    kept = copies(args)
    value = module.loss(*args)
    untouched = all(np.array_equal(a, b) for a, b in zip(args, kept))
    well = isinstance(value, float) and np.isfinite(value) and untouched
    rng = np.random.default_rng(100)
    directions = {i: direction(args[i], rng) for i in module.WRT}
    slopes, spread = {}, 0.0
    for i, d in directions.items():
        slopes[i] = central_difference(module.loss, args, i, d, 1e-5)
        finer = central_difference(module.loss, args, i, d, 2e-6)
        spread = max(spread, abs(finer - slopes[i]) / max(abs(slopes[i]), 1e-3 * abs(value)))
    well = well and spread < 1e-5 and all(s != 0.0 for s in slopes.values())
    lines = [f"{name:18} {'NumPy':11} value {value:<12.6g} {'untouched' if untouched else 'CHANGED'}  differences agree to {spread:.0e}"]
    for kind, (makers, run) in IMPLEMENTATIONS.items():
        if name not in makers:
            continue
        got, gradients = run(name, module, copies(args))()
        value_off = off(got, value)
        slope_off = max(
            abs(np.sum(np.asarray(g) * directions[i]) - slopes[i]) / max(abs(slopes[i]), 1e-3 * abs(value))
            for i, g in zip(module.WRT, gradients)
        )
        shapes = all(np.shape(g) == np.shape(args[i]) for i, g in zip(module.WRT, gradients))
        good = value_off < 1e-11 and slope_off < 1e-5 and shapes
        well = well and good
        lines.append(f"{'':18} {kind:11} value {value_off:.0e}  gradient {slope_off:.0e}  {'' if good else 'WRONG'}")
    return lines, well


def check_large(name, module):
    """The time of NumPy, and each adjoint and port against the first one there is; seconds include compiling."""
    args = module.arguments("large")
    times = []
    for _ in range(2):
        start = time.perf_counter()
        value = module.loss(*args)
        times.append(time.perf_counter() - start)
    well = bool(np.isfinite(value))
    lines = [f"{name:18} {'NumPy':11} value {value:<12.6g} {min(times):8.3f} s"]
    reference = None
    for kind, (makers, run) in IMPLEMENTATIONS.items():
        if name not in makers or kind in ("autograd", "torch"):
            continue
        start = time.perf_counter()
        got, gradients = run(name, module, args)()
        gradients = [np.asarray(g) for g in gradients]
        seconds = time.perf_counter() - start
        reference = reference or gradients
        value_off = off(got, value)
        gradient_off = max(off(g, r) for g, r in zip(gradients, reference))
        good = value_off < 1e-8 and gradient_off < 1e-6
        well = well and good
        lines.append(f"{'':18} {kind:11} value {value_off:.0e}  gradient {gradient_off:.0e}  {seconds:8.3f} s  {'' if good else 'WRONG'}")
    return lines, well


def main(words):
    size = words[0] if words else "small"
    programs = all_programs()
    names = words[1:] or list(programs)
    check = {"small": check_small, "large": check_large}[size]
    failed = []
    for name in names:
        lines, well = check(name, programs[name])
        print("\n".join(lines), flush=True)
        if not well:
            failed.append(name)
    print(f"{len(names)} programs, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

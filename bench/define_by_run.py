"""Define-by-run: value and gradients of small programs, by tensors of this project and by the tools that have the same face.

    python -m bench.define_by_run --json bench/define_by_run.json      measure and store (about five minutes)
    python -m bench.define_by_run --only rosenbrock_10 while           a look at some rows
    python -m bench.define_by_run --readme                             put the stored figures into the README

All entries of a row run in one process, in turns, on one core; before that their gradients are compared. "Repeated" rows record the same
tape again and again, as training does. "New" rows never record a tape twice: the operations between the ends of the program, their number
and their order, are drawn anew for each call, the same for every tool.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / "bench" / "define_by_run.json"
BEGIN, END = "<!-- define by run -->", "<!-- /define by run -->"
TOOLS = ("autodiff", "autodiff grad(f)(x)", "torch", "torch.compile", "autograd")
RTOL = 1e-9
SAMPLE = 2e-3
"""A sample repeats a fast call for about this many seconds."""
WARM = 2.0
"""Seconds for which an entry is called before it is measured: kernels are made in the background."""


# -- the programs -------------------------------------------------------------------------------------------------------------------

def programs(np: Any) -> dict[str, Callable]:
    """The programs, written with the functions of one namespace: (parameters, data) -> scalar."""
    def rosenbrock(params, data):
        x, = params
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def chain(params, data):
        x, = params
        for _ in range(20):
            x = np.sin(x) * 1.1 + x * 0.3
        return np.sum(x)

    def mlp(params, data):
        w1, b1, w2, b2 = params
        return np.sum((np.tanh(data[0] @ w1 + b1) @ w2 + b2 - data[1]) ** 2)

    def rnn(params, data):
        wx, wh, b = params
        h = data[0]
        for x in data[1:]:
            h = np.tanh(x @ wx + h @ wh + b)
        return np.sum(h * h)

    def ten_arrays(params, data):
        total = 0.0
        for p in params:
            total = total + np.sum(p * p)
        return total

    def doubling(params, data):
        a, = params
        b = a * 2
        while np.sqrt(np.sum(b * b)) < 1000:
            b = b * 2
        return np.sum(b) if np.sum(b) > 0 else np.sum(100 * b)

    def drawn(params, data):
        # `data` is a list of numbers below 6, each of which names an operation: another list, another tape.
        x, = params
        y = x * 0.5
        for k in data:
            if k == 0:
                y = np.sin(y)
            elif k == 1:
                y = y * x
            elif k == 2:
                y = y + x
            elif k == 3:
                y = np.tanh(y)
            elif k == 4:
                y = y - 0.5 * x
            else:
                y = np.exp(-y * y)
        return np.sum(y * y)
    return {f.__name__: f for f in (rosenbrock, chain, mlp, rnn, ten_arrays, doubling, drawn)}


@dataclass(frozen=True)
class Case:
    """A row: the program, and what it gets. `next_data` gives data for a call, where each call has others."""

    name: str
    about: str
    program: str
    make: Callable[[Any], tuple[list, list]]
    next_data: Callable[[Any], list] | None = None
    adam: bool = False


def _normal(*shapes, scale=1.0):
    return lambda rng: [rng.normal(size=s) * scale for s in shapes]


def _mlp_data(rng):
    return _normal((16, 32), (32,), (32, 1), (1,), scale=0.1)(rng), _normal((32, 16), (32, 1))(rng)


def _rnn_data(rng):
    return _normal((32, 32), (32, 32), (32,), scale=0.1)(rng), [rng.normal(size=(8, 32)) for _ in range(51)]


def _alone(*shapes):
    return lambda rng: (_normal(*shapes)(rng), [])


def _drawn_list(rng):
    return rng.integers(0, 6, size=int(rng.integers(15, 26))).tolist()


CASES = [
    Case("rosenbrock_10", "Rosenbrock, 10 numbers", "rosenbrock", _alone(10)),
    Case("rosenbrock_1e3", "Rosenbrock, 1,000 numbers", "rosenbrock", _alone(1000)),
    Case("rosenbrock_1e5", "Rosenbrock, 100,000 numbers", "rosenbrock", _alone(100_000)),
    Case("chain_1e3", "chain of 80 operations, 1,000 numbers", "chain", _alone(1000)),
    Case("ten_arrays", "ten arrays of 5", "ten_arrays", lambda rng: (_normal(*[(5,)] * 10)(rng), [])),
    Case("mlp", "MLP 16-32-1, batch of 32", "mlp", _mlp_data),
    Case("mlp_adam", "the same, with a step of Adam", "mlp", _mlp_data, adam=True),
    Case("rnn", "RNN of 50 steps, 32 units, batch of 8", "rnn", _rnn_data),
    Case("while", "the chapter's `while`, 1,000 numbers", "doubling", _alone(1000)),
    Case("new_10", "new each time: 15–25 operations, 10 numbers", "drawn", _alone(10), _drawn_list),
    Case("new_1e3", "new each time: 15–25 operations, 1,000 numbers", "drawn", _alone(1000), _drawn_list),
    Case("new_1e5", "new each time: 15–25 operations, 100,000 numbers", "drawn", _alone(100_000), _drawn_list),
]


# -- the tools ----------------------------------------------------------------------------------------------------------------------

class NotHere(Exception):
    """Why a tool has no entry in a row."""


def entry(tool: str, case: Case, params: list, data: list) -> Callable[[list], list]:
    """The function that takes the data of a call and returns the gradients, or with Adam the parameters after the step."""
    if tool == "autodiff":
        return _autodiff(case, params, data)
    if tool == "autodiff grad(f)(x)":
        if case.adam:
            raise NotHere("the functional optimisers have rows of their own")
        return _functional(case, params, data, "autodiff")
    if tool == "autograd":
        return _autograd(case, params, data)
    return _torch(case, params, data, compiled=tool == "torch.compile")


def stepping(program: Callable, tensors: list, fixed: list, opt: Any) -> Callable:
    """A call of a program on tensors, of this project or of PyTorch: its gradients; with an optimiser, the parameters after a step."""
    def call(drawn_data):
        for p in tensors:
            p.grad = None
        program(tensors, drawn_data or fixed).backward()
        if opt is None:
            return [p.grad for p in tensors]
        opt.step()
        return tensors
    return call


def _autodiff(case: Case, params: list, data: list) -> Callable[[list], list]:
    import numpy as np

    import autodiff as ad
    tensors = [ad.tensor(p, requires_grad=True) for p in params]
    fixed = [ad.tensor(d) for d in data]
    opt = ad.optim.Adam(tensors, lr=1e-4) if case.adam else None
    program = programs(np)[case.program]

    return stepping(program, tensors, fixed, opt)


def _functional(case: Case, params: list, data: list, of: str) -> Callable[[list], list]:
    """`grad(f)(x)`: the face without tensors, of this project or of HIPS autograd."""
    if of == "autograd":
        import autograd as tool
        import autograd.numpy as np
    else:
        import numpy as np

        import autodiff as tool
    gradient = tool.grad(programs(np)[case.program])
    return lambda drawn_data: gradient(params, drawn_data or data)


def _autograd(case: Case, params: list, data: list) -> Callable[[list], list]:
    if not case.adam:
        return _functional(case, params, data, "autograd")
    import numpy
    from autograd import grad
    from autograd import numpy as np
    gradient, params = grad(programs(np)[case.program]), [p.copy() for p in params]
    moments = [[numpy.zeros_like(p), numpy.zeros_like(p)] for p in params]
    steps = 0

    def call(_):
        nonlocal steps
        steps += 1
        for p, g, kept in zip(params, gradient(params, data), moments):
            kept[0] = 0.9 * kept[0] + (1 - 0.9) * g
            kept[1] = 0.999 * kept[1] + (1 - 0.999) * g * g
            p -= 1e-4 / (1 - 0.9 ** steps) * (kept[0] / (numpy.sqrt(kept[1] / (1 - 0.999 ** steps)) + 1e-8))
        return params
    return call


def _torch(case: Case, params: list, data: list, compiled: bool) -> Callable[[list], list]:
    import torch
    torch.set_num_threads(1)
    tensors = [torch.tensor(p, requires_grad=True) for p in params]
    fixed = [torch.tensor(d) for d in data]
    opt = torch.optim.Adam(tensors, lr=1e-4) if case.adam else None
    program = programs(torch)[case.program]
    if compiled:
        if case.next_data is not None:
            raise NotHere("it would compile at every call")
        torch._dynamo.reset()
        program = torch.compile(program)

    return stepping(program, tensors, fixed, opt)


# -- measuring ----------------------------------------------------------------------------------------------------------------------

def _arrays(found: list) -> list:
    import numpy as np
    return [np.array(x.detach().numpy() if hasattr(x, "detach") else x) for x in found]


def measure(case: Case, seconds: float) -> dict[str, Any]:
    """One row: for each tool the median microseconds of a call, or why it has none."""
    import numpy as np
    rng = np.random.default_rng(0)
    params, data = case.make(rng)
    draws = 0

    def draw():
        nonlocal draws
        draws += 1
        return case.next_data(np.random.default_rng(draws)) if case.next_data else []
    row: dict[str, Any] = {"name": case.name, "about": case.about, "median": {}, "best": {}, "missing": {}, "first": {}}
    calls: dict[str, Callable] = {}
    expected: list | None = None
    trial = draw()
    for tool in TOOLS:
        try:
            call = entry(tool, case, params, data)
            start = time.perf_counter()
            found = _arrays(call(trial))
            row["first"][tool] = time.perf_counter() - start
        except (NotHere, ImportError) as e:
            row["missing"][tool] = str(e)
            continue
        except Exception as e:      # whatever a library raises belongs on the board, under its name
            row["missing"][tool] = f"{type(e).__name__}: {(str(e).splitlines() or [''])[0]}"
            continue
        if expected is None:
            expected = found
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=RTOL, atol=1e-9, err_msg=f"{tool}, {case.name}")
        calls[tool] = call
    repeats = {}
    for tool, call in calls.items():
        end, count = time.perf_counter() + (WARM if case.next_data is None else WARM / 4), 0
        while time.perf_counter() < end or count < 3:
            call(draw())
            count += 1
        start = time.perf_counter()
        call(draw())
        repeats[tool] = max(1, round(SAMPLE / max(time.perf_counter() - start, 1e-7)))
    if not case.adam:
        trial = draw()
        found_by = {tool: _arrays(call(trial)) for tool, call in calls.items()}
        for tool, found in found_by.items():
            for a, b in zip(found, found_by["autodiff"], strict=True):
                np.testing.assert_allclose(a, b, rtol=RTOL, atol=1e-9, err_msg=f"{tool}, {case.name}, after it has been called often")
    times: dict[str, list[float]] = {tool: [] for tool in calls}
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or min(map(len, times.values())) < 7:
            batches = [draw() for _ in range(max(repeats.values()))]
            for tool, call in calls.items():
                start = time.perf_counter()
                for k in range(repeats[tool]):
                    call(batches[k])
                times[tool].append((time.perf_counter() - start) / repeats[tool])
                if case.next_data is not None:      # a list that comes again would be a tape that comes again
                    batches = [draw() for _ in batches]
    finally:
        gc.enable()
    for tool, samples in times.items():
        row["median"][tool] = statistics.median(samples) * 1e6
        row["best"][tool] = min(samples) * 1e6
    return row


# -- showing ------------------------------------------------------------------------------------------------------------------------

def markdown(board: dict[str, Any]) -> str:
    """The table of a stored run; ratios are of medians of one run, below 1 where this project is faster."""
    machine = board["machine"]
    lines = ["| value and gradient, us | tensors | `grad(f)(x)` | PyTorch eager | torch.compile | HIPS autograd | tensors / PyTorch | "
             "`grad` / autograd |", "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for row in board["rows"]:
        median = row["median"]
        cells = [_number(median.get(tool)) for tool in TOOLS]
        lines.append(f"| {row['about']} | {' | '.join(cells)} | {_ratio(median, 'autodiff', 'torch')} | "
                     f"{_ratio(median, 'autodiff grad(f)(x)', 'autograd')} |")
    versions = ", ".join(f"{name} {v}" for name, v in board["versions"].items())
    lines += ["", f"One thread of {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, NumPy {machine['numpy']}, "
              f"{versions}, {machine['date']}; medians of turns in one process."]
    reasons = sorted({f"{tool}: {why}" for row in board["rows"] for tool, why in row["missing"].items()})
    if reasons:
        lines += ["", "A dash: " + "; ".join(reasons) + "."]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _ratio(median: dict[str, float], ours: str, theirs: str) -> str:
    return f"{median[ours] / median[theirs]:.2f}" if ours in median and theirs in median else "–"


def rewrite_readme(board: dict[str, Any], readme: Path) -> None:
    """Put the table between its markers."""
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{markdown(board)}\n{END}{after}", encoding="utf-8")


def _versions() -> dict[str, str]:
    from importlib import metadata
    found = {}
    for name in ("torch", "autograd"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.define_by_run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these rows only")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a row is measured")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures")
    parser.add_argument("--readme", action="store_true", help="put the stored figures into the README; no measuring")
    options = parser.parse_args(arguments)
    if options.readme:
        rewrite_readme(json.loads(STORED.read_text(encoding="utf-8")), ROOT / "README.md")
        return 0
    from bench.machine import describe, hold
    hold(1)
    warnings.simplefilter("ignore", DeprecationWarning)     # of the compilers of other tools
    rows = []
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        rows.append(measure(case, options.seconds))
        shown = "  ".join(f"{tool} {us:.1f}" for tool, us in rows[-1]["median"].items())
        print(f"{case.name:16s} {shown}", rows[-1]["missing"] or "", flush=True)
    board = {"machine": describe(), "versions": _versions(), "rows": rows}
    print(markdown(board))
    if options.json:
        options.json.write_text(json.dumps(board, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

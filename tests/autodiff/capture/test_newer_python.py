"""Programs whose syntax, library or meaning came with a version of Python after 3.11; each runs on the versions that have it."""

import sys
import warnings

import numpy as np
import pytest

import autodiff as ad

BENT = "def bent(v):\n    return v * 2 if v > 0.3 else v\n"
PROGRAMS = {
    # The variables of a comprehension are those of the function around it since Python 3.12 (PEP 709).
    "local_variables": (3, 11, """
def f(x):
    inside = [len(locals()) for _ in range(2)]
    a = x[0] * inside[0]
    return a * len(locals()) + sum([len(dir()) for _ in x]) * x[1]
"""),
    # `locals` in a block: Python 3.13 gives a new dictionary each time (PEP 667), older ones the same one.
    "local_variables_in_blocks": (3, 11, """
def f(x):
    a = x[0] * 2
    if len(x) == 2:
        known = locals()
        a = x[1]
        for k in range(2):
            a = a * len(vars()) + eval("x[0]")
        return known["a"] * a + len(locals())
    return a
"""),
    "evaluated_in_a_namespace": (3, 11, """
def f(x):
    found = {}
    exec("b = a * 3", {"a": x[0] * 2}, found)
    return bent(found["b"]) * eval("a + 1", {"a": x[1]})
"""),
    "own_function_of_that_name": (3, 11, """
def f(x):
    def locals():
        return x[1]
    return bent(x[0]) * locals()
"""),
    "variable_of_a_comprehension": (3, 11, """
def f(x):
    i = 5.0
    made = [lambda: bent(x[i]) for i in range(2)]
    y = [i * 2 if i > 0.5 else i for i in x]
    return y[0] + y[1] * i + made[0]()
"""),
    "generic_function": (3, 12, """
def f[T](x: T) -> T:
    def g[S: (int, float)](y: S) -> S:
        return y * 2 if y > 0.3 else y
    return g(x[0]) * x[1] if T.__name__ == "T" else x[0]
"""),
    "generic_class": (3, 12, """
class Pair[T]:
    def __init__(self, a: T, b: T):
        self.a, self.b = a, b
    def first[K](self, k: K) -> T:
        return self.a * k if self.a > 0.3 else self.b
def f(x):
    return Pair(x[0], x[1]).first(x[1])
"""),
    "type_alias": (3, 12, """
def f(x):
    if x[0] > 0.3:
        type Vector = np.ndarray
        return x[0] * 2
    return x[1]
"""),
    "nested_quotes": (3, 12, """
def f(x):
    d = {"a": x[0]}
    text = f"{d["a"].shape!r:>{5 + 5}} {'nested ' f"{len(x)}"}"
    return bent(d["a"]) * len(text)
"""),
    "sum_of_products": (3, 12, """
def f(x):
    return math.sumprod(x, [2.0, 3.0]) * math.sumprod(list(x), list(x))
"""),
    "batches": (3, 12, """
def f(x):
    return sum([bent(sum(p)) for p in itertools.batched([x[0], x[1], x[0] * 2], 2)])
"""),
    "replaced": (3, 13, """
@dataclasses.dataclass
class Pair:
    a: object
    b: object
def f(x):
    q = copy.replace(Pair(x[0], x[1]), a=x[1] * 2)
    return bent(q.a) * q.b
"""),
}


@pytest.mark.parametrize("name", [n for n, (major, minor, _) in PROGRAMS.items() if sys.version_info >= (major, minor)])
def test_value_and_gradient(name, tmp_path):
    path = tmp_path / f"{name}.py"
    path.write_text("import copy, dataclasses, itertools, math\nimport numpy as np\n" + BENT + PROGRAMS[name][2])
    space = {"__name__": name}
    exec(compile(path.read_text(), str(path), "exec"), space)
    f, x, h = space["f"], np.array([0.7, 0.2]), 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)     # functions that are not converted are compiled along a path
        compiled = ad.jit(ad.value_and_grad(f))
        for point in (x, x[::-1].copy()):
            differences = [(f(point + h * e) - f(point - h * e)) / (2 * h) for e in np.eye(2)]
            for run in (ad.value_and_grad(f), compiled):
                value, gradient = run(point.copy())
                np.testing.assert_allclose(value, f(point.copy()), rtol=1e-12)
                np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-8)

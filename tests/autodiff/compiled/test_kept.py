"""Recordings kept on disk: another process takes the kernel only where the function would be recorded the same.

A later process is played by loading a file of the same name anew: its functions, variables and arrays are other objects. Each case is a
program, and a change of it that the kernel of the first one does not serve; both are compared with plain Python.
"""

import functools
import math
import os
import subprocess
import sys
import types

import numpy as np
import pytest

import autodiff as ad
from autodiff.compiled import fingerprint, jitted
from autodiff.compiled.kept import NOTE
from codegen.config import config

X = np.linspace(0.2, 1.1, 7)
HEAD = "import math\nimport functools\nimport numpy as np\nimport autodiff as ad\n"


@pytest.fixture(autouse=True)
def kernels(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "cache", True)
    monkeypatch.setattr(config, "cache_dir", str(tmp_path / "kernels"))
    monkeypatch.setattr(config, "wait", True)
    monkeypatch.setattr(config, "check", False)
    monkeypatch.setattr(config, "verify", "off")    # a call that may be verified is recorded
    return tmp_path


def program(folder, text, name="program"):
    """The functions of a text as a new process sees them."""
    file = folder / f"{name}.py"
    file.write_text(HEAD + text, encoding="utf-8")
    module = types.ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module      # where functions of the file are looked for
    exec(compile(HEAD + text, str(file), "exec"), vars(module))    # not byte code that is kept under the time of a file
    return module


def is_kept(jitted) -> bool:
    return NOTE in jitted.why()


def check(module, *args):
    """Value and gradient of `f` against plain Python; whether they came without recording."""
    args = args or (X,)
    value = ad.jit(module.f)
    both = ad.jit(ad.value_and_grad(module.f))
    for _ in range(2):
        np.testing.assert_allclose(value(*args), module.f(*args), rtol=1e-12)
        got, slope = both(*args)
        np.testing.assert_allclose(got, module.f(*args), rtol=1e-12)
    direction = np.cos(np.arange(args[0].size)).reshape(args[0].shape)
    h = 1e-6
    difference = (module.f(args[0] + h * direction, *args[1:]) - module.f(args[0] - h * direction, *args[1:])) / (2 * h)
    np.testing.assert_allclose(np.sum(slope * direction), difference, rtol=1e-6, atol=1e-7)
    assert is_kept(value) == is_kept(both)
    return is_kept(both)


KEPT = {
    "a number of the module": ("K = 2.0\ndef f(x): return np.sum(np.sin(K * x))", "K = 2.0", "K = 3.0"),
    "its class": ("K = 2\ndef f(x): return np.sum(x ** K)", "K = 2", "K = np.float32(2)"),
    "a text": ("HOW = 'sin'\ndef f(x): return np.sum(np.sin(x) if HOW == 'sin' else np.cos(x))", "HOW = 'sin'", "HOW = 'cos'"),
    "a tuple": ("K = (1.0, 2.0)\ndef f(x): return np.sum(x ** 2) * K[0] + K[1]", "2.0)", "2.5)"),
    "a list": ("K = [1.0, 2.0]\ndef f(x): return np.sum(x ** 2) * K[0] + K[1]", "2.0]", "2.5]"),
    "a longer list": ("K = [1.0, 2.0]\ndef f(x): return np.sum(x ** 2) * sum(K)", "2.0]", "2.0, 1.0]"),
    "a dict": ("K = {'a': 1.0, 'b': 2.0}\ndef f(x): return np.sum(x ** 2) * K['a'] + K['b']", "2.0}", "2.5}"),
    "a key": ("K = {'a': 1.0, 'b': 2.0}\ndef f(x): return np.sum(x ** 2) * K.get('a', 7.0)", "'a':", "'c':"),
    "a dict of dicts": ("K = {'a': {'b': 2.0}}\ndef f(x): return np.sum(x ** 2) * K['a']['b']", "2.0}", "2.5}"),
    "code of the function": ("def f(x): return np.sum(np.sin(x))", "np.sin", "np.cos"),
    "a constant": ("def f(x): return np.sum(x ** 2) * 3.0", "3.0", "4.0"),
    "an int for a float": ("def f(x): return np.sum(x ** 2) * 3.0", "3.0", "3"),
    "minus zero": ("K = 0.0\ndef f(x): return np.sum(np.arctan2(K, -x) + x * x)", "K = 0.0", "K = -0.0"),
    "a helper": ("def g(x): return np.tanh(x)\ndef f(x): return np.sum(g(x))", "np.tanh(x)", "np.tanh(2 * x)"),
    "a helper's helper": ("def h(x): return x\ndef g(x): return np.tanh(h(x))\ndef f(x): return np.sum(g(x))", "return x\n", "return 2 * x\n"),
    "a default": ("def f(x, k=2.0): return np.sum(x * x * k)", "k=2.0", "k=2.5"),
    "a default by name": ("def f(x, *, k=2.0): return np.sum(x * x * k)", "k=2.0", "k=2.5"),
    "a helper's default": ("def g(x, k=2.0): return x * k\ndef f(x): return np.sum(g(x) ** 2)", "k=2.0", "k=2.5"),
    "a closure": ("def make(k):\n    def f(x): return np.sum(np.exp(k * x))\n    return f\nf = make(0.5)", "make(0.5)", "make(0.7)"),
    "a function in a closure": ("def make(g):\n    def f(x): return np.sum(g(x))\n    return f\nf = make(np.sin)", "make(np.sin)", "make(np.cos)"),
    "a lambda": ("g = lambda x: 2.0 * x\ndef f(x): return np.sum(g(x) ** 2)", "2.0 * x", "2.5 * x"),
    "an inner lambda": ("def f(x):\n    g = lambda z: 2.0 * z\n    return np.sum(g(x) ** 2)", "2.0 * z", "2.5 * z"),
    "a comprehension": ("def f(x): return sum([np.sum(x ** k) for k in (1, 2)])", "(1, 2)", "(1, 3)"),
    "a partial function": ("def g(k, x): return np.sum(np.exp(k * x))\nf = functools.partial(g, 0.5)", "(g, 0.5)", "(g, 0.7)"),
    "a function of math": ("def f(x): return np.sum(x) * math.sin(1.0)", "math.sin", "math.cos"),
    "another function of NumPy under a name": ("g = np.sin\ndef f(x): return np.sum(g(x))", "g = np.sin", "g = np.cos"),
    "a builtin that the module hides": ("def f(x): return np.sum(x ** 2) * abs(-2.0)", "def f", "def abs(x): return 5.0\ndef f"),
    "another dtype of an array": ("W = np.arange(7.0)\ndef f(x): return np.sum(W * x * x)", "np.arange(7.0)", "np.arange(7)"),
    "another shape of an array": ("W = np.ones((2, 7))\ndef f(x): return np.sum(W * x * x)", "(2, 7)", "(3, 7)"),
    "a derivative inside": ("def g(x): return np.sum(x ** 3)\ndef f(x): return np.sum(ad.grad(g)(x) ** 2)", "x ** 3", "x ** 2"),
    "a compiled helper": ("@ad.jit\ndef g(x): return np.sin(x)\ndef f(x): return np.sum(g(x))", "np.sin(x)", "np.cos(x)"),
    "how often": ("N = 3\ndef f(x):\n    s = 0.0\n    for i in range(N):\n        s = s + np.sum(x ** (i + 1))\n    return s", "N = 3", "N = 4"),
    "an attribute of a class": ("class A:\n    k = 2.0\ndef f(x): return np.sum(x * x) * A.k",
        "k = 2.0", "k = 2.5"),
    "an attribute of an object": ("class A:\n    pass\na = A()\na.k = 2.0\ndef f(x): return np.sum(x * x) * a.k",
        "a.k = 2.0", "a.k = 2.5"),
    "one attribute more": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\na = A(0.5)\ndef f(x): return a.value(x)",
        "a = A(0.5)", "a = A(0.5)\na.k = 3.0"),
    "a method": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\na = A(0.5)\ndef f(x): return a.value(x)",
        "np.sin", "np.cos"),
    "what an object was made with": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\na = A(0.5)\ndef f(x): return a.value(x)",
        "A(0.5)", "A(0.7)"),
    "an object made inside": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\ndef f(x): return A(0.5).value(x)",
        "A(0.5)", "A(0.7)"),
    "a bound method": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\nf = A(0.5).value",
        "A(0.5)", "A(0.7)"),
    "a method that is inherited": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\nclass B(A): pass\nb = B(0.5)\ndef f(x): return b.value(x)",
        "np.sin", "np.cos"),
    "another base": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\nclass C(A):\n    k = 5.0\nclass B(A): pass\nb = B(0.5)\ndef f(x): return b.value(x)",
        "class B(A)", "class B(C)"),
    "a method that hides another": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\nclass B(A):\n    def value(self, x): return super().value(x) * 2.0\nb = B(0.5)\ndef f(x): return b.value(x)",
        "* 2.0\nb", "* 3.0\nb"),
    "an operator": ("class V:\n    def __init__(self, x): self.x = x\n    def __add__(self, y): return V(self.x + 2.0 * y)\ndef f(x): return np.sum((V(x) + 1.0).x ** 2)",
        "2.0 * y", "3.0 * y"),
    "a property": ("class V:\n    def __init__(self, x): self.x = x\n    @property\n    def size(self): return np.sum(self.x ** 2)\ndef f(x): return V(x).size",
        "x ** 2", "x ** 3"),
    "a property computed once": ("class V:\n    def __init__(self, x): self.x = x\n    @functools.cached_property\n    def size(self): return np.sum(self.x ** 2)\ndef f(x): return V(x).size",
        "x ** 2", "x ** 3"),
    "a static method": ("class V:\n    @staticmethod\n    def g(x): return 2.0 * x\ndef f(x): return np.sum(V.g(x) ** 2)",
        "2.0 * x", "3.0 * x"),
    "a class method": ("class V:\n    k = 2.0\n    @classmethod\n    def g(cls, x): return cls.k * x\ndef f(x): return np.sum(V.g(x) ** 2)",
        "k = 2.0", "k = 3.0"),
    "an object in an object": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\nclass B:\n    pass\nb = B()\nb.a = A(0.5)\ndef f(x): return b.a.value(x)",
        "A(0.5)", "A(0.7)"),
    "an object in a list": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\nL = [A(0.5), A(0.6)]\ndef f(x): return sum([a.value(x) for a in L])",
        "A(0.6)", "A(0.7)"),
    "which object it is": ("class A:\n    k = 2.0\n    def __init__(self, w): self.w = w\n    def value(self, x): return np.sum(np.sin(x * self.w)) * self.k\na = A(0.5)\nb = a\ndef f(x): return a.value(x) * (2.0 if a is b else 3.0)",
        "b = a", "b = A(0.5)"),
    "an object that is called": ("class L:\n    def __init__(self, w): self.w = w\n    def __call__(self, x): return np.tanh(x * self.w)\ng = L(0.5)\ndef f(x): return np.sum(g(x))",
        "L(0.5)", "L(0.7)"),
    "an exception of the user's": ("class E(ValueError):\n    pass\ndef f(x):\n    if np.sum(x) < 0.0:\n        raise E('negative')\n    return np.sum(x * x)",
        "np.sum(x * x)", "np.sum(x ** 3)"),
    "a default of a field": ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    w: float\n    k: float = 2.0\ndef f(x): return np.sum(x * P(0.5).w * P(0.5).k)",
        "k: float = 2.0", "k: float = 3.0"),
    "a module that is handed on": ("def g(xp, x): return xp.sum(xp.sin(x))\ndef f(x): return g(np, x)", "xp.sin", "xp.cos"),
    "an attribute of a module that is handed on, beside a variable of its name": ("import types\nm = types.ModuleType('a_helper')\nm.__file__ = __file__\nm.other, m.scale, m.mean = 1.0, 2.0, 3.0\nscale = 1.0\ndef g(q, x): return x * q.scale * scale\ndef f(x): return np.sum(g(m, x) ** 2) * m.other",
        "2.0, 3.0", "2.5, 3.0"),
    "an attribute of a module that is handed on, with the name of a method": ("import types\nm = types.ModuleType('a_helper')\nm.__file__ = __file__\nm.other, m.scale, m.mean = 1.0, 2.0, 3.0\ndef g(q, x): return x * q.mean\ndef f(x): return np.sum(g(m, x) ** 2) * m.other",
        "2.0, 3.0", "2.0, 3.5"),
    "a class with arrays of a dtype": ("def f(x): return np.sum(x.astype(x.dtype) ** 2) * (2.0 if isinstance(x, np.ndarray) else 3.0)",
        "2.0 if", "2.5 if"),
    "metadata of a field": ("import dataclasses\n@dataclasses.dataclass(repr=False)\nclass P:\n    w: float\n    k: float = dataclasses.field(default=2.0, metadata={'a': 1})\ndef f(x): return np.sum(x * P(0.5).w * P(0.5).k)",
        "'a': 1", "'a': 2"),
    "words that look like other words": ("A, B = 'x y', 'z'\ndef f(x): return np.sum(x * x) * len(A) * (2.0 if B == 'z' else 3.0)",
        "'x y', 'z'", "'x', 'y z'"),
    "a dtype": ("T = np.float64\ndef f(x): return np.sum(x ** 2) + np.sum(np.ones(3, dtype=T) / 3)", "T = np.float64", "T = np.float32"),
}
"""Program, and what is replaced by what. The program itself is kept."""


@pytest.mark.parametrize("name", KEPT)
def test_a_change_is_seen(kernels, name):
    text, old, new = KEPT[name]
    assert old in text
    assert not check(program(kernels, text))
    assert check(program(kernels, text)), "nothing has changed"
    assert not check(program(kernels, text.replace(old, new))), "the change is not seen"
    assert check(program(kernels, text.replace(old, new)))
    assert check(program(kernels, text)), "the first one is still there"


def test_other_numbers_in_an_array_that_is_an_input(kernels):
    text = "W = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])\ndef f(x): return np.sum(W * np.sin(x))"
    assert not check(program(kernels, text))
    assert check(program(kernels, text.replace("7.0", "9.0"))), "the kernel reads the array"


def test_other_numbers_in_an_array_that_is_a_constant(kernels):
    text = "N = np.array([1, 2, 3])\ndef f(x):\n    s = 0.0\n    for n in N.tolist():\n        s = s + np.sum(x[:n] ** 2)\n    return s"
    first = check(program(kernels, text))
    again = check(program(kernels, text))
    other = check(program(kernels, text.replace("3]", "4]")))
    assert (first, other) == (False, False) and again in (False, True)


def test_numbers_that_change_before_the_kernel_is_there(kernels, monkeypatch):
    """The kernel is made in the background of what was recorded: what is kept are the numbers that were recorded."""
    monkeypatch.setattr(config, "wait", False)
    jobs = []
    monkeypatch.setattr(jitted, "waits", lambda *_: False)
    monkeypatch.setattr(jitted, "submit", jobs.append)
    text = "N = np.array([1, 2, 3])\ndef f(x): return sum([np.sum(x[:n] ** 2) for n in N.tolist()])"
    module = program(kernels, text)
    f = ad.jit(module.f)
    f(X)
    module.N[2] = 5
    [job] = jobs
    job()
    monkeypatch.undo()
    for attribute, value in (("cache", True), ("cache_dir", str(kernels / "kernels")), ("wait", True), ("check", False), ("verify", "off")):
        monkeypatch.setattr(config, attribute, value)
    module = program(kernels, text.replace("2, 3]", "2, 5]"))
    np.testing.assert_allclose(ad.jit(module.f)(X), module.f(X), rtol=1e-13)
    f = ad.jit(program(kernels, text).f)
    np.testing.assert_allclose(f(X), program(kernels, text).f(X), rtol=1e-13)


NOT_KEPT = {
    "a file, by a module that is handed on": "def g(xp): return xp.loadtxt(['1.0'])\ndef f(x): return np.sum(x) * g(np)",
    "a file": "def f(x): return np.sum(x) * np.loadtxt(['1.0'])",
    "random numbers": "def f(x): return np.sum(x) * np.random.default_rng(0).normal()",
    "a random number": "import random\ndef f(x): return np.sum(x * x) * random.Random(1).random()",
    "a clock": "import time\ndef f(x): return np.sum(x * x) * (1.0 + 0.0 * time.time())",
    "the environment": "import os\ndef f(x): return np.sum(x * x) * len(os.environ.get('HOME', ''))",
    "print": "def f(x):\n    print('called')\n    return np.sum(x * x)",
    "an import": "def f(x):\n    import math as m\n    return np.sum(x * x) * m.pi",
    "getattr": "def f(x): return np.sum(getattr(np, 'sin')(x))",
    "globals": "K = 2.0\ndef f(x): return np.sum(x * x) * globals()['K']",
    "eval": "K = 2.0\ndef f(x): return np.sum(x * x) * eval('K', {'K': K})",
    "a class that finds attributes itself": "class A:\n    def __getattr__(self, name): return 2.0\na = A()\ndef f(x): return np.sum(x * x) * a.k",
    "a class of a metaclass": "import abc\nclass A(abc.ABC):\n    k = 2.0\ndef f(x): return np.sum(x * x) * A.k",
    "a member of an enumeration": "import enum\nclass E(enum.Enum):\n    A = 1\ndef f(x): return np.sum(x * x) * E.A.value",
    "a module in an object": "import types\nm = types.ModuleType('m')\nm.k = 2.0\nclass A:\n    pass\na = A()\na.m = m\na.k = 1.0\n"
                             "def f(x): return np.sum(x * x) * a.m.k * a.k",
    "slots": "class A:\n    __slots__ = ('k',)\na = A()\na.k = 2.0\ndef f(x): return np.sum(x * x) * a.k",
    "an attribute that nobody has": "class A:\n    pass\na = A()\ndef f(x): return np.sum(x * x) * (a.k if False else 1.0)",
    "an object of a library": "import datetime\nd = datetime.date(2026, 1, 1)\ndef f(x): return np.sum(x * x) * d.year",
    "a generator": "g = iter([1.0] * 50)\ndef f(x): return np.sum(x * x) * (1.0 if g is not None else 2.0)",
    "an attribute of a dtype": "def f(x): return np.sum(x * x) * x.dtype.alignment",
    "a dict with attributes": "class D(dict):\n    pass\nd = D(k=2.0)\ndef f(x): return np.sum(x * x) * d['k']",
    "a number with attributes": "class F(float):\n    pass\nk = F(2.0)\ndef f(x): return np.sum(x * x) * k",
    "a list with attributes": "class L(list):\n    pass\nk = L([2.0])\ndef f(x): return np.sum(x * x) * k[0]",
    "an exception that is there": "E = ValueError('some text')\ndef f(x):\n    if np.sum(x) < -9.0:\n        raise E\n    return np.sum(x * x)",
    "a builtin function, beside an attribute of its name": "class A:\n    def open(self): return 1.0\na = A()\ndef f(x): return np.sum(x * x) * a.open() * (1.0 if open is not None else 0.0)",
    "a builtin function, beside an attribute of a module": "import types\nm = types.ModuleType('a_helper')\nm.__file__ = __file__\nm.other, m.scale, m.mean = 1.0, 2.0, 3.0\nm.id = 1.0\ndef f(x): return np.sum(x * x) * m.id + 0.0 * id(m)",
    "a module that finds its attributes itself": "import types\nm = types.ModuleType('a_helper')\nm.__file__ = __file__\nm.other, m.scale, m.mean = 1.0, 2.0, 3.0\nm.__getattr__ = lambda name: 2.0\nclass A:\n    k = 1.0\ndef f(x): return np.sum(x * x) * m.k * A.k",
    "a class that is taken apart by the user": "class A:\n    def __init__(self, w): self.w = w\nad.register_tree(A, lambda a: ((a.w,), None), lambda aux, ws: A(*ws))\na = A(2.0)\ndef f(x): return np.sum(x * x) * a.w",
    "errstate": "def f(x):\n    with np.errstate(all='ignore'):\n        return np.sum(x * x)",
    "what it writes": "LOG = []\ndef f(x):\n    LOG.append(1)\n    return np.sum(x * x)",
    "an attribute of a function": "def g(x): return x * g.k\ng.k = 2.0\ndef f(x): return np.sum(g(x) ** 2)",
    "a variable that it sets": "K = 2.0\ndef f(x):\n    global K\n    K = 2.0\n    return np.sum(x * x)",
}


@pytest.mark.parametrize("name", NOT_KEPT)
def test_what_is_recorded_in_each_process(kernels, name):
    for _ in range(2):
        module = program(kernels, NOT_KEPT[name])
        f = ad.jit(module.f)
        try:
            got = f(X)
        except (ad.UnsupportedError, ad.ConcreteValueError):
            return
        np.testing.assert_allclose(got, module.f(X), rtol=1e-12)
        assert not is_kept(f)


def test_a_change_after_it_was_taken_from_disk_is_seen(kernels):
    """What the function reads is watched as if it had been recorded here."""
    text = ("K = 2.0\nD = {'a': 3.0}\nL = [4.0]\nW = np.ones(7)\ndef g(x, k=1.0): return np.sin(x) * k\n"
            "def f(x): return np.sum(g(x) * W) * K * D['a'] * L[0] * len(L)")
    check(program(kernels, text))
    module = program(kernels, text)
    f = ad.jit(ad.value_and_grad(module.f))

    def holds():
        for _ in range(2):
            np.testing.assert_allclose(f(X)[0], module.f(X), rtol=1e-12)
    holds()
    assert is_kept(f)
    module.K = 5.0
    holds()
    module.D["a"] = 1.5
    holds()
    module.L[0] = 2.0
    holds()
    module.L.append(1.0)
    holds()
    module.W = np.arange(7.0)
    holds()
    module.W[2] = 9.0
    holds()
    module.g.__defaults__ = (2.5,)
    holds()
    module.g = lambda x: x * x
    holds()


@pytest.mark.parametrize("f", [np.sum, math.remainder, functools.partial(np.sum, axis=0)])
def test_a_function_without_lines_is_recorded(f):
    """What it checks names the line of the caller."""
    args = (5.0, 2.0) if f is math.remainder else (X,)
    for _ in range(2):
        compiled = ad.jit(f)
        np.testing.assert_allclose(compiled(*args), f(*args))
        assert not is_kept(compiled)


def test_other_signatures_are_other_recordings(kernels):
    text = "def f(x, y=1.0): return np.sum(np.sin(x)) * y"
    for args in ((X,), (X, 2.0), (X, 2), (X, np.float32(2.0)), (X.reshape(7, 1),), (X[:5],), (X.astype(np.float32),)):
        for turn in range(2):
            f = ad.jit(program(kernels, text).f)
            np.testing.assert_allclose(f(*args), np.sum(np.sin(args[0])) * (args[1] if len(args) > 1 else 1.0), rtol=1e-6)
            assert is_kept(f) == bool(turn)


def test_results_of_any_structure(kernels):
    text = "def f(p): return {'b': [p['w'] * 2.0, None], 'a': (np.sum(p['w']), p['v'])}, 3.0"
    for turn in range(2):
        f = ad.jit(program(kernels, text).f)
        result, number = f({"w": X, "v": 2.0})
        assert list(result) == ["b", "a"] and type(result["a"]) is tuple and result["b"][1] is None and number == 3.0
        np.testing.assert_array_equal(result["b"][0], X * 2.0)
        assert is_kept(f) == bool(turn)


TREES = """
import dataclasses
@dataclasses.dataclass
class State:
    x: np.ndarray
    v: float
    name: str = "state"
def f(state, dt): return State(state.x + state.v * dt, state.v * 2.0), {"old": state}
"""


def test_instances_of_dataclasses_as_arguments_and_results(kernels):
    for _ in range(2):
        module = program(kernels, TREES)
        f = ad.jit(module.f)
        new, rest = f(module.State(X, 2.0), 0.5)
        assert type(new) is module.State and type(rest["old"]) is module.State and new.v == 4.0
        np.testing.assert_array_equal(new.x, X + 1.0)
    module = program(kernels, TREES.replace("v: float\n", "v: float\n    more: float = 1.0\n"))
    assert module.State(X, 2.0).more == 1.0 and ad.jit(module.f)(module.State(X, 2.0), 0.5)[0].more == 1.0


OBJECTS = """
class Model:
    def __init__(self, w): self.w = w
    def __call__(self, x): return np.tanh(x * self.w)
def f(x, model, how="sum"): return np.sum(model(x)) if how == "sum" else np.mean(model(x))
"""


def test_objects_and_texts_as_arguments(kernels):
    for w, how, known in ((0.5, "sum", False), (0.5, "sum", True), (0.7, "sum", False), (0.5, "mean", False), (0.7, "sum", True), (0.5, "mean", True)):
        module = program(kernels, OBJECTS)
        f, model = ad.jit(module.f), module.Model(w)
        for _ in range(2):
            np.testing.assert_allclose(f(X, model, how), module.f(X, model, how), rtol=1e-13)
        assert is_kept(f) == known


def test_settings_belong_to_the_name(kernels):
    text = "def f(x): return np.sum(np.sin(x))"
    check(program(kernels, text))
    assert not is_kept_by(ad.jit(program(kernels, text).f, verify="first"))
    assert not is_kept_by(ad.jit(program(kernels, text).f, donate=0))
    assert not is_kept_by(ad.jit(program(kernels, text).f, threads=2))
    assert is_kept_by(ad.jit(program(kernels, text).f))


def is_kept_by(f) -> bool:
    f(X.copy())
    return is_kept(f)


def test_a_false_entry_is_found_out(kernels, monkeypatch):
    """Under `check` the function is recorded all the same."""
    text = "def f(x): return np.sum(np.sin(x)) + 0.0 * np.sum(np.cos(x))"
    monkeypatch.setattr(fingerprint.Fingerprint, "_code", lambda self, code: None)      # as if code were no part of it
    check(program(kernels, text))
    monkeypatch.setattr(config, "check", True)
    assert check(program(kernels, text))
    with pytest.raises(AssertionError, match="not that of the function"):
        check(program(kernels, text.replace("sin", "tan").replace("cos", "sin").replace("tan", "cos")))


SCRIPT = """
import sys
import numpy as np
import autodiff as ad
K = 2.0
W = np.linspace(0.0, 1.0, 6).reshape(2, 3)
def layer(x, w): return np.tanh(w @ x)
def loss(x):
    y = layer(x, W)
    for i in range(3):
        y = y * K + i
    return np.sum(y * y)
f = ad.jit(ad.value_and_grad(loss))
x = np.array([0.1, 0.2, 0.3])
value, slope = f(x)
assert np.isclose(value, loss(x)), value
h = 1e-6
assert np.allclose(slope, [(loss(x + h * e) - loss(x - h * e)) / (2 * h) for e in np.eye(3)], rtol=1e-5)
assert ad.jit(loss)(x) == loss(x) or np.isclose(ad.jit(loss)(x), loss(x))
print("not recorded" in f.why())
"""


def test_processes(kernels):
    file = kernels / "script.py"
    env = {**os.environ, "AUTODIFF_CACHE": "1", "AUTODIFF_CACHE_DIR": str(kernels / "other"), "AUTODIFF_WAIT": "1", "AUTODIFF_CHECK": "0",
           "AUTODIFF_VERIFY": "off", "PYTHONPATH": os.pathsep.join(sys.path)}
    said = []
    for text in (SCRIPT, SCRIPT, SCRIPT.replace("K = 2.0", "K = 3.0"), SCRIPT):
        file.write_text(text, encoding="utf-8")
        said.append(subprocess.run([sys.executable, str(file)], env=env, capture_output=True, text=True, check=True).stdout.strip())
    assert said == ["False", "True", "False", "True"]

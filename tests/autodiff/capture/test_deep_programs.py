"""Expressions that are a thousand operations deep: nothing that walks them may call itself once an operation."""

import importlib.util

import numpy as np
import pytest

import autodiff as ad

INDEX = """
def f(x, j):
    for i in range(len(x)):
{steps}
        x[j] = 0.5 * x[(j + 1) % 8]
    return np.sum(x * x)
"""
NUMBER = """
def f(x, j):
    s = x[j]
{steps}
    return np.sum(s * x)
"""
VIEW = """
def f(x, j):
    v = x * 1.0
{steps}
    return np.sum(v * x)
"""
PROGRAMS = {"index": (INDEX, "        j = (j * 3 + i) % 8\n" * 1100), "number": (NUMBER, "    s = np.sin(s) * 1.01\n" * 600),
            "view": (VIEW, "    v = np.roll(v[::-1], j)\n" * 300)}


@pytest.mark.parametrize("name", PROGRAMS)
def test_deep(name, tmp_path):
    text, steps = PROGRAMS[name]
    file = tmp_path / f"deep_{name}.py"
    file.write_text("import numpy as np\n" + text.format(steps=steps), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    f, x = module.f, np.linspace(0.1, 0.9, 8)
    want = [(f(x + d, 3) - f(x - d, 3)) / 2e-6 for d in 1e-6 * np.eye(8)]
    np.testing.assert_allclose(ad.jit(ad.grad(f))(x.copy(), 3), want, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ad.grad(f)(x.copy(), 3), want, rtol=1e-5, atol=1e-7)

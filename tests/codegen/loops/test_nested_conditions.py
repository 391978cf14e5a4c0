"""Compile time grows with the number of jumps on traced values, not by a factor with each: before, twelve of them did not end."""

import numpy as np
import pytest

import autodiff as ad
from tests.loop_programs import load

X = np.array([1.0, 2.0, 4.0])
KINDS = {"return": ("    if x[0] > {k}.0:\n        return x.sum() * {k}.0\n", "{body}    return x.sum()\n"),
         "elif": ("    {el}if x[0] > {k}.0:\n        y[0] = x.sum() * {k}.0\n", "    y = x * 1.0\n{body}    return y.sum() + y[0]\n"),
         "break": ("        if s > {k}.0:\n            break\n        s = s + x[0] * 0.1\n", "    s = x[1]\n    for _ in range(7):\n{body}    return s\n"),
         "continue": ("        if s > {k}.0:\n            continue\n        s = s + x[0] * 0.1\n",
                      "    s = x[1]\n    for _ in range(7):\n{body}    return s\n")}


@pytest.mark.parametrize("kind", KINDS)
def test_many_jumps(kind, tmp_path):
    part, whole = KINDS[kind]
    body = "".join(part.format(k=60 - 2 * k, el="el" if k else "") for k in range(30))
    f = load("import numpy as np\n\n\ndef program(x):\n" + whole.format(body=body), tmp_path, f"jumps_{kind}")
    jitted = ad.jit(ad.value_and_grad(f), wait=True)
    for x in (X, X * 11.0, X * 0.1):
        value, gradient = jitted(x)
        np.testing.assert_allclose(value, f(x), rtol=1e-13)
        np.testing.assert_allclose(gradient, ad.grad(f)(x), rtol=1e-12)

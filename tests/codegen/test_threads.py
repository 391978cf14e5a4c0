"""First compiles in several threads of a fresh process, with an empty and with a filled cache."""

import os
import subprocess
import sys

import pytest

from tests.test_layout import ROOT

PROGRAM = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import autodiff as ad

def work(k):
    x = np.ones(3 + k % 4)
    a = ad.jit(ad.grad(lambda x: np.sum(x ** 2) * k))(x)
    t = ad.tensor(x, requires_grad=True)
    np.sum(np.sin(t) * k).backward()
    m = np.arange(9.0).reshape(3, 3) + 9 * np.eye(3)
    b = ad.jit(lambda m: np.linalg.solve(m @ m.T, m).sum() * (k + 1))(m)
    return np.array_equal(a, 2.0 * k * x), np.allclose(t.grad, k * np.cos(x)), np.allclose(b, np.linalg.solve(m @ m.T, m).sum() * (k + 1))

with ThreadPoolExecutor(8) as pool:
    assert all(all(ok) for ok in pool.map(work, range(16)))
print("done")
"""


@pytest.mark.parametrize("generator", ["llvm", "auto"])
def test_first_compiles_in_eight_threads(tmp_path, generator):
    environment = {**os.environ, "AUTODIFF_CACHE_DIR": str(tmp_path / "cache"), "AUTODIFF_GENERATOR": generator, "PYTHONPATH": str(ROOT)}
    for _ in range(3):      # the first process fills the cache
        out = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120)
        assert out.returncode == 0 and out.stdout == "done\n", out.stderr

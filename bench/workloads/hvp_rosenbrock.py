"""The Hessian of Rosenbrock's function times a vector: a derivative of a derivative, never a matrix.

The Hessian is tridiagonal: H[i, i] = 1200 x[i]² - 400 x[i+1] + 2 (absent for the last i) + 200 (absent for
the first i), and H[i, i+1] = -400 x[i].
"""

import numpy as np

from bench.workload import Workload
from bench.workloads.rosenbrock import loss


def by_hand(x, v):
    a, b = x[:-1], x[1:]
    side = -400 * a
    product = np.empty_like(x)
    product[:-1] = (1200 * a * a - 400 * b + 2) * v[:-1] + side * v[1:]
    product[-1] = 0
    product[1:] += 200 * v[1:] + side * v[:-1]
    return product


def loops():
    import numba

    @numba.njit(fastmath=True)
    def product(x, v):
        n = x.size
        out = np.empty_like(x)
        out[0] = (1200 * x[0] * x[0] - 400 * x[1] + 2) * v[0] - 400 * x[0] * v[1]
        for i in range(1, n - 1):
            out[i] = ((1200 * x[i] * x[i] - 400 * x[i + 1] + 202) * v[i]
                      - 400 * (x[i] * v[i + 1] + x[i - 1] * v[i - 1]))
        out[n - 1] = 200 * v[n - 1] - 400 * x[n - 2] * v[n - 2]
        return out

    return product


def data(n):
    rng = np.random.default_rng(0)
    return rng.normal(size=n), rng.normal(size=n)


workloads = (
    Workload("hvp_rosenbrock", "Hessian of Rosenbrock's function times a vector, 1e5 numbers", loss,
             make=lambda: data(10**5), small=lambda: data(5), by_hand=by_hand, numba=loops,
             asks="hessian-vector product"),
)

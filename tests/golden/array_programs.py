"""Golden programs without control flow: operations on whole arrays, views, writes, linear algebra and the transforms."""

import numpy as np

import autodiff as ad
from tests.golden.table import Table

program = Table()

N = 5
X, Y = np.linspace(0.1, 1.0, N), np.linspace(-1.0, 0.5, N)
A, B = np.linspace(-1.0, 1.0, 12).reshape(3, 4), np.linspace(0.0, 2.0, 12).reshape(4, 3)
SPD = np.eye(3) * 4.0 + 1.0
WIDE = np.linspace(-1.0, 1.0, 81).reshape(9, 9)
WHERE = np.array([0, 3, 3, 1])
OUTSIDE = np.linspace(1.0, 2.0, N)


# -- elementwise operations and reductions ----------------------------------------------------------

@program("a chain of elementary functions and its gradient are one loop", X)
def chain(x):
    return np.sum(np.tanh(x) * np.exp(-x * x))


@program("a column times a row", X, Y)
def broadcast_outer(x, y):
    return np.sum(np.sin(x[:, None] * y))


@program("a Python number and an array, whole powers without pow", X, 2.0)
def scalar_powers(x, a):
    return np.sum(a * x ** 2 + x ** 3 / a)


@program("sums over the first axis keep the order of memory", A, wrt=None)
def column_sums(a):
    return np.sum(a, axis=0)


@program("mean and variance: two sums, one after the other", X)
def variance(x):
    return np.mean((x - np.mean(x)) ** 2)


@program("a running sum", X)
def running_sum(x):
    return np.sum(np.cumsum(x) ** 2)


@program("the softmax of rows, with the maximum subtracted", A)
def softmax_rows(a):
    e = np.exp(a - np.max(a, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    return np.sum(p * p)


@program("cross-entropy of rows with integer labels", A, np.array([1, 0, 3]))
def cross_entropy(a, labels):
    shifted = a - np.max(a, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - shifted[np.arange(3), labels])


@program("kinks: the derivatives of abs and maximum at ties", X, Y)
def kinks(x, y):
    return np.sum(np.abs(x) + np.maximum(x, y) + np.clip(y, -0.5, 0.5))


@program("a selection between two formulas", X)
def selected(x):
    return np.sum(np.where(x > 0.5, x * x, 2.0 * x))


@program("the greatest element and where it is", X)
def greatest(x):
    return np.max(x) * x[np.argmin(x)]


@program("a sorted array", X)
def sorted_array(x):
    return np.sum(np.sort(x) * np.arange(5.0))


# -- dtypes ----------------------------------------------------------------------------------------

@program("float32 throughout: twice the lanes", X.astype(np.float32))
def single(x):
    return np.sum(np.exp(x) * x)


@program("float32, float64, integers and booleans together", X.astype(np.float32), Y, np.arange(N), Y > 0.0)
def mixed_dtypes(x, y, k, b):
    return np.sum(x * y + k * x + np.where(b, x, k) + (k // 2))


# -- products --------------------------------------------------------------------------------------

@program("a small product of matrices is plain loops", A, B)
def small_product(a, b):
    return np.sum(np.tanh(a @ b))


@program("a larger product of matrices is a call", WIDE, WIDE)
def called_product(a, b):
    return np.sum((a @ b) ** 2)


# -- indexing, views and writes --------------------------------------------------------------------

@program("reads at indices from an array; the gradient adds at them", X, WHERE)
def gather(x, k):
    return np.sum(x[k] ** 2)


@program("adds at indices from an array, some of them equal", X[:4], WHERE)
def scatter(x, k):
    y = np.zeros(5)
    np.add.at(y, k, x)
    return np.sum(y * y)


@program("neighbours and a step: slices read, their cotangents gathered", X)
def slices(x):
    return np.sum(x[1:] * x[:-1]) + np.sum(x[::2])


@program("a transposed and reversed view has no loop of its own", A)
def views(a):
    return np.sum(a.T[1:3, ::-1] ** 2)


@program("a write through a view changes the array under it", X)
def write_through_view(x):
    y = x * 2.0
    inner = y[1:4]
    inner *= x[:3]
    return np.sum(y * y)


@program("a write under a mask", X)
def masked_write(x):
    y = x * x
    y[y > 0.3] = 0.5
    return np.sum(y * x)


@program("an array in the making: pieces joined", X, Y)
def joined(x, y):
    return np.sum(np.concatenate([x[1:], y, x[:2]]) ** 2)


@program("an array from outside the function is read at each call", X)
def outside_array(x):
    return np.sum(x * OUTSIDE)


@program("an argument that is written, and nothing returned", X.copy(), Y, wrt=None)
def argument_written(x, y):
    x += 2.0 * y


@program("a dict of parameters", {"w": A, "b": X[:3]}, X[:4])
def parameters(p, x):
    return np.sum((p["w"] @ x + p["b"]) ** 2)


# -- lengths found at run time ---------------------------------------------------------------------

@program("what a mask selects has a length of its own", X)
def masked_length(x):
    return np.sum(x[x > 0.4] ** 2)


@program("indices of nonzero elements, and two lengths that are compared", X, Y)
def nonzero(x, y):
    k = np.flatnonzero(y > 0.0)
    return np.sum(x[k] * y[y > 0.0])


# -- linear algebra --------------------------------------------------------------------------------

@program("the logarithm of a determinant by Cholesky's factor", SPD)
def log_determinant(a):
    return 2.0 * np.sum(np.log(np.diag(np.linalg.cholesky(a))))


@program("the solution of a linear system", X[:3], SPD)
def solution(b, a):
    return np.sum(np.linalg.solve(a, b) ** 2)


# -- transforms ------------------------------------------------------------------------------------

@program("the derivative along a direction", X, Y, wrt=None)
def direction(x, d):
    return ad.jvp(lambda x: np.sum(np.sin(x) * x), (x,), (d,))


@program("a Hessian", X, wrt=None)
def hessian(x):
    return ad.hessian(lambda x: np.sum(x[1:] ** 2 * x[:-1]))(x)


@program("a function of one row mapped over all", A)
def mapped(a):
    return np.sum(ad.vmap(lambda row: np.tanh(row) @ row)(a))


@program("what is computed again instead of kept", X)
def checkpointed(x):
    return np.sum(ad.checkpoint(lambda x: np.sin(np.exp(x)))(x) * x)


@ad.custom_vjp
def clipped_gradient(x):
    return x * 3.0


clipped_gradient.defvjp(lambda x: (x * 3.0, x), lambda x, ct: (np.clip(ct * x, -1.0, 1.0),))


@program("a derivative that the user gives", X)
def custom_rule(x):
    return np.sum(clipped_gradient(x) ** 2)

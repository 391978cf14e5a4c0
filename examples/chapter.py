"""A first chapter on automatic differentiation, every step in order.

Each step is written three ways: define-by-run (`ad.tensor`, `backward`), functional (`ad.grad`), and
functional and compiled (`ad.jit(ad.grad(f))`). All three must give the gradient that calculus gives, and each
is checked.

    python examples/chapter.py
"""

import numpy as np

import autodiff as ad


def main():
    a_simple_function()
    another_function_of_the_same_variable()
    a_result_that_is_not_a_scalar()
    control_flow()
    print("every gradient is right")


def a_simple_function():
    print("y = 2 x·x, whose gradient is 4x")
    x = ad.tensor(np.arange(4.0), requires_grad=True)
    assert x.grad is None, "there is no gradient before the first backward"
    y = 2 * np.dot(x, x)
    y.backward()

    def f(x):
        return 2 * np.dot(x, x)

    point = np.arange(4.0)
    check("backward", x.grad, 4 * point)
    check("grad", ad.grad(f)(point), [0, 4, 8, 12])
    check("jit(grad)", ad.jit(ad.grad(f))(point), [0, 4, 8, 12])


def another_function_of_the_same_variable():
    print("y = sum(x), whose gradient is 1 everywhere")
    x = ad.tensor(np.arange(4.0), requires_grad=True)
    (2 * np.dot(x, x)).backward()
    x.grad.zero_()                      # gradients add up: start again from zero
    x.sum().backward()

    point = np.arange(4.0)
    check("backward", x.grad, np.ones(4))
    check("grad", ad.grad(np.sum)(point), np.ones(4))
    check("jit(grad)", ad.jit(ad.grad(np.sum))(point), np.ones(4))


def a_result_that_is_not_a_scalar():
    print("y = x*x, not a scalar: its sum has the gradient 2x")
    x = ad.tensor(np.arange(4.0), requires_grad=True)
    (x * x).sum().backward()
    check("sum().backward()", x.grad, 2 * np.arange(4.0))
    x.grad.zero_()
    y = x * x
    y.backward(gradient=np.ones(4))     # the same: weights for the elements of y
    check("backward(gradient=ones)", x.grad, 2 * np.arange(4.0))

    def square(x):
        return x * x

    point = np.arange(4.0)
    check("grad", ad.grad(lambda x: np.sum(square(x)))(point), 2 * point)
    y, pullback = ad.vjp(square, point)
    check("vjp", pullback(np.ones(4))[0], 2 * point)
    check("jit(grad)", ad.jit(ad.grad(lambda x: np.sum(square(x))))(point), 2 * point)


def doubled(a):
    """Python's own `while` and `if`, deciding on values.

    Around any `a` this is k·a with a constant k, so the derivative is k = doubled(a) / a.
    """
    b = a * 2
    while np.linalg.norm(b) < 1000:
        b = b * 2
    return b if np.sum(b) > 0 else 100 * b


def doubled_in_graph(a):
    """`doubled` for `jit`: compiled code serves all values, so loop and branch must be recorded."""
    b = ad.while_loop(lambda b: np.linalg.norm(b) < 1000, lambda b: b * 2, a * 2)
    return ad.cond(np.sum(b) > 0, lambda b: b, lambda b: 100 * b, b)


def control_flow():
    print("a loop and a branch that depend on the data: the gradient is f(a)/a")
    rng = np.random.default_rng(0)
    compiled = ad.jit(ad.grad(doubled_in_graph))
    for size in rng.normal(size=3):
        for a in (abs(size), -abs(size)):
            t = ad.tensor(a, requires_grad=True)
            doubled(t).backward()
            expected = doubled(a) / a
            check(f"backward  a = {a:+.3f}", t.grad, expected)
            check(f"grad      a = {a:+.3f}", ad.grad(doubled)(a), expected)
            check(f"jit(grad) a = {a:+.3f}", compiled(a), expected)


def check(face, gradient, expected):
    gradient = np.asarray(gradient)
    np.testing.assert_allclose(gradient, expected, rtol=1e-15)
    print(f"  {face:24} {gradient}")


if __name__ == "__main__":
    main()

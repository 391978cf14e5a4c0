"""A regression fitted by SciPy's optimiser, fed with value and gradient by one compiled function.

`minimize(..., jac=True)` asks for a function that returns a number and its gradient: that is what
`ad.jit(ad.value_and_grad(f))` is, with no wrapper. The data are scikit-learn's diabetes measurements (442
patients, 10 measurements each); the answer is compared with scikit-learn's own ridge regression, which solves
a linear system instead.

    python examples/fit.py
"""

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

import autodiff as ad

PENALTY = 0.1


def main():
    x, y = load_diabetes(return_X_y=True)

    def ridge(w):
        """Squared error of `x @ w[:-1] + w[-1]`, with a penalty on the slopes but not on the intercept."""
        residual = np.dot(x, w[:-1]) + w[-1] - y
        return np.sum(residual ** 2) + PENALTY * np.sum(w[:-1] ** 2)

    objective = ad.jit(ad.value_and_grad(ridge))
    start = np.zeros(x.shape[1] + 1)
    result = minimize(objective, start, jac=True, method="L-BFGS-B",
                      options={"gtol": 1e-6, "ftol": 0.0, "maxiter": 10_000, "maxfun": 10_000})

    theirs = Ridge(alpha=PENALTY, tol=1e-12).fit(x, y)
    expected = np.append(theirs.coef_, theirs.intercept_)
    error = np.max(np.abs(result.x - expected)) / np.max(np.abs(expected))
    print("slopes    ", np.array2string(result.x[:-1], precision=3, suppress_small=True))
    print("intercept ", f"{result.x[-1]:.3f}")
    print(f"{result.nfev} evaluations, {objective.cache_info().misses} compilation; "
          f"largest difference from scikit-learn's ridge: {error:.1e} of the largest coefficient")
    assert error < 1e-6, f"differs from scikit-learn's ridge solution by {error:.1e}"
    return error


if __name__ == "__main__":
    main()

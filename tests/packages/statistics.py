"""Statistics and spectra: line shapes, scoring rules, fuzzy membership, special functions for survival."""

import numpy as np

from tests.packages.cases import of

shapes = of("lmfit", "lmfit.lineshapes")
scores = of("properscoring")
fuzzy = of("scikit-fuzzy", "skfuzzy.membership")
metrics = of("scikit-learn", "sklearn.metrics")

X = np.array([0.3, 1.4, 2.2, 3.7])
LINE = (2.0, 1.1, 0.6)
SEEN, GUESS = np.array([3.0, -0.5, 2.0, 7.0]), np.array([2.5, 0.1, 2.2, 8.0])

CASES = [
    *[shapes(name, (X, *LINE)) for name in ("gaussian", "lorentzian", "voigt", "logistic", "lognormal", "students_t", "doniach", "expsine",
                                            "skewed_voigt", "split_lorentzian", "damped_oscillator", "dho", "bose", "fermi")],
    shapes("pvoigt", (X, *LINE, 0.4)),
    shapes("moffat", (X, *LINE, 1.3)),
    shapes("pearson4", (X, *LINE, 1.3, 0.2)),
    shapes("pearson7", (X, *LINE, 1.3)),
    shapes("breit_wigner", (X, *LINE, 1.3)),
    shapes("skewed_gaussian", (X, *LINE, 0.7)),
    shapes("expgaussian", (X, *LINE, 0.7)),
    shapes("step", (X, *LINE), form="erf"),
    shapes("rectangle", (X, 2.0, 1.1, 0.6, 3.0, 0.5), form="logistic"),
    shapes("powerlaw", (X, 2.0, 1.3)),
    shapes("exponential", (X, 2.0, 1.3)),
    shapes("sine", (X, 2.0, 1.3, 0.2)),
    shapes("gaussian2d", (X, X[::-1] + 0.1, 2.0, 1.1, 0.9, 0.6, 0.7)),
    scores("crps_gaussian", (X, 1.2, 0.7)),
    scores("crps_ensemble", (X[:2], np.array([[0.1, 0.5, 0.9], [1.0, 1.9, 1.2]]))),
    scores("brier_score", (np.array([0.8, 0.3, 0.6]),), call=lambda m, p: m.brier_score(np.array([1.0, 0.0, 1.0]), p)),
    fuzzy("gaussmf", (X, 1.2, 0.6)),
    fuzzy("gbellmf", (X, 1.2, 2.0, 0.6)),
    fuzzy("sigmf", (X, 1.2, 0.6)),
    fuzzy("trimf", (X,), call=lambda m, x: m.trimf(x, [0.0, 1.0, 4.0])),
    fuzzy("pimf", (X,), call=lambda m, x: m.pimf(x, 0.0, 1.0, 2.0, 4.0)),
    metrics("mean_squared_error", (SEEN, GUESS)),
    metrics("mean_absolute_error", (SEEN, GUESS)),
    metrics("r2_score", (SEEN, GUESS)),
    metrics("mean_pinball_loss", (SEEN, GUESS)),
    metrics("pairwise.rbf_kernel", (X.reshape(2, 2), GUESS.reshape(2, 2))),
]

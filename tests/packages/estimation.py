"""Signals, control and estimation: Kalman filters, state spaces, Riccati equations, transmission lines, fuzzy sets."""

import numpy as np

from tests.packages.cases import of

kalman = of("filterpy", "filterpy.kalman")
stats = of("filterpy", "filterpy.stats")
common = of("filterpy", "filterpy.common")
gh = of("filterpy", "filterpy.gh")
pykalman = of("pykalman")
control = of("control")
lines = of("scikit-rf", "skrf.tlineFunctions")
decibels = of("scikit-rf", "skrf.mathFunctions")
peaks = of("peakutils")

SEEN = (1.0, 2.2, 2.9, 4.1)
A, B = np.array([[0.9, 0.2], [-0.1, 0.8]]), np.array([[0.0], [1.0]])
SPD, OTHER = np.array([[2.0, 0.3], [0.3, 1.5]]), np.array([[1.0, -0.2], [-0.2, 0.8]])
X, Y = np.array([1.0, 2.0]), np.array([1.3, 1.6])


def linear(m, noise, drift, likelihood=0.0):
    f = m.KalmanFilter(dim_x=2, dim_z=1)
    f.F, f.H, f.P = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]]), np.eye(2) * 10.0
    f.R, f.Q = np.array([[1.0]]) * noise, np.eye(2) * drift
    total = 0.0
    for z in SEEN:
        f.predict()
        f.update(np.array([z]))
        total += f.x[0, 0] ** 2 + f.P[0, 0] + (f.log_likelihood if likelihood else 0.0)
    return total


def extended(m, noise, drift):
    f = m.ExtendedKalmanFilter(dim_x=2, dim_z=1)
    f.x, f.F, f.P, f.R, f.Q = np.array([1.0, 0.5]), np.array([[1.0, 1.0], [0.0, 1.0]]), np.eye(2), np.eye(1) * noise, np.eye(2) * drift
    for z in SEEN:
        f.update(np.array([z]), lambda x: np.array([[x[0] / np.hypot(x[0], 2.0), 0.0]]), lambda x: np.array([np.hypot(x[0], 2.0)]))
        f.predict()
    return f.x


def unscented(m, noise, drift):
    points = m.MerweScaledSigmaPoints(2, alpha=0.3, beta=2.0, kappa=1.0)
    f = m.UnscentedKalmanFilter(dim_x=2, dim_z=1, dt=1.0, hx=lambda x: np.array([x[0] ** 2]),
                                fx=lambda x, dt: np.array([x[0] + dt * x[1], x[1]]), points=points)
    f.x, f.R, f.Q = np.array([1.0, 0.5]), np.eye(1) * noise, np.eye(2) * drift
    for z in SEEN[:2]:
        f.predict()
        f.update(np.array([z]))
    return f.x


def information(m, noise, drift):
    f = m.InformationFilter(dim_x=2, dim_z=1)
    f.x, f.F, f.H = np.array([[2.0], [0.5]]), np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    f.R_inv, f.Q = np.array([[1.0]]) / noise, np.eye(2) * drift
    for z in SEEN:
        f.predict()
        f.update(np.array([[z]]))
    return f.x


def g_h(m, g, h):
    f = m.GHFilter(x=0.0, dx=0.5, dt=1.0, g=g, h=h)
    for z in SEEN:
        f.update(z)
    return f.x + f.dx


CASES = [
    kalman("KalmanFilter", (1.0, 0.1), call=linear),
    kalman("KalmanFilter.log_likelihood", (1.0, 0.1), call=lambda m, noise, drift: linear(m, noise, drift, 1.0)),
    kalman("ExtendedKalmanFilter", (1.0, 0.1), call=extended),
    kalman("UnscentedKalmanFilter", (1.0, 0.1), call=unscented),
    kalman("InformationFilter", (1.0, 0.1), call=information),
    kalman("predict", (X, SPD), call=lambda m, x, P: m.predict(x, P, A)),
    kalman("update", (X, SPD, np.array([1.2])), call=lambda m, x, P, z: m.update(x, P, z, np.eye(1), np.array([[1.0, 0.0]]))),
    kalman("unscented_transform", (np.array([[1.0, 2.0], [1.5, 2.5], [0.5, 1.0]]),),
           call=lambda m, sigmas: m.unscented_transform(sigmas, np.array([0.4, 0.3, 0.3]), np.array([0.5, 0.3, 0.2]))),
    kalman("MerweScaledSigmaPoints.sigma_points", (X, SPD), call=lambda m, x, P: m.MerweScaledSigmaPoints(2, 0.3, 2.0, 1.0).sigma_points(x, P)),
    gh("GHFilter", (0.8, 0.2), call=g_h),
    stats("gaussian", (1.0, 2.0, 3.0)),
    stats("multivariate_gaussian", (X, Y, SPD)),
    stats("logpdf", (X, Y, SPD)),
    stats("mul", (1.0, 2.0, 3.0, 4.0)),
    stats("multivariate_multiply", (X, SPD, Y, OTHER)),
    stats("mahalanobis", (X, Y, SPD)),
    stats("norm_cdf", (0.5, 1.0), call=lambda m, mu, var: m.norm_cdf((0.0, 1.5), mu, var)),
    common("Q_discrete_white_noise", (0.5, 2.0), call=lambda m, dt, var: m.Q_discrete_white_noise(3, dt, var)),
    common("Q_continuous_white_noise", (0.5, 2.0), call=lambda m, dt, s: m.Q_continuous_white_noise(2, dt, s)),
    common("van_loan_discretization", (A, B), call=lambda m, F, G: m.van_loan_discretization(F, G, 0.1)),
    pykalman("KalmanFilter.filter", (A, 0.5), call=lambda m, F, r: m.KalmanFilter(
        transition_matrices=F, observation_matrices=np.array([[1.0, 0.0]]), observation_covariance=np.eye(1) * r,
        transition_covariance=np.eye(2), initial_state_mean=np.zeros(2), initial_state_covariance=np.eye(2)).filter(np.array(SEEN))[0]),
    pykalman("KalmanFilter.loglikelihood", (A, 0.5), call=lambda m, F, r: m.KalmanFilter(
        transition_matrices=F, observation_matrices=np.array([[1.0, 0.0]]), observation_covariance=np.eye(1) * r,
        transition_covariance=np.eye(2), initial_state_mean=np.zeros(2), initial_state_covariance=np.eye(2)).loglikelihood(np.array(SEEN))),
    control("lyap", (A - np.eye(2),), call=lambda m, a: m.lyap(a, SPD, method="scipy")),
    control("dlyap", (A,), call=lambda m, a: m.dlyap(a, SPD, method="scipy")),
    control("ctrb", (A, B)),
    control("obsv", (A, B.T)),
    control("ss (dcgain)", (A - np.eye(2),), call=lambda m, a: m.dcgain(m.ss(a, B, np.array([[1.0, 0.0]]), np.zeros((1, 1))))),
    control("ss (frequency response)", (A - np.eye(2), 0.7),
            call=lambda m, a, w: abs(m.ss(a, B, np.array([[1.0, 0.0]]), np.zeros((1, 1)))(1j * w))),
    control("tf (frequency response)", (np.array([1.0, 2.0]), np.array([1.0, 0.5, 2.0])), call=lambda m, num, den: abs(m.tf(num, den)(0.7j))),
    lines("skin_depth", (1e9, 1.7e-8, 1.0)),
    lines("surface_resistivity", (1e9, 1.7e-8, 1.0)),
    lines("zl_2_Gamma0", (50.0, 75.0), call=lambda m, z0, zl: m.zl_2_Gamma0(z0, zl).real),
    lines("zl_2_swr", (50.0, 75.0)),
    lines("zl_2_zin", (50.0, 75.0, 0.6), call=lambda m, z0, zl, theta: m.zl_2_zin(z0, zl, 1j * theta).imag),
    decibels("mag_2_db", (0.5,)),
    decibels("db_2_mag", (-3.0,)),
    decibels("np_2_db", (0.3,)),
    decibels("dbdeg_2_reim", (-3.0, 40.0), call=lambda m, db, degrees: m.dbdeg_2_reim(db, degrees).real),
    decibels("radian_2_degree", (0.6,)),
    peaks("gaussian", (np.array([1.0, 2.0, 3.0]), 2.0, 1.8, 0.7)),
    peaks("centroid", (np.array([1.0, 2.0, 3.0]), np.array([0.2, 1.5, 0.7]))),
    peaks("scale", (np.array([0.2, 1.5, 0.7]),)),
    peaks("baseline", (np.array([0.2, 1.5, 0.7, 0.9, 0.4, 1.1, 0.3]),)),
]

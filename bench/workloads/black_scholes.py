"""Prices of European calls by Black and Scholes and all five greeks of each option.

price = S N(d1) - K exp(-r T) N(d2), d1 = (log(S/K) + (r + sigma²/2) T) / (sigma sqrt(T)), d2 = d1 - sigma
sqrt(T), with N the normal distribution function. The gradient of the sum of prices is, option by option,
delta, the derivative by the strike, minus theta, rho and vega. Source: Hull, Options, Futures, and Other
Derivatives, the chapter on the greek letters.
"""

import math

import numpy as np

from bench import special
from bench.workload import Workload


def write(functions):
    def loss(np, S, K, T, r, sigma):
        def normal(x):
            return 0.5 * (1 + functions.erf(x / math.sqrt(2)))

        spread = sigma * np.sqrt(T)
        d1 = (np.log(S / K) + (r + 0.5 * sigma**2) * T) / spread
        return np.sum(S * normal(d1) - K * np.exp(-r * T) * normal(d1 - spread))
    return loss


def by_hand(S, K, T, r, sigma):
    from scipy.special import ndtr
    root = np.sqrt(T)
    spread = sigma * root
    d1 = (np.log(S / K) + (r + 0.5 * sigma * sigma) * T) / spread
    n1 = ndtr(d1)
    discounted = np.exp(-r * T) * ndtr(d1 - spread)         # derivative by -K
    vega = np.exp(-0.5 * d1 * d1)
    vega *= S * root / math.sqrt(2 * math.pi)
    owed = K * discounted
    by_time = 0.5 * vega * sigma / T + r * owed
    return np.sum(S * n1 - owed), (n1, -discounted, by_time, T * owed, vega)


def loops():
    import numba

    @numba.njit(fastmath=True, error_model="numpy")
    def value_and_gradient(S, K, T, r, sigma):
        n = S.size
        d_S, d_K, d_T, d_r, d_sigma = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
        value = 0.0
        for i in range(n):
            root = math.sqrt(T[i])
            spread = sigma[i] * root
            d1 = (math.log(S[i] / K[i]) + (r[i] + 0.5 * sigma[i] * sigma[i]) * T[i]) / spread
            n1 = 0.5 * (1 + math.erf(d1 / math.sqrt(2.0)))
            discounted = math.exp(-r[i] * T[i]) * 0.5 * (1 + math.erf((d1 - spread) / math.sqrt(2.0)))
            vega = S[i] * root * math.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
            owed = K[i] * discounted
            value += S[i] * n1 - owed
            d_S[i] = n1
            d_K[i] = -discounted
            d_T[i] = 0.5 * vega * sigma[i] / T[i] + r[i] * owed
            d_r[i] = T[i] * owed
            d_sigma[i] = vega
        return value, (d_S, d_K, d_T, d_r, d_sigma)

    return value_and_gradient


def data(n):
    rng = np.random.default_rng(0)
    S = rng.uniform(50, 150, size=n)
    strikes, times = S * rng.uniform(0.8, 1.25, size=n), rng.uniform(0.1, 2.0, size=n)
    return S, strikes, times, rng.uniform(0.0, 0.08, size=n), rng.uniform(0.1, 0.5, size=n)


workloads = (
    Workload("black_scholes", "Black-Scholes call prices, all five greeks of 1e6 options",
             write(special.plain()), make=lambda: data(10**6), small=lambda: data(4), by_hand=by_hand,
             numba=loops, wrt=(0, 1, 2, 3, 4), ports=special.ports(write)),
)

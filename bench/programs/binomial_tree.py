"""Price of an American put on a binomial tree: backward induction, with early exercise where it is worth more than waiting.

Source: J. C. Cox, S. A. Ross and M. Rubinstein, Option pricing: a simplified approach, J. Financial Economics 7 (1979).
"""

import numpy as np


def american_put(spot, strike, rate, sigma, maturity, n):
    dt = maturity / n
    up = np.exp(sigma * np.sqrt(dt))
    down = 1.0 / up
    p = (np.exp(rate * dt) - down) / (up - down)
    discount = np.exp(-rate * dt)
    price = spot * up ** (2.0 * np.arange(n + 1) - n)
    value = np.maximum(strike - price, 0.0)
    for i in range(n, 0, -1):
        price[:i] = price[1 : i + 1] * down
        value[:i] = discount * (p * value[1 : i + 1] + (1.0 - p) * value[:i])
        value[:i] = np.maximum(value[:i], strike - price[:i])
    return value[0]


def loss(spot, strike, rate, sigma, maturity, n):
    return american_put(spot, strike, rate, sigma, maturity, n)


def arguments(size):
    n = {"small": 21, "large": 7000}[size]
    return 36.3, 40.0, 0.06, 0.2, 1.0, n


WRT = (0, 1, 2, 3, 4)

"""Smooth escape time of z <- z^2 + c: the number of steps until |z| > 16, made continuous by subtracting log2 log2 |z|.

Points that have not escaped after the last step count as that many steps.

Source: H.-O. Peitgen and P. H. Richter, The Beauty of Fractals, Springer 1986; the continuous count is from the potential in chapter 4.
"""

import numpy as np


def escape_time(cr, ci, maxit):
    zr = 0.0
    zi = 0.0
    count = float(maxit)
    for k in range(maxit):
        zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
        size2 = zr * zr + zi * zi
        if size2 > 256.0:
            count = k + 1.0 - np.log2(0.5 * np.log2(size2))
            break
    return count


def loss(re, im, maxit):
    total = 0.0
    for i in range(len(re)):
        total += escape_time(re[i], im[i], maxit)
    return total / len(re)


def arguments(size):
    rng = np.random.default_rng(22)
    n, maxit = {"small": (20, 30), "large": (20000, 100)}[size]
    return rng.uniform(-2.0, 0.8, size=n), rng.uniform(-1.2, 1.2, size=n), maxit


WRT = (0, 1)

"""Python's language under jit, case by case: built-in functions."""

import math

import numpy as np
import pytest

from tests.autodiff.capture.language import CaseTable, check_case

case = CaseTable()


@case("loop")
def builtins_in_loop(x):
    s = 0.0
    for i in range(6):
        s = s + abs(x[i]) + min(x[i], 0.5) + max(x[i], s, 0.1) + float(x[i] > 0) * 2.0 + int(x[i] * 9.7) + bool(x[i] > 0.5) + pow(x[i], 2)
        s = s + round(float(i), 1)
    return s


@case()
def builtins_of_arrays(x):
    return sum(x) + sum(x * x, 1.0) + min(x) * 2.0 + max(x) + len(x) + max([x[0], x[1]]) + min((x[2], x[3], x[4])) + abs(x)[0]


@case("loop")
def math_functions(x):
    s = 0.0
    for i in range(6):
        t = x[i]
        s = s + math.sin(t) * math.cos(t) + math.exp(-t) + math.sqrt(t * t + 1.0) + math.log(2.0 + t * t) + math.atan2(t, 2.0)
        s = s + math.tanh(t) + math.hypot(t, 1.0) + math.pi * math.erf(t) + math.pow(1.0 + t * t, 1.5) + math.floor(t * 3.3) + math.ceil(t)
        s = s + math.log1p(t * t) + math.fabs(t) + math.copysign(1.0, t) * t + math.log(3.0 + t, 2.0) + math.expm1(t) + math.degrees(t) * 0.01
        s = s + math.fmod(t, 0.37) + (0.0 if math.isnan(t) or math.isinf(t) else 1.0) + math.sinh(t) - math.asinh(t) + math.trunc(t * 2.9)
    return s


@case()
def math_of_arrays(x):
    return math.fsum(x) * math.prod(x[1:3]) + math.dist(x[:2], x[2:4]) + math.isclose(x[0], x[0]) + math.comb(5, 2) + math.gcd(12, 18)


@case("loop")
def types_asked(x):
    s = 0.0
    for i in range(4):
        v = x[i]
        if isinstance(v, (float, np.floating)) and not isinstance(v, np.ndarray) and np.isscalar(v):
            s = s + v
        if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype == np.float64 and x.size == len(x) and hasattr(x, "shape"):
            s = s + 1.0
    return s


@case("loop")
def integer_arithmetic(x):
    s = 0.0
    for i in range(6):
        q, r = divmod(i * 7, 4)
        s = s + x[i] * (q + r) + (i // 2) * 0.1 + (-i) % 3 + (i & 1) * x[0] + (i ^ 3) + (1 << i) * 0.01 + 2 ** i * 0.1 + i / 4 + -i // 2
    return s


@case("loop")
def float_methods(x):
    s = 0.0
    for i in range(5):
        s = s + x[i].item() + x[i:i + 1].sum() + x[i].astype(np.float64) + x[i].real + x.mean() + x.dot(x) * x.max()
    return s


@case("loop")
def numpy_in_loop(x):
    s = np.zeros(6)
    for i in range(3):
        s = s + np.cumsum(x) * np.where(x > 0, x, 0.0) + np.roll(x, 1) + np.maximum(x, s) + np.clip(s, -1.0, 1.0)
        s = s / np.linalg.norm(s) + np.sort(x)[::-1] * np.dot(x, s) + np.full(6, x[i]) + np.linspace(x[0], x[1], 6) + np.eye(6)[i]
    return s @ x


@pytest.mark.parametrize("f, nodes", case)
def test_cases(f, nodes):
    check_case(f, nodes)

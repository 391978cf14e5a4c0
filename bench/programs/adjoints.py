"""Hand-written reverse sweeps in Numba: what a careful person would write for the derivative of one program.

`ADJOINTS[name]()` returns a function, compiled at its first call, with the arguments of the program's `loss`, which returns the value of
the loss and a tuple of gradients, one for each position in the program's `WRT`. Each stores what the reverse sweep needs and no more.
"""

from math import cos, log, pi, sin, sqrt, tanh

import numpy as np

__all__ = ["ADJOINTS"]


def seidel_2d():
    """The sweep is linear: nothing is stored, and the reverse sweep visits the points backwards."""
    from numba import njit

    @njit
    def adjoint(sweeps, start, weights):
        n, m = start.shape
        a = start.copy()
        for _ in range(sweeps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    above = a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                    level = a[i, j - 1] + a[i, j] + a[i, j + 1]
                    below = a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                    a[i, j] = (above + level + below) / 9.0
        value = 0.0
        for i in range(n):
            for j in range(m):
                value += weights[i, j] * a[i, j]

        bar = weights.copy()
        for _ in range(sweeps):
            for i in range(n - 2, 0, -1):
                for j in range(m - 2, 0, -1):
                    g = bar[i, j] / 9.0
                    bar[i, j] = g
                    bar[i - 1, j - 1] += g
                    bar[i - 1, j] += g
                    bar[i - 1, j + 1] += g
                    bar[i, j - 1] += g
                    bar[i, j + 1] += g
                    bar[i + 1, j - 1] += g
                    bar[i + 1, j] += g
                    bar[i + 1, j + 1] += g
        return value, (bar,)

    return adjoint


def recurrence():
    from numba import njit

    @njit
    def adjoint(u, weights):
        n = len(u)
        x = np.empty(n)
        last = 0.0
        value = 0.0
        for i in range(n):
            last = tanh(0.9 * last + u[i])
            x[i] = last
            value += weights[i] * last

        u_bar = np.empty(n)
        carried = 0.0
        for i in range(n - 1, -1, -1):
            g = (weights[i] + carried) * (1.0 - x[i] * x[i])
            u_bar[i] = g
            carried = 0.9 * g
        return value, (u_bar,)

    return adjoint


def lorenz():
    from numba import njit

    @njit
    def adjoint(start, sigma, rho, beta, dt, steps):
        path = np.empty((steps, 3))
        x, y, z = start[0], start[1], start[2]
        for i in range(steps):
            path[i, 0] = x
            path[i, 1] = y
            path[i, 2] = z
            dx = sigma * (y - x)
            dy = x * (rho - z) - y
            dz = x * y - beta * z
            x = x + dt * dx
            y = y + dt * dy
            z = z + dt * dz
        value = x + 0.5 * y - 0.25 * z

        x_bar, y_bar, z_bar = 1.0, 0.5, -0.25
        sigma_bar, rho_bar, beta_bar = 0.0, 0.0, 0.0
        for i in range(steps - 1, -1, -1):
            x, y, z = path[i, 0], path[i, 1], path[i, 2]
            gx, gy, gz = dt * x_bar, dt * y_bar, dt * z_bar
            sigma_bar += gx * (y - x)
            rho_bar += gy * x
            beta_bar -= gz * z
            x_bar += -sigma * gx + (rho - z) * gy + y * gz
            y_bar += sigma * gx - gy + x * gz
            z_bar += -x * gy - beta * gz
        return value, (np.array([x_bar, y_bar, z_bar]), sigma_bar, rho_bar, beta_bar)

    return adjoint


def jacobi_1d():
    """Linear: nothing is stored. The adjoint of the inner points is smoothed by the same three-point mean; the ends only collect."""
    from numba import njit

    @njit
    def smooth(u, out):
        for i in range(1, len(u) - 1):
            out[i] = (u[i - 1] + u[i] + u[i + 1]) / 3.0

    @njit
    def adjoint(steps, start, weights):
        n = len(start)
        a = start.copy()
        b = start.copy()
        for _ in range(steps):
            smooth(a, b)
            smooth(b, a)
        value = 0.0
        for i in range(n):
            value += weights[i] * a[i]

        g = weights.copy()
        g[0] = 0.0
        g[n - 1] = 0.0
        h = np.zeros(n)
        first, last = weights[0], weights[n - 1]
        for _ in range(steps):
            first += g[1] / 3.0
            last += g[n - 2] / 3.0
            smooth(g, h)
            first += h[1] / 3.0
            last += h[n - 2] / 3.0
            smooth(h, g)
        g[0] = first
        g[n - 1] = last
        return value, (g,)

    return adjoint


def jacobi_2d():
    """Linear: nothing is stored. The adjoint of the inner points is smoothed by the same five-point mean; the rim only collects."""
    from numba import njit

    @njit
    def smooth(a, out):
        n, m = a.shape
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                out[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])

    @njit
    def adjoint(steps, start, weights):
        n, m = start.shape
        a = start.copy()
        b = start.copy()
        for _ in range(steps):
            smooth(a, b)
            a, b = b, a
        value = 0.0
        for i in range(n):
            for j in range(m):
                value += weights[i, j] * a[i, j]

        g = np.zeros((n, m))
        g[1:-1, 1:-1] = weights[1:-1, 1:-1]
        h = np.zeros((n, m))
        rim = weights.copy()
        for _ in range(steps):
            for j in range(1, m - 1):
                rim[0, j] += 0.2 * g[1, j]
                rim[n - 1, j] += 0.2 * g[n - 2, j]
            for i in range(1, n - 1):
                rim[i, 0] += 0.2 * g[i, 1]
                rim[i, m - 1] += 0.2 * g[i, m - 2]
            smooth(g, h)
            g, h = h, g
        rim[1:-1, 1:-1] = g[1:-1, 1:-1]
        return value, (rim,)

    return adjoint


def garch():
    from numba import njit

    @njit
    def adjoint(returns, omega, alpha, beta):
        n = len(returns)
        v = np.empty(n)
        rest = 1.0 - alpha - beta
        v[0] = omega / rest
        for t in range(1, n):
            v[t] = omega + alpha * returns[t - 1] ** 2 + beta * v[t - 1]
        value = 0.0
        for t in range(n):
            value += log(2.0 * pi * v[t]) + returns[t] ** 2 / v[t]

        omega_bar, alpha_bar, beta_bar = 0.0, 0.0, 0.0
        carried = 0.0
        for t in range(n - 1, 0, -1):
            g = 0.5 * (1.0 - returns[t] ** 2 / v[t]) / v[t] + carried
            omega_bar += g
            alpha_bar += g * returns[t - 1] ** 2
            beta_bar += g * v[t - 1]
            carried = beta * g
        g = 0.5 * (1.0 - returns[0] ** 2 / v[0]) / v[0] + carried
        omega_bar += g / rest
        alpha_bar += g * v[0] / rest
        beta_bar += g * v[0] / rest
        return 0.5 * value, (omega_bar, alpha_bar, beta_bar)

    return adjoint


def cholesky():
    """The rows in reverse order; every inner operation is an update of a contiguous row."""
    from numba import njit

    @njit
    def adjoint(A, weights):
        n = A.shape[0]
        L = A.copy()
        for i in range(n):
            for j in range(i):
                L[i, j] = (L[i, j] - np.dot(L[i, :j], L[j, :j])) / L[j, j]
            L[i, i] = sqrt(L[i, i] - np.dot(L[i, :i], L[i, :i]))
        value = 0.0
        bar = np.zeros((n, n))
        for i in range(n):
            for j in range(i + 1):
                value += weights[i, j] * L[i, j]
                bar[i, j] = weights[i, j]

        # bar holds the adjoint of L until row i is done, then the adjoint of A in that row.
        for i in range(n - 1, -1, -1):
            d = 0.5 * bar[i, i] / L[i, i]
            bar[i, i] = d
            for p in range(i):
                bar[i, p] -= 2.0 * d * L[i, p]
            for j in range(i - 1, -1, -1):
                g = bar[i, j] / L[j, j]
                bar[i, j] = g
                bar[j, j] -= g * L[i, j]
                for p in range(j):
                    bar[i, p] -= g * L[j, p]
                    bar[j, p] -= g * L[i, p]
        return value, (bar,)

    return adjoint


def triangular_solve():
    from numba import njit

    @njit
    def adjoint(L, b):
        n = len(b)
        x = np.empty(n)
        value = 0.0
        for i in range(n):
            x[i] = (b[i] - np.dot(L[i, :i], x[:i])) / L[i, i]
            value += x[i] * x[i]

        L_bar = np.zeros((n, n))
        b_bar = 2.0 * x
        for i in range(n - 1, -1, -1):
            g = b_bar[i] / L[i, i]
            b_bar[i] = g
            L_bar[i, i] = -g * x[i]
            for j in range(i):
                L_bar[i, j] = -g * x[j]
                b_bar[j] -= g * L[i, j]
        return value, (L_bar, b_bar)

    return adjoint


def lstm():
    """The products with the input and the sums over time of the weights' adjoints are one matrix product each, outside the loops."""
    from numba import njit

    @njit
    def adjoint(x, w_in, w_rec, bias, target):
        steps, batch, inputs = x.shape
        hidden = w_rec.shape[0]
        flat_x = np.ascontiguousarray(x).reshape(steps * batch, inputs)
        gates = np.dot(flat_x, w_in).reshape(steps, batch, 4 * hidden)
        h = np.zeros((steps + 1, batch, hidden))
        c = np.zeros((steps + 1, batch, hidden))
        squashed = np.empty((steps, batch, hidden))
        for t in range(steps):
            recurrent = np.dot(h[t], w_rec)
            for r in range(batch):
                for k in range(hidden):
                    i = 1.0 / (1.0 + np.exp(-(gates[t, r, k] + recurrent[r, k] + bias[k])))
                    f = 1.0 / (1.0 + np.exp(-(gates[t, r, k + hidden] + recurrent[r, k + hidden] + bias[k + hidden])))
                    g = tanh(gates[t, r, k + 2 * hidden] + recurrent[r, k + 2 * hidden] + bias[k + 2 * hidden])
                    o = 1.0 / (1.0 + np.exp(-(gates[t, r, k + 3 * hidden] + recurrent[r, k + 3 * hidden] + bias[k + 3 * hidden])))
                    gates[t, r, k] = i
                    gates[t, r, k + hidden] = f
                    gates[t, r, k + 2 * hidden] = g
                    gates[t, r, k + 3 * hidden] = o
                    c[t + 1, r, k] = f * c[t, r, k] + i * g
                    squashed[t, r, k] = tanh(c[t + 1, r, k])
                    h[t + 1, r, k] = o * squashed[t, r, k]
        value = np.sum((h[steps] - target) ** 2)

        # `gates` holds the gates until step t is undone, then the adjoint of what went into them.
        h_bar = 2.0 * (h[steps] - target)
        c_bar = np.zeros((batch, hidden))
        turned = np.ascontiguousarray(w_rec.T)
        for t in range(steps - 1, -1, -1):
            for r in range(batch):
                for k in range(hidden):
                    i = gates[t, r, k]
                    f = gates[t, r, k + hidden]
                    g = gates[t, r, k + 2 * hidden]
                    o = gates[t, r, k + 3 * hidden]
                    s = squashed[t, r, k]
                    cb = c_bar[r, k] + h_bar[r, k] * o * (1.0 - s * s)
                    gates[t, r, k] = cb * g * i * (1.0 - i)
                    gates[t, r, k + hidden] = cb * c[t, r, k] * f * (1.0 - f)
                    gates[t, r, k + 2 * hidden] = cb * i * (1.0 - g * g)
                    gates[t, r, k + 3 * hidden] = h_bar[r, k] * s * o * (1.0 - o)
                    c_bar[r, k] = cb * f
            h_bar = np.dot(gates[t], turned)
        flat_bar = gates.reshape(steps * batch, 4 * hidden)
        flat_h = h[:steps].copy().reshape(steps * batch, hidden)
        return value, (np.dot(flat_x.T, flat_bar), np.dot(flat_h.T, flat_bar), np.sum(flat_bar, axis=0))

    return adjoint


def logistic_map():
    from numba import njit

    @njit
    def adjoint(x, r, transient, steps):
        n = transient + steps
        orbit = np.empty(n)
        total = 0.0
        for t in range(n):
            orbit[t] = x
            if t >= transient:
                total += log(abs(r * (1.0 - 2.0 * x)))
            x = r * x * (1.0 - x)

        x_bar, r_bar = 0.0, 1.0 / r
        for t in range(n - 1, -1, -1):
            x = orbit[t]
            slope = 1.0 - 2.0 * x
            r_bar += x_bar * x * (1.0 - x)
            x_bar *= r * slope
            if t >= transient:
                x_bar -= 2.0 / slope / steps
        return total / steps, (x_bar, r_bar)

    return adjoint


def smith_waterman():
    """The derivative of a maximum follows the winner: one walk back from the best cell counts letter pairs and gaps."""
    from numba import njit

    @njit
    def adjoint(a, b, scores, gap):
        n, m = len(a), len(b)
        h = np.zeros((n + 1, m + 1))
        best, best_i, best_j = 0.0, 0, 0
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                match = h[i - 1, j - 1] + scores[a[i - 1], b[j - 1]]
                cell = max(max(0.0, match), max(h[i - 1, j] - gap, h[i, j - 1] - gap))
                h[i, j] = cell
                if cell > best:
                    best, best_i, best_j = cell, i, j

        scores_bar = np.zeros(scores.shape)
        gap_bar = 0.0
        i, j = best_i, best_j
        while h[i, j] > 0.0:
            if h[i, j] == h[i - 1, j - 1] + scores[a[i - 1], b[j - 1]]:
                scores_bar[a[i - 1], b[j - 1]] += 1.0
                i -= 1
                j -= 1
            elif h[i, j] == h[i - 1, j] - gap:
                gap_bar -= 1.0
                i -= 1
            else:
                gap_bar -= 1.0
                j -= 1
        return best, (scores_bar, gap_bar)

    return adjoint


def spring_mass():
    from numba import njit

    @njit
    def adjoint(x, v, stiffness, damping, floor, dt, steps):
        rest = 0.4
        gravity = 9.81
        xs = np.empty(steps)
        vs = np.empty(steps + 1)
        travelled = 0.0
        for t in range(steps):
            xs[t] = x
            vs[t] = v
            force = -stiffness * (x - rest) - damping * v - gravity
            if x < 0.0:
                force -= floor * x
            v += dt * force
            x += dt * v
            travelled += dt * v * v
        vs[steps] = v

        x_bar, v_bar = 1.0, 0.1
        stiffness_bar, damping_bar, floor_bar = 0.0, 0.0, 0.0
        for t in range(steps - 1, -1, -1):
            v_bar += dt * x_bar + 0.02 * dt * vs[t + 1]
            g = dt * v_bar
            if xs[t] < 0.0:
                floor_bar -= g * xs[t]
                x_bar -= g * floor
            stiffness_bar -= g * (xs[t] - rest)
            damping_bar -= g * vs[t]
            x_bar -= g * stiffness
            v_bar -= g * damping
        return x + 0.1 * v + 0.01 * travelled, (x_bar, v_bar, stiffness_bar, damping_bar, floor_bar)

    return adjoint


def newton():
    """The implicit function theorem at the root: dE/dM = 1 / (1 - e cos E) and dE/de = sin E / (1 - e cos E)."""
    from numba import njit

    @njit
    def adjoint(mean_anomaly, ecc, tol, max_steps):
        n = len(mean_anomaly)
        value, ecc_bar = 0.0, 0.0
        mean_bar = np.empty(n)
        for i in range(n):
            m = mean_anomaly[i]
            e = m
            f = e - ecc * sin(e) - m
            count = 0
            while abs(f) > tol and count < max_steps:
                e = e - f / (1.0 - ecc * cos(e))
                f = e - ecc * sin(e) - m
                count += 1
            radius = 1.0 - ecc * cos(e)
            value += radius * radius
            g = 2.0 * ecc * sin(e)
            mean_bar[i] = g
            ecc_bar += g * sin(e) - 2.0 * radius * cos(e)
        return value, (mean_bar, ecc_bar)

    return adjoint


ADJOINTS = {
    maker.__name__: maker
    for maker in (
        seidel_2d,
        recurrence,
        lorenz,
        jacobi_1d,
        jacobi_2d,
        garch,
        cholesky,
        triangular_solve,
        lstm,
        logistic_map,
        smith_waterman,
        spring_mass,
        newton,
    )
}

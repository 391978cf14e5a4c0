"""The programs as users of JAX have to write them; `other_ports.py` has those for other tools.

`DIRECT[name]()` and `EXPERT[name]()` return a loss in jax.numpy with the arguments of the program's `loss`. DIRECT keeps the program's
shape: loops become `lax.fori_loop`, assignments become `.at[].set`. EXPERT is the rewrite of somebody who knows the tool: `lax.scan`
(nested where needed) that carries little and reads and writes no element by index. The caller enables float64, jits with integer
arguments static, and takes gradients.
"""

__all__ = ["DIRECT", "EXPERT"]


def seidel_2d_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(sweeps, start, weights):
        n, m = start.shape

        def point(i, j, a):
            return a.at[i, j].set(jnp.sum(lax.dynamic_slice(a, (i - 1, j - 1), (3, 3))) / 9.0)

        def row(i, a):
            return lax.fori_loop(1, m - 1, lambda j, a: point(i, j, a), a)

        a = lax.fori_loop(0, sweeps, lambda _, a: lax.fori_loop(1, n - 1, row, a), start)
        return jnp.sum(weights * a)

    return loss


def seidel_2d_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(sweeps, start, weights):
        def point(left, known):
            new = (left + known) / 9.0
            return new, new

        def row(above, old):
            level, below = old
            known = above[:-2] + above[1:-1] + above[2:] + level[1:-1] + level[2:] + below[:-2] + below[1:-1] + below[2:]
            _, inner = lax.scan(point, level[0], known)
            new = jnp.concatenate([level[:1], inner, level[-1:]])
            return new, new

        def sweep(a, _):
            _, rows = lax.scan(row, a[0], (a[1:-1], a[2:]))
            return jnp.concatenate([a[:1], rows, a[-1:]]), None

        a, _ = lax.scan(sweep, start, length=sweeps)
        return jnp.sum(weights * a)

    return loss


def recurrence_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(u, weights):
        x = jnp.zeros(len(u)).at[0].set(jnp.tanh(u[0]))
        x = lax.fori_loop(1, len(u), lambda i, x: x.at[i].set(jnp.tanh(0.9 * x[i - 1] + u[i])), x)
        return jnp.sum(weights * x)

    return loss


def recurrence_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(u, weights):
        def step(last, u_i):
            new = jnp.tanh(0.9 * last + u_i)
            return new, new

        _, x = lax.scan(step, jnp.zeros((), u.dtype), u)
        return jnp.sum(weights * x)

    return loss


def jacobi_1d_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(steps, start, weights):
        def step(_, ab):
            a, b = ab
            b = b.at[1:-1].set((a[:-2] + a[1:-1] + a[2:]) / 3.0)
            a = a.at[1:-1].set((b[:-2] + b[1:-1] + b[2:]) / 3.0)
            return a, b

        a, _ = lax.fori_loop(0, steps, step, (start, start))
        return jnp.sum(weights * a)

    return loss


def jacobi_1d_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(steps, start, weights):
        def smooth(u):
            return jnp.concatenate([start[:1], (u[:-2] + u[1:-1] + u[2:]) / 3.0, start[-1:]])

        a, _ = lax.scan(lambda u, _: (smooth(smooth(u)), None), start, length=steps)
        return jnp.sum(weights * a)

    return loss


def jacobi_2d_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(steps, start, weights):
        def step(_, a):
            return a.at[1:-1, 1:-1].set(0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1]))

        return jnp.sum(weights * lax.fori_loop(0, steps, step, start))

    return loss


def jacobi_2d_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(steps, start, weights):
        def star(a):
            return 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])

        rim = start.at[1:-1, 1:-1].set(0.0)
        from_rim = star(rim)
        inner, _ = lax.scan(lambda u, _: (star(jnp.pad(u, 1)) + from_rim, None), start[1:-1, 1:-1], length=steps)
        return jnp.sum(weights * rim) + jnp.sum(weights[1:-1, 1:-1] * inner)

    return loss


def heat_3d_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(steps, start, k):
        def step(_, u):
            inner = u[1:-1, 1:-1, 1:-1]
            change = u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1] - 2.0 * inner
            change += u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1] - 2.0 * inner
            change += u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2] - 2.0 * inner
            return u.at[1:-1, 1:-1, 1:-1].add(k * change)

        return jnp.sum(lax.fori_loop(0, steps, step, start) ** 2)

    return loss


def heat_3d_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(steps, start, k):
        def laplace(u):
            sides = u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1] + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
            return sides + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2] - 6.0 * u[1:-1, 1:-1, 1:-1]

        rim = start.at[1:-1, 1:-1, 1:-1].set(0.0)
        from_rim = laplace(rim)
        inner, _ = lax.scan(lambda u, _: (u + k * (laplace(jnp.pad(u, 1)) + from_rim), None), start[1:-1, 1:-1, 1:-1], length=steps)
        return jnp.sum(rim**2) + jnp.sum(inner**2)

    return loss


def advection_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(start, wind, dt, steps, goal):
        n = len(start)
        dx = 1.0 / n

        def step(_, carry):
            u, left, right = carry
            left = left.at[1:].set(u[1:] - u[:-1])
            left = left.at[0].set(u[0] - u[-1])
            right = right.at[:-1].set(left[1:])
            right = right.at[-1].set(left[0])
            slope = jnp.where(wind > 0.0, left, right)
            return u - dt / dx * wind * slope, left, right

        u, _, _ = lax.fori_loop(0, steps, step, (start, jnp.zeros(n), jnp.zeros(n)))
        return dx * jnp.sum((u - goal) ** 2)

    return loss


def advection_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(start, wind, dt, steps, goal):
        dx = 1.0 / len(start)
        speed = dt / dx * wind

        def step(u, _):
            left = u - jnp.roll(u, 1)
            return u - speed * jnp.where(wind > 0.0, left, jnp.roll(left, -1)), None

        u, _ = lax.scan(step, start, length=steps)
        return dx * jnp.sum((u - goal) ** 2)

    return loss


def lorenz_direct():
    from jax import lax

    def loss(start, sigma, rho, beta, dt, steps):
        def step(_, state):
            x, y, z = state
            dx = sigma * (y - x)
            dy = x * (rho - z) - y
            dz = x * y - beta * z
            return x + dt * dx, y + dt * dy, z + dt * dz

        x, y, z = lax.fori_loop(0, steps, step, (start[0], start[1], start[2]))
        return x + 0.5 * y - 0.25 * z

    return loss


def lorenz_expert():
    from jax import lax

    def loss(start, sigma, rho, beta, dt, steps):
        def step(state, _):
            x, y, z = state
            dx = sigma * (y - x)
            dy = x * (rho - z) - y
            dz = x * y - beta * z
            return (x + dt * dx, y + dt * dy, z + dt * dz), None

        (x, y, z), _ = lax.scan(step, (start[0], start[1], start[2]), length=steps, unroll=8)
        return x + 0.5 * y - 0.25 * z

    return loss


def lstm_direct():
    import jax.numpy as jnp
    from jax import lax

    def sigmoid(x):
        return 1.0 / (1.0 + jnp.exp(-x))

    def loss(x, w_in, w_rec, bias, target):
        steps, batch, _ = x.shape
        hidden = w_rec.shape[0]

        def step(t, hc):
            h, c = hc
            gates = x[t] @ w_in + h @ w_rec + bias
            i = sigmoid(gates[:, :hidden])
            f = sigmoid(gates[:, hidden : 2 * hidden])
            g = jnp.tanh(gates[:, 2 * hidden : 3 * hidden])
            o = sigmoid(gates[:, 3 * hidden :])
            c = f * c + i * g
            return o * jnp.tanh(c), c

        h, _ = lax.fori_loop(0, steps, step, (jnp.zeros((batch, hidden)), jnp.zeros((batch, hidden))))
        return jnp.sum((h - target) ** 2)

    return loss


def lstm_expert():
    import jax
    import jax.numpy as jnp
    from jax import lax

    def loss(x, w_in, w_rec, bias, target):
        batch, hidden = target.shape

        def step(hc, known):
            h, c = hc
            i, f, g, o = jnp.split(known + h @ w_rec, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((batch, hidden))
        (h, _), _ = lax.scan(step, (zeros, zeros), x @ w_in + bias)
        return jnp.sum((h - target) ** 2)

    return loss


def garch_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(returns, omega, alpha, beta):
        n = len(returns)
        v = jnp.zeros(n).at[0].set(omega / (1.0 - alpha - beta))
        v = lax.fori_loop(1, n, lambda t, v: v.at[t].set(omega + alpha * returns[t - 1] ** 2 + beta * v[t - 1]), v)
        return 0.5 * jnp.sum(jnp.log(2.0 * jnp.pi * v) + returns**2 / v)

    return loss


def garch_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(returns, omega, alpha, beta):
        def step(last, known):
            new = known + beta * last
            return new, new

        first = omega / (1.0 - alpha - beta)
        _, rest = lax.scan(step, first, omega + alpha * returns[:-1] ** 2)
        v = jnp.concatenate([jnp.reshape(first, 1), rest])
        return 0.5 * jnp.sum(jnp.log(2.0 * jnp.pi * v) + returns**2 / v)

    return loss


def kalman_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(y, F, H, Q, R):
        steps, seen = y.shape
        hidden = F.shape[0]

        def step(t, carry):
            m, P, total = carry
            m = F @ m
            P = F @ P @ F.T + Q
            S = H @ P @ H.T + R
            e = y[t] - H @ m
            K = jnp.linalg.solve(S, H @ P).T
            total -= 0.5 * (e @ jnp.linalg.solve(S, e) + jnp.log(jnp.linalg.det(S)) + seen * jnp.log(2.0 * jnp.pi))
            return m + K @ e, P - K @ S @ K.T, total

        _, _, total = lax.fori_loop(0, steps, step, (jnp.zeros(hidden), jnp.eye(hidden), 0.0))
        return -total

    return loss


def kalman_expert():
    import jax.numpy as jnp
    from jax import lax

    def loss(y, F, H, Q, R):
        """Two observations: the inverse and the determinant of S are written out, which saves three calls of LAPACK a step."""
        hidden = F.shape[0]

        def step(carry, seen):
            m, P = carry
            m = F @ m
            P = F @ P @ F.T + Q
            HP = H @ P
            S = HP @ H.T + R
            e = seen - H @ m
            det = S[0, 0] * S[1, 1] - S[0, 1] * S[1, 0]
            inverse = jnp.array([[S[1, 1], -S[0, 1]], [-S[1, 0], S[0, 0]]]) / det
            K = (inverse @ HP).T
            return (m + K @ e, P - K @ S @ K.T), e @ (inverse @ e) + jnp.log(det)

        _, terms = lax.scan(step, (jnp.zeros(hidden), jnp.eye(hidden)), y)
        return 0.5 * (jnp.sum(terms) + y.size * jnp.log(2.0 * jnp.pi))

    return loss


def nbody_direct():
    import jax.numpy as jnp
    from jax import lax

    def loss(pos, vel, mass, softening, dt, steps, goal):
        def acceleration(pos):
            apart = pos[None, :, :] - pos[:, None, :]
            dist2 = jnp.sum(apart**2, axis=2) + softening**2
            pull = mass[None, :] * dist2**-1.5
            return jnp.sum(pull[:, :, None] * apart, axis=1)

        def step(_, carry):
            pos, vel, acc = carry
            vel = vel + 0.5 * dt * acc
            pos = pos + dt * vel
            acc = acceleration(pos)
            return pos, vel + 0.5 * dt * acc, acc

        pos, vel, _ = lax.fori_loop(0, steps, step, (pos, vel, acceleration(pos)))
        return jnp.sum((pos - goal) ** 2) + jnp.sum(mass[:, None] * vel**2)

    return loss


def nbody_expert():
    import jax
    import jax.numpy as jnp
    from jax import lax

    def loss(pos, vel, mass, softening, dt, steps, goal):
        """Pair distances are recomputed in the reverse sweep, and the sum over the bodies that pull is a product with the positions."""

        @jax.checkpoint
        def acceleration(pos):
            x = pos.T
            apart = x[:, None, :] - x[:, :, None]
            inverse = lax.rsqrt(apart[0] ** 2 + apart[1] ** 2 + apart[2] ** 2 + softening**2)
            pull = mass * (inverse * inverse * inverse)
            return pull @ pos - jnp.sum(pull, axis=1)[:, None] * pos

        def step(carry, _):
            pos, vel, acc = carry
            vel = vel + 0.5 * dt * acc
            pos = pos + dt * vel
            acc = acceleration(pos)
            return (pos, vel + 0.5 * dt * acc, acc), None

        (pos, vel, _), _ = lax.scan(step, (pos, vel, acceleration(pos)), length=steps)
        return jnp.sum((pos - goal) ** 2) + jnp.sum(mass[:, None] * vel**2)

    return loss


def cholesky_direct():
    """Slices of growing length and loops of growing length have no reverse mode under jit: whole rows are taken under masks."""
    import jax.numpy as jnp
    from jax import lax

    def loss(A, weights):
        n = A.shape[0]
        columns = jnp.arange(n)

        def row(i, A):
            def entry(j, A):
                done = jnp.sum(jnp.where(columns < j, A[i] * A[j], 0.0))
                return A.at[i, j].set(jnp.where(j < i, (A[i, j] - done) / A[j, j], A[i, j]))

            A = lax.fori_loop(0, n, entry, A)
            return A.at[i, i].set(jnp.sqrt(A[i, i] - jnp.sum(jnp.where(columns < i, A[i] ** 2, 0.0))))

        return jnp.sum(jnp.tril(lax.fori_loop(0, n, row, A)) * weights)

    return loss


DIRECT = {
    "seidel_2d": seidel_2d_direct,
    "recurrence": recurrence_direct,
    "jacobi_1d": jacobi_1d_direct,
    "jacobi_2d": jacobi_2d_direct,
    "heat_3d": heat_3d_direct,
    "advection": advection_direct,
    "lorenz": lorenz_direct,
    "lstm": lstm_direct,
    "garch": garch_direct,
    "kalman": kalman_direct,
    "nbody": nbody_direct,
    "cholesky": cholesky_direct,
}

EXPERT = {
    "seidel_2d": seidel_2d_expert,
    "recurrence": recurrence_expert,
    "jacobi_1d": jacobi_1d_expert,
    "jacobi_2d": jacobi_2d_expert,
    "heat_3d": heat_3d_expert,
    "advection": advection_expert,
    "lorenz": lorenz_expert,
    "lstm": lstm_expert,
    "garch": garch_expert,
    "kalman": kalman_expert,
    "nbody": nbody_expert,
}

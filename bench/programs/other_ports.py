"""The programs as users of HIPS autograd and of PyTorch have to write them.

`AUTOGRAD[name]()` is a loss for HIPS autograd, `TORCH[name]()` one for PyTorch, where arrays and differentiated floats come as float64
tensors. Both run Python's own loops and have only programs that can be said without assignment to elements.
"""

__all__ = ["AUTOGRAD", "TORCH"]


def autograd_lorenz():
    def loss(start, sigma, rho, beta, dt, steps):
        x, y, z = start[0], start[1], start[2]
        for _ in range(steps):
            dx = sigma * (y - x)
            dy = x * (rho - z) - y
            dz = x * y - beta * z
            x = x + dt * dx
            y = y + dt * dy
            z = z + dt * dz
        return x + 0.5 * y - 0.25 * z

    return loss


def autograd_recurrence():
    import autograd.numpy as np

    def loss(u, weights):
        x = [np.tanh(u[0])]
        for i in range(1, len(u)):
            x.append(np.tanh(0.9 * x[-1] + u[i]))
        return np.sum(weights * np.stack(x))

    return loss


def autograd_lstm():
    import autograd.numpy as np

    def sigmoid(x):
        return 1.0 / (1.0 + np.exp(-x))

    def loss(x, w_in, w_rec, bias, target):
        hidden = w_rec.shape[0]
        h = np.zeros(target.shape)
        c = np.zeros(target.shape)
        for t in range(len(x)):
            gates = np.dot(x[t], w_in) + np.dot(h, w_rec) + bias
            i = sigmoid(gates[:, :hidden])
            f = sigmoid(gates[:, hidden : 2 * hidden])
            g = np.tanh(gates[:, 2 * hidden : 3 * hidden])
            o = sigmoid(gates[:, 3 * hidden :])
            c = f * c + i * g
            h = o * np.tanh(c)
        return np.sum((h - target) ** 2)

    return loss


def autograd_nbody():
    import autograd.numpy as np

    def acceleration(pos, mass, softening):
        apart = pos[None, :, :] - pos[:, None, :]
        dist2 = np.sum(apart**2, axis=2) + softening**2
        pull = mass[None, :] * dist2**-1.5
        return np.sum(pull[:, :, None] * apart, axis=1)

    def loss(pos, vel, mass, softening, dt, steps, goal):
        acc = acceleration(pos, mass, softening)
        for _ in range(steps):
            vel = vel + 0.5 * dt * acc
            pos = pos + dt * vel
            acc = acceleration(pos, mass, softening)
            vel = vel + 0.5 * dt * acc
        return np.sum((pos - goal) ** 2) + np.sum(mass[:, None] * vel**2)

    return loss


def autograd_garch():
    import autograd.numpy as np

    def loss(returns, omega, alpha, beta):
        v = [omega / (1.0 - alpha - beta)]
        for t in range(1, len(returns)):
            v.append(omega + alpha * returns[t - 1] ** 2 + beta * v[-1])
        v = np.stack(v)
        return 0.5 * np.sum(np.log(2.0 * np.pi * v) + returns**2 / v)

    return loss


def autograd_jacobi_1d():
    import autograd.numpy as np

    def smooth(u):
        return np.concatenate([u[:1], (u[:-2] + u[1:-1] + u[2:]) / 3.0, u[-1:]])

    def loss(steps, start, weights):
        a = start
        for _ in range(steps):
            a = smooth(smooth(a))
        return np.sum(weights * a)

    return loss


def torch_lorenz():
    return autograd_lorenz()


def torch_recurrence():
    import torch

    def loss(u, weights):
        x = [torch.tanh(u[0])]
        for i in range(1, len(u)):
            x.append(torch.tanh(0.9 * x[-1] + u[i]))
        return torch.sum(weights * torch.stack(x))

    return loss


def torch_lstm():
    import torch

    def loss(x, w_in, w_rec, bias, target):
        h = torch.zeros_like(target)
        c = torch.zeros_like(target)
        for t in range(len(x)):
            i, f, g, o = (x[t] @ w_in + h @ w_rec + bias).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return torch.sum((h - target) ** 2)

    return loss


def torch_nbody():
    import torch

    def acceleration(pos, mass, softening):
        apart = pos[None, :, :] - pos[:, None, :]
        dist2 = torch.sum(apart**2, dim=2) + softening**2
        pull = mass[None, :] * dist2**-1.5
        return torch.sum(pull[:, :, None] * apart, dim=1)

    def loss(pos, vel, mass, softening, dt, steps, goal):
        acc = acceleration(pos, mass, softening)
        for _ in range(steps):
            vel = vel + 0.5 * dt * acc
            pos = pos + dt * vel
            acc = acceleration(pos, mass, softening)
            vel = vel + 0.5 * dt * acc
        return torch.sum((pos - goal) ** 2) + torch.sum(mass[:, None] * vel**2)

    return loss


def torch_garch():
    import torch

    def loss(returns, omega, alpha, beta):
        v = [omega / (1.0 - alpha - beta)]
        for t in range(1, len(returns)):
            v.append(omega + alpha * returns[t - 1] ** 2 + beta * v[-1])
        v = torch.stack(v)
        return 0.5 * torch.sum(torch.log(2.0 * torch.pi * v) + returns**2 / v)

    return loss


def torch_jacobi_1d():
    import torch

    def smooth(u):
        return torch.cat([u[:1], (u[:-2] + u[1:-1] + u[2:]) / 3.0, u[-1:]])

    def loss(steps, start, weights):
        a = start
        for _ in range(steps):
            a = smooth(smooth(a))
        return torch.sum(weights * a)

    return loss


AUTOGRAD = {
    "lorenz": autograd_lorenz,
    "recurrence": autograd_recurrence,
    "lstm": autograd_lstm,
    "nbody": autograd_nbody,
    "garch": autograd_garch,
    "jacobi_1d": autograd_jacobi_1d,
}

TORCH = {
    "lorenz": torch_lorenz,
    "recurrence": torch_recurrence,
    "lstm": torch_lstm,
    "nbody": torch_nbody,
    "garch": torch_garch,
    "jacobi_1d": torch_jacobi_1d,
}

"""Gravitating bodies moved by the leapfrog scheme (kick, drift, kick), with softened pairwise forces summed by broadcasting.

Source: R. W. Hockney and J. W. Eastwood, Computer Simulation Using Particles, IOP 1988, chapters 4 and 11.
"""

import numpy as np


def acceleration(pos, mass, softening):
    apart = pos[None, :, :] - pos[:, None, :]
    dist2 = np.sum(apart**2, axis=2) + softening**2
    pull = mass[None, :] * dist2**-1.5
    return np.sum(pull[:, :, None] * apart, axis=1)


def nbody(pos, vel, mass, softening, dt, steps):
    acc = acceleration(pos, mass, softening)
    for _ in range(steps):
        vel += 0.5 * dt * acc
        pos += dt * vel
        acc = acceleration(pos, mass, softening)
        vel += 0.5 * dt * acc


def loss(pos_start, vel_start, mass, softening, dt, steps, goal):
    pos = pos_start.copy()
    vel = vel_start.copy()
    nbody(pos, vel, mass, softening, dt, steps)
    return np.sum((pos - goal) ** 2) + np.sum(mass[:, None] * vel**2)


def arguments(size):
    rng = np.random.default_rng(16)
    n, steps = {"small": (4, 5), "large": (100, 200)}[size]
    pos = rng.normal(size=(n, 3))
    vel = 0.3 * rng.normal(size=(n, 3))
    mass = rng.uniform(0.5, 1.5, size=n) / n
    return pos, vel, mass, 0.2, 0.01, steps, rng.normal(size=(n, 3))


WRT = (0, 1, 2)

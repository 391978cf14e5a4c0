"""A mass on a damped spring above a floor: the floor pushes back as a stiff spring while the mass is below it (penalty contact).

Stepped by the semi-implicit Euler method.

Source: E. Hairer, C. Lubich and G. Wanner, Geometric Numerical Integration, 2nd ed., Springer 2006, section I.1; P. Wriggers,
Computational Contact Mechanics, 2nd ed., Springer 2006, for the penalty force.
"""


def bounce(x, v, stiffness, damping, floor, dt, steps):
    rest = 0.4
    gravity = 9.81
    travelled = 0.0
    for _ in range(steps):
        force = -stiffness * (x - rest) - damping * v - gravity
        if x < 0.0:
            force -= floor * x
        v += dt * force
        x += dt * v
        travelled += dt * v * v
    return x, v, travelled


def loss(x, v, stiffness, damping, floor, dt, steps):
    x, v, travelled = bounce(x, v, stiffness, damping, floor, dt, steps)
    return x + 0.1 * v + 0.01 * travelled


def arguments(size):
    steps, dt = {"small": (200, 5e-3), "large": (1000000, 5e-5)}[size]
    return 1.5, -0.2, 9.0, 0.05, 2000.0, dt, steps


WRT = (0, 1, 2, 3, 4)

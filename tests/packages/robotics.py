"""Robotics and attitude: rotations, quaternions, rigid transforms, sensor fusion."""

import numpy as np

from tests.packages.cases import of

quaternions = of("transforms3d", "transforms3d.quaternions")
euler = of("transforms3d", "transforms3d.euler")
axangles = of("transforms3d", "transforms3d.axangles")
affines = of("transforms3d", "transforms3d.affines")
rotations = of("pytransform3d", "pytransform3d.rotations")
rigid = of("pytransform3d", "pytransform3d.transformations")
gohlke = of("transformations")
pyquaternion = of("pyquaternion")
spatial = of("spatialmath-python", "spatialmath.base")
orientation = of("ahrs", "ahrs.common.orientation")
ahrs = of("ahrs", "ahrs.filters")

Q, P = np.array([0.8, 0.2, -0.4, 0.4]), np.array([0.5, 0.5, 0.1, -0.7])
Q, P = Q / np.linalg.norm(Q), P / np.linalg.norm(P)
V, W = np.array([0.3, -0.5, 0.9]), np.array([0.1, 0.7, 0.2])
ANGLES = (0.4, -0.3, 0.7)
PULL, FIELD = np.array([0.3, -0.4, 9.7]), np.array([20.0, 3.0, 42.0])


def unit(q):
    return q / np.sqrt(np.sum(q * q))


CASES = [
    quaternions("quat2mat", (Q,)),
    quaternions("mat2quat", ANGLES, call=lambda m, a, b, c: m.mat2quat(m.quat2mat(np.array([1.0, a, b, c])))),
    quaternions("qmult", (Q, P)),
    quaternions("qinverse", (Q,)),
    quaternions("rotate_vector", (V, Q)),
    quaternions("axangle2quat", (V, 0.6)),
    quaternions("quat2axangle", (Q,)),
    quaternions("qexp", (Q,)),
    quaternions("qlog", (Q,)),
    quaternions("qpow", (Q,), call=lambda m, q: m.qpow(q, 0.3)),
    euler("euler2mat", ANGLES),
    euler("euler2quat", ANGLES),
    euler("quat2euler", (Q,)),
    euler("mat2euler", ANGLES, call=lambda m, *angles: m.mat2euler(m.euler2mat(*angles), "rzyx")),
    euler("euler2axangle", ANGLES),
    axangles("axangle2mat", (V, 0.6)),
    axangles("mat2axangle", (V, 0.6), call=lambda m, axis, angle: m.mat2axangle(m.axangle2mat(axis, angle))),
    affines("compose", (V, np.array([1.1, 0.9, 1.2]), np.array([0.1, 0.2, 0.3])),
            call=lambda m, t, zooms, shears: m.compose(t, np.eye(3), zooms, shears)),
    affines("decompose", (np.array([[1.1, 0.2, 0.1, 3.0], [0.1, 0.9, 0.3, 2.0], [0.2, -0.1, 1.2, 1.0], [0.0, 0.0, 0.0, 1.0]]),)),
    rotations("matrix_from_axis_angle", (np.append(V, 0.6),)),
    rotations("matrix_from_quaternion", (Q,)),
    rotations("quaternion_from_axis_angle", (np.append(V, 0.6),)),
    rotations("quaternion_from_matrix", (Q,), call=lambda m, q: m.quaternion_from_matrix(m.matrix_from_quaternion(q))),
    rotations("concatenate_quaternions", (Q, P)),
    rotations("q_prod_vector", (Q, V)),
    rotations("quaternion_slerp", (Q, P, 0.3)),
    rotations("quaternion_dist", (Q, P)),
    rotations("matrix_from_euler", (V,), call=lambda m, e: m.matrix_from_euler(e, 0, 1, 2, True)),
    rotations("euler_from_quaternion", (Q,), call=lambda m, q: m.euler_from_quaternion(q, 0, 1, 2, False)),
    rotations("matrix_from_two_vectors", (V, W)),
    rotations("axis_angle_from_two_directions", (V, W)),
    rotations("left_jacobian_SO3", (V,)),
    rotations("mrp_from_quaternion", (Q,)),
    rotations("concatenate_mrp", (V, W)),
    rigid("transform_from_exponential_coordinates", (np.concatenate([V, W]),)),
    rigid("dual_quaternion_from_transform", (V, W),
          call=lambda m, p, w: m.dual_quaternion_from_transform(m.transform_from_exponential_coordinates(np.concatenate([w, p])))),
    gohlke("rotation_matrix", (0.6, V)),
    gohlke("euler_matrix", ANGLES),
    gohlke("euler_from_matrix", ANGLES, call=lambda m, *angles: m.euler_from_matrix(m.euler_matrix(*angles))),
    gohlke("quaternion_from_euler_py", ANGLES),
    gohlke("quaternion_multiply_py", (Q, P)),
    gohlke("quaternion_matrix_py", (Q,)),
    gohlke("quaternion_slerp_py", (Q, P, 0.3)),
    gohlke("rotation_matrix_py", (0.6, V)),
    gohlke("euler_matrix_py", ANGLES),
    gohlke("projection_matrix_py", (V, W, np.array([0.0, 0.3, 2.0]))),
    gohlke("shear_matrix_py", (0.3, np.array([1.0, 0.0, 0.0]), V), call=lambda m, angle, d, p: m.shear_matrix_py(angle, d, p, np.array([0.0, 0.0, 1.0]))),
    gohlke("angle_between_vectors", (V, W)),
    gohlke("orthogonalization_matrix_py", (np.array([10.0, 11.0, 12.0]), np.array([80.0, 95.0, 100.0]))),
    pyquaternion("Quaternion.rotate", (1.3 * Q, V), call=lambda m, q, v: m.Quaternion(q).rotate(v)),
    pyquaternion("Quaternion.__mul__", (Q, P), call=lambda m, q, p: (m.Quaternion(q) * m.Quaternion(p)).elements),
    pyquaternion("Quaternion.slerp", (1.3 * Q, 0.9 * P), call=lambda m, q, p: m.Quaternion.slerp(m.Quaternion(q), m.Quaternion(p), 0.3).elements),
    pyquaternion("Quaternion.exp", (Q,), call=lambda m, q: m.Quaternion.exp(m.Quaternion(q)).elements),
    pyquaternion("Quaternion.rotation_matrix", (1.3 * Q,), call=lambda m, q: m.Quaternion(q).rotation_matrix),
    pyquaternion("Quaternion.yaw_pitch_roll", (1.3 * Q,), call=lambda m, q: m.Quaternion(q).yaw_pitch_roll),
    pyquaternion("Quaternion(axis, angle)", (V, 0.6), call=lambda m, axis, angle: m.Quaternion(axis=axis, angle=angle).elements),
    spatial("rotx", (0.4,)),
    spatial("rpy2r", ANGLES),
    spatial("tr2rpy", ANGLES, call=lambda m, *angles: m.tr2rpy(m.rpy2r(*angles))),
    spatial("eul2r", ANGLES),
    spatial("angvec2r", (0.6, V)),
    spatial("trexp", (V,)),
    spatial("trlog", (V,), call=lambda m, w: m.trlog(m.trexp(w), twist=True)),
    spatial("q2r", (Q,)),
    spatial("r2q", ANGLES, call=lambda m, *angles: m.r2q(m.rpy2r(*angles))),
    spatial("qqmul", (Q, P)),
    spatial("qslerp", (Q, P, 0.3)),
    spatial("skew", (V,)),
    spatial("rpy2jac", (V,)),
    spatial("unitvec", (V,)),
    spatial("transl", (V,)),
    spatial("trinterp", (V, 0.4), call=lambda m, w, s: m.trinterp(np.eye(4), m.r2t(m.trexp(w)), s)),
    orientation("q2R", (Q,), call=lambda m, q: m.q2R(unit(q))),
    orientation("q_prod", (Q, P)),
    orientation("q2euler", (Q,)),
    orientation("acc2q", (PULL,)),
    orientation("am2angles", (PULL, FIELD)),
    orientation("ecompass", (PULL, FIELD)),
    orientation("rpy2q", (V,)),
    orientation("slerp", (Q, P), call=lambda m, q, p: m.slerp(q, p, np.array([0.2, 0.5, 0.9]))),
    orientation("chiaverini", (V,), call=lambda m, w: m.chiaverini(m.q2R(m.rpy2q(w)))),
    ahrs("Madgwick.updateIMU", (Q, V, PULL), call=lambda m, q, gyr, acc: m.Madgwick().updateIMU(q, gyr, acc)),
    ahrs("Mahony.updateIMU", (Q, V, PULL), call=lambda m, q, gyr, acc: m.Mahony().updateIMU(q, gyr, acc)),
    ahrs("EKF.update", (Q, V, PULL), call=lambda m, q, gyr, acc: m.EKF().update(unit(q), gyr, acc)),
    ahrs("Tilt.estimate", (PULL, FIELD), call=lambda m, acc, mag: m.Tilt().estimate(acc, mag)),
    ahrs("AngularRate.update", (Q, V), call=lambda m, q, gyr: m.AngularRate().update(q, gyr)),
]

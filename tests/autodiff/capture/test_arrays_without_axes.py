"""Arrays without axes and scalars: NumPy's own functions give the one or the other, and programs ask which.

Found in packages: `isinstance(np.asarray(x), np.ndarray)` of a number was False, and the other way was taken, silently. A write in place to
such an array is seen under its other names, which a scalar's is not.
"""

import numpy as np
import pytest

import autodiff as ad

QUESTIONS = [
    lambda x: 2.0*x if isinstance(np.asarray(x), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.where(x>0,x,1.0), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.broadcast_arrays(x)[0], np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.empty_like(np.asarray(x)), np.ndarray) else x,
    lambda x: 2.0*x if np.isscalar(np.where(x>0,x,1.0)) else x,
    lambda x: 2.0*x if isinstance(np.asarray(x), np.generic) else x,
    lambda x: 2.0*x if type(np.asarray(x)) is np.ndarray else x,
    lambda x: 2.0*x if isinstance(np.sin(np.asarray(x)), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.asarray(x).T, np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.asarray(x).reshape(()), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.asarray(x).astype(np.float32), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.squeeze(np.asarray([x])), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.asarray([x])[0], np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.asarray(x)[()], np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.asarray(x)[...], np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.sum(np.asarray([x])), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.zeros(()), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.interp(x, np.arange(3.), np.arange(3.)), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.clip(x,0,1), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.nan_to_num(x), np.ndarray) else x,
    lambda x: 2.0*x if isinstance(x, np.ndarray) else x,
    lambda x: 2.0*x if isinstance(np.asarray(x), float) else x,
    lambda x: 2.0*x if isinstance(np.where(x>0,x,1.0)*1.0, float) else x,
]


def changed_sum(x):
    y = np.asarray(x) * 1.0
    z = y
    z += 1
    return y * 2


def changed_zeros(x):
    y = np.zeros(())
    z = y
    z += x
    return y * 2


def changed_where(x):
    y = np.where(x > 0, x, 0.0)
    z = y
    z *= 3
    return y * 2


def written(x):
    y = np.zeros(())
    y[()] = x
    z = y
    z[...] += 1
    return y * 2


def in_a_loop(x):
    y = np.zeros(())
    for i in range(5):
        y += x * i
    return y * 2


def other_name_in_a_loop(x):
    y = np.array(x)
    z = y
    for i in range(5):
        y += x * i
    return z * 2


PROGRAMS = [*QUESTIONS, changed_sum, changed_zeros, changed_where, written, in_a_loop, other_name_in_a_loop]
FACES = [ad.jit, lambda f: lambda x: ad.value_and_grad(f)(x)[0], lambda f: lambda x: ad.jit(ad.value_and_grad(f))(x)[0]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("f", PROGRAMS)
def test_as_in_numpy(f, face):
    g = face(f)
    for x in (3.0, np.float64(3.0), np.array(3.0)):
        try:
            want = f(x.copy() if isinstance(x, np.ndarray) else x)
        except TypeError as e:
            with pytest.raises(type(e)):
                g(x)
            continue
        assert float(g(x.copy() if isinstance(x, np.ndarray) else x)) == float(want)

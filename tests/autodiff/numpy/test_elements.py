"""Numbers that are put into elements of integer arrays: NumPy takes them for Python ints, and raises where they do not fit."""

import numpy as np
import pytest

import autodiff as ad

VALUES = [0.0, 3.7, -3.7, 127.0, 127.9, 128.0, -128.0, -128.9, -129.0, 255.0, 256.0, 32767.5, 40000.0, -70000.0, 2147483647.0, 2147483648.0,
          -2147483648.0, -2147483649.0, 1e18, -1e18, 1e19, -1e19, 2.0 ** 63, -2.0 ** 63, np.nan, np.inf, -np.inf]
TARGETS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16]
SOURCES = [np.float64, np.float32, np.int64, np.int32, np.uint16, np.uint64, np.int8]


def into_an_element(h, x):
    h = h.copy()
    h[1] = x[0]
    return h


def into_a_slice(h, x):
    h = h.copy()
    h[:2] = x[0]
    return h


def into_a_place_that_is_computed(h, x):
    h = h.copy()
    h[np.argmax(h)] = x[0]
    return h


def into_chosen_elements(h, x):
    """An index array or a mask: NumPy wraps integers around here."""
    h = h.copy()
    h[[0, 2]] = x[0]
    return h


def of_an_array(h, x):
    h = h.copy()
    h[:1] = x[:1]
    return h


def outcome(f, *args):
    try:
        with np.errstate(all="ignore"):
            return f(*args), None
    except (OverflowError, ValueError) as e:
        return None, e


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
def test_numbers_into_elements(target, source):
    for f in (into_an_element, into_a_slice, into_a_place_that_is_computed, into_chosen_elements, of_an_array):
        compiled = ad.jit(f)
        for value in VALUES:
            with np.errstate(all="ignore"):
                if np.dtype(source).kind in "iu" and not (np.isfinite(value) and np.iinfo(source).min <= value <= np.iinfo(source).max):
                    continue
                x = np.array([value]).astype(source)
            h = np.array([1, 2, 3], target)
            want, error = outcome(f, h, x)
            fits = np.isfinite(value) and np.iinfo(target).min <= int(value) <= np.iinfo(target).max
            if error is None and np.dtype(source).kind == "f" and not fits:
                continue        # what C leaves open
            got, raised = outcome(compiled, h, x)
            assert type(raised) is type(error), (f.__name__, value, want, got, raised)
            if error is None:
                np.testing.assert_array_equal(got, want)

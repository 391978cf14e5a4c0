"""SciPy's functions that NumPy's protocols do not reach, under SciPy's names, for traced and for plain arrays.

Functions of `scipy.special` are ufuncs and need no counterpart here: they work on traced arrays themselves.
"""

from autodiff.scipy import linalg, stats

__all__ = ["linalg", "stats"]

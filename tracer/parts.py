"""What gives elements of a traced array: `x.flat`, as NumPy has it, and `x.at[index]`, updates that return a new array."""

from __future__ import annotations

import numpy as np

from tracer.errors import UnsupportedError, explain

__all__ = ["At", "AtIndex", "Flat"]


class Flat:
    """`x.flat`: the elements one after the other."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def __iter__(self):
        return iter(self.array._call(np.ravel, self.array))

    def __len__(self):
        return self.array.size

    def __getitem__(self, index):
        return self.array._call(np.copy, self.array._call(np.ravel, self.array))[index]

    def __setitem__(self, index, value):
        if not isinstance(index, int | np.integer):
            raise explain(UnsupportedError, "x.flat[...] = v of a traced array, at more than one position", fix="write to x itself")
        n = self.array.size
        if not -n <= index < n:
            raise IndexError(f"index {index} is out of bounds for size {n}")
        self.array[np.unravel_index(int(index) % n, self.array.type.shape)] = value


class At:
    """`x.at[index]`: updates that return a new array."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def __getitem__(self, index):
        return AtIndex(self.array, index)


class AtIndex:
    """The selected elements; each method returns a copy of the array in which they are replaced."""

    __slots__ = ("array", "index")

    def __init__(self, array, index):
        self.array, self.index = array, index

    def get(self):
        """The selected elements."""
        return self.array[self.index]

    def set(self, value):
        """With the elements replaced by `value`."""
        return self.array._call("update", self.array, self.index, value, "set")

    def add(self, value):
        """With `value` added; repeated indices add repeatedly, as `np.add.at`."""
        return self.array._call("update", self.array, self.index, value, "add")

    def subtract(self, value):
        """With `value` subtracted; repeated indices subtract repeatedly."""
        return self.array._call("update", self.array, self.index, self.array._call(np.negative, value), "add")

    def multiply(self, value):
        """With the elements multiplied by `value`; indices must not repeat."""
        return self.array._call("update", self.array, self.index, self.array._call(np.multiply, self.get(), value), "set")

    def divide(self, value):
        """With the elements divided by `value`; indices must not repeat."""
        return self.array._call("update", self.array, self.index, self.array._call(np.divide, self.get(), value), "set")

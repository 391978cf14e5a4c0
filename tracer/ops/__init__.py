"""The ops, each with all its rules. Importing this package fills the table `tracer.op.ops`."""

from tracer.ops import control, elementwise, index, linalg, reduce, shape, sort, special
from tracer.promote import register_ufuncs

register_ufuncs()

__all__ = ["control", "elementwise", "index", "linalg", "reduce", "shape", "sort", "special"]

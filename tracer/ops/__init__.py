"""The ops, each with all its rules. Importing this package fills the table `tracer.op.ops`."""

from tracer.ops import (
    arithmetic,
    comparison,
    control,
    decompositions,
    elementary,
    equations,
    index,
    linalg,
    reduce,
    rounding,
    shape,
    sliding,
    sort,
    special,
    trigonometric,
)
from tracer.promote import register_ufuncs

register_ufuncs()

__all__ = ["arithmetic", "comparison", "control", "decompositions", "elementary", "equations", "index", "linalg", "reduce", "rounding",
           "shape", "sliding", "sort", "special", "trigonometric"]

"""What the passes ask of expressions."""

import numpy as np
import pytest

from codegen.loops.language import Apply, Lit, Name
from codegen.loops.usage import affine_in

I, J, I64 = Name("i"), Name("j"), np.dtype(np.int64)


def op(name, a, b):
    return Apply(name, (a, b), I64)


FACTORS = [
    (I, 1), (J, 0), (Lit(3), 0), (op("add", I, J), 1), (op("add", I, I), 2), (op("sub", I, Lit(2)), 1), (op("sub", Lit(9), I), -1),
    (op("sub", I, I), 0), (op("mul", I, Lit(3)), 3), (op("mul", Lit(3), I), 3), (op("mul", op("sub", Lit(1), I), Lit(4)), -4),
    (op("mul", I, I), None), (op("mul", I, J), None), (op("mul", J, J), 0), (op("add", op("mul", I, I), I), None),
    (op("sub", I, op("floordiv", I, Lit(2))), None), (op("floordiv", J, Lit(2)), 0),
]


@pytest.mark.parametrize("e, factor", FACTORS, ids=[str(k) for k in range(len(FACTORS))])
def test_the_factor_of_a_counter(e, factor):
    assert affine_in(e, I) == factor

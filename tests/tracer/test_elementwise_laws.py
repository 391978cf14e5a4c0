"""Every elementwise op of the table, put through the laws."""

import numpy as np
import pytest

from tests.laws import check_elementwise
from tracer.op import Elementwise, ops

NAMES = sorted(n for n, op in ops.items() if isinstance(op, Elementwise))


@pytest.mark.parametrize("name", NAMES)
def test_laws(name):
    check_elementwise(ops[name], np.random.default_rng(len(name)))

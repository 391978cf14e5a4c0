"""A few trials of each fault of the machine; `python -m tests.faults` makes many."""

import os

import pytest

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
              pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")]

if hasattr(os, "fork"):
    from tests.faults.__main__ import FAULTS, MAY_RAISE, trial
    from tests.faults.children import is_good
else:
    FAULTS = {}


@pytest.mark.parametrize("name", FAULTS)
def test_right_numbers_or_an_exception(name):
    outcome = trial(name, 0)
    assert is_good(outcome, name in MAY_RAISE), outcome

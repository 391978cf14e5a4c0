"""Each function of the corpus: right, or refused with one clear sentence. Packages that are not installed are skipped."""

import re

import pytest

from tests.packages.all_cases import CASES, FAULTS_OF, REFUSED_FOR
from tests.packages.compare import compare

LINE = re.compile(r"^  at    \S+:\d+, in ", re.M)


def parameter(case):
    """The case with its name and marks."""
    marks = [pytest.mark.slow] if case.slow else []
    if case.title in FAULTS_OF:
        marks.append(pytest.mark.xfail(reason=FAULTS_OF[case.title], strict=True))
    return pytest.param(case, id=case.title, marks=marks)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [parameter(case) for case in CASES])
def test_case(case):
    pytest.importorskip(case.module)
    outcome = compare(case)
    words = REFUSED_FOR.get(case.title, "")
    assert outcome.verdict == ("refused" if words else "right"), outcome.reason
    assert words in outcome.reason
    if words:
        assert LINE.search(str(outcome.error)), f"names no line: {outcome.error}"


def test_titles_are_unique():
    titles = [case.title for case in CASES]
    assert len(titles) == len(set(titles))
    assert set(REFUSED_FOR) | set(FAULTS_OF) <= set(titles)
    assert not set(REFUSED_FOR) & set(FAULTS_OF)


def test_every_case_has_three_calls():
    assert all(len(case.points) >= 3 for case in CASES)

"""docs/packages.md: its blocks run, and its table has the packages and the numbers of functions of the corpus."""

import re
import runpy
from collections import Counter

import pytest

from tests.packages.__main__ import PAGE
from tests.packages.all_cases import CASES

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
def test_blocks(tmp_path):
    """In a file, because functions are captured from their source."""
    pytest.importorskip("fluids")
    pytest.importorskip("pymap3d")
    file = tmp_path / "page.py"
    file.write_text("\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.S)), encoding="utf-8")
    runpy.run_path(str(file))


def test_the_table_has_the_cases_of_now():
    rows = re.findall(r"^\| ([\w.-]+) \| [\w.]+ \| (\d+) \|", TEXT, re.M)
    assert {name: int(functions) for name, functions in rows} == Counter(case.package for case in CASES), "python -m tests.packages --update"

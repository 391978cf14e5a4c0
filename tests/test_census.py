"""The census in docs/architecture.md is that of the source as it is, and counts what it says."""

import ast

from tests.census import LEFT, PAGE, functions_over_limits, name_tests, updated
from tests.imports import imports_inside_functions


def test_the_page_has_the_census_of_now():
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), "python -m tests.census --update"


def test_every_function_over_a_limit_has_a_reason():
    assert set().union(*functions_over_limits().values()) == set(LEFT)


def test_what_is_a_test_by_name():
    source = """
def f(node, op, x):
    name = node.op.name
    if name == "add" or node.op.name in ("mul", "div") or op.name != "loop":
        return x.name == "add"
    return op.name in ops
"""
    assert name_tests(ast.parse(source)) == 3


def test_what_is_an_import_inside_a_function():
    source = """
from __future__ import annotations
if TYPE_CHECKING:
    import a
try:
    import b
except ImportError:
    b = None
class C:
    import c
    def f(self):
        import d
        if self:
            from e import x
        return lambda: d
"""
    assert [ast.unparse(s) for s in imports_inside_functions(ast.parse(source))] == ["import d", "from e import x"]

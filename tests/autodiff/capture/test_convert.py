"""The converter's source: what a function becomes."""

import ast
import importlib.util
import inspect
import textwrap

import pytest

from autodiff.capture.source import convert as converter
from autodiff.capture.source.convert import Unconvertible, converted_source


def test_the_example_at_the_head_of_the_file_is_what_is_made(tmp_path):
    before, after = inspect.getdoc(converter).split("Before:\n\n")[1].split("Three ideas")[0].split("After:\n\n")
    path = tmp_path / "example.py"
    path.write_text(textwrap.dedent(before), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert converted_source(module.f) == ast.unparse(ast.parse(textwrap.dedent(after)))
    assert textwrap.dedent(before).count("\n") == 5    # four lines and the empty one that follows


def test_a_lambda_is_shown_as_one():
    assert converted_source(lambda x: x[0] and x[1]) == "lambda x: hooks__.and_(hooks__.getitem(x, 0), lambda: hooks__.getitem(x, 1))"


def test_names_of_a_class_are_mangled():
    class Box:
        def put(self, x):
            self.__held = x
    assert "hooks__.setattr(self, '_Box__held', x)" in converted_source(Box.put)


def test_a_construct_that_is_not_converted_is_named():
    async def f(x):
        return x
    with pytest.raises(Unconvertible, match="is a coroutine"):
        converted_source(f)


def test_a_jump_out_of_a_with_statement_stays_pythons():
    def f(x, manager):
        for v in x:
            with manager:
                if v > 0:
                    return v
                if v < -1:
                    break
        return x[0]
    text = converted_source(f)
    assert "if hooks__.test(hooks__.gt(v, 0)):\n                return hooks__.return_(v)" in text and "return hooks__.BREAK" in text

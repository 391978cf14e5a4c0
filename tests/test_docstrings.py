"""The examples in docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import autodiff
import codegen
import tracer


def modules():
    for package in (tracer, codegen, autodiff):
        yield package.__name__
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            yield info.name


@pytest.mark.parametrize("name", sorted(modules()))
def test_examples(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0

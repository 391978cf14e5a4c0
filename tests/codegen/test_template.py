"""LLVM text of fixed routines in files of its own: filled without rest, and installed with the package."""

import tomllib
from pathlib import Path

import pytest

import codegen
from codegen.entry import native
from codegen.runtime import lapack, pool
from codegen.template import llvm_text

TEMPLATES = sorted(Path(codegen.__file__).parent.rglob("*.ll"))


def texts():
    yield native._text()
    yield lapack._text("double")
    yield lapack._text("float")
    if pool.available():
        yield pool._text()


def test_there_are_templates():
    assert {"native.ll", "lapack.ll", "pool.ll"} <= {path.name for path in TEMPLATES}


def test_nothing_is_left_to_fill_in():
    for text in texts():
        assert not [line for line in text.splitlines() if "$" in line and not line.startswith(";")]


def test_a_name_without_a_value_is_an_error(tmp_path):
    (tmp_path / "a.ll").write_text("ret i32 $CODE\n")
    assert llvm_text(str(tmp_path / "a.py"), "a.ll", CODE=3, MORE=4) == "ret i32 3\n"
    with pytest.raises(KeyError, match="CODE"):
        llvm_text(str(tmp_path / "a.py"), "a.ll")


def test_the_package_is_installed_with_its_templates():
    root = Path(codegen.__file__).resolve().parent.parent
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "*.ll" in settings["package-data"]["*"]

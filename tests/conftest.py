"""Tests look at kernels: calls wait for them, and they are made anew. The tests of compiling in the background and of the kernels on
disk say otherwise themselves."""

import pytest

from codegen.config import config


@pytest.fixture(autouse=True)
def waiting(monkeypatch):
    monkeypatch.setattr(config, "wait", True)
    monkeypatch.setattr(config, "cache", False)
    monkeypatch.setattr(config, "check", True)

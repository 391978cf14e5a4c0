"""Tests look at kernels: calls wait for them. The tests of compiling in the background say otherwise themselves."""

import pytest

from codegen.config import config


@pytest.fixture(autouse=True)
def waiting(monkeypatch):
    monkeypatch.setattr(config, "wait", True)

"""The examples run, reach what they promise, and fail where the promise is broken."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_chapter(capsys):
    load("chapter").main()
    out = capsys.readouterr().out
    assert "every gradient is right" in out
    assert out.count("jit(grad) a = -") == 3 and out.count("jit(grad) a = +") == 3


def test_chapter_would_notice_a_wrong_gradient():
    with pytest.raises(AssertionError):
        load("chapter").check("wrong", np.array([0.0, 4.0, 8.0, 12.1]), [0, 4, 8, 12])


def test_fit(capsys):
    assert load("fit").main() < 1e-6
    assert "1 compilation" in capsys.readouterr().out


def test_digits_for_one_epoch(tmp_path, capsys):
    picture = tmp_path / "loss.png"
    accuracy = load("digits").main(["--epochs", "1", "--out", str(picture)])
    out = capsys.readouterr().out
    assert accuracy > 0.5, "one epoch is ten steps and one: better than the tenth that guessing gets"
    assert "compilations    2 of the loss" in out and "steps/s" in out and "of the time in kernels" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_digits_reaches_its_accuracy(tmp_path):
    assert load("digits").main(["--out", str(tmp_path / "loss.png")]) >= 0.96

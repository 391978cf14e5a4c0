"""The examples, and the README's, run, reach what they promise, and fail where the promise is broken."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_example_and_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    program, = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    names = {}
    exec(compile(program, "README.md", "exec"), names)
    assert np.isfinite(names["value"]) and names["grads"]["w"].shape == (3, 8)
    commands = re.findall(r"^python3 -m venv .*$", readme, flags=re.MULTILINE)
    assert len(commands) == 2, "one command for the main job, one for the tests; .ci/run looks for the second"
    assert commands[0].endswith("examples/digits.py") and commands[1].endswith("-m pytest -n 2 -q")


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
    assert accuracy > 0.4, "eleven steps are far from the end, but far from the tenth that guessing gets"
    assert "compilations    2 of the loss" in out and "steps/s" in out and "of the time in kernels" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_digits_reaches_its_accuracy(tmp_path):
    assert load("digits").main(["--out", str(tmp_path / "loss.png")]) >= 0.96

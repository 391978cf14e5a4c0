"""Golden texts: what every stage of the compiler makes of sixty small programs is what the files in tests/golden/texts say.

A change of the compiler that is meant is followed by `python -m tests.golden --update`, and its review reads the differences.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen import host
from tests.golden import render
from tests.golden.__main__ import main
from tests.golden.programs import PROGRAMS

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_compiler_makes_what_is_stored(name):
    found = render.difference(name)
    assert not found, f"\n{found}\n\nIf this is meant: {render.UPDATE} {name}"


def test_every_program_has_a_file_and_every_file_a_program():
    assert len(PROGRAMS) == 60
    assert sorted(p.name for p in render.TEXTS.iterdir()) == sorted(f"{name}.txt" for name in PROGRAMS)


def test_texts_are_small_and_belong_to_no_machine():
    texts = [p.read_text(encoding="utf-8") for p in render.TEXTS.iterdir()]
    assert sum(map(len, texts)) < 400_000
    for t in texts:
        assert str(ROOT) not in t and ".py" not in t and " at 0x" not in t


def test_texts_do_not_ask_what_machine_this_is(monkeypatch):
    def refuse():
        raise AssertionError("a text depends on this machine")
    for name in ("vector_bytes", "has_fma", "host"):
        monkeypatch.setattr(host, name, refuse)
    for name in PROGRAMS:
        render.golden_text(name)


def test_what_was_compiled_before_changes_nothing():
    """Each program is compiled a second time here, and after other programs than in the order of the table."""
    for name in [*reversed(PROGRAMS), *sorted(PROGRAMS)]:
        assert render.golden_text(name) == render.stored_path(name).read_text(encoding="utf-8"), name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not copied here")
@pytest.mark.parametrize("seed", ["1", "2"])
def test_each_program_alone_gives_the_same_text(seed):
    """In a new process each, and with another order of the elements of sets."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.golden", "--alone"], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_differences_are_shown_and_updated(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(render, "TEXTS", tmp_path / "texts")
    assert main(["--update", "chain"]) == 0
    path = tmp_path / "texts" / "chain.txt"
    text = path.read_text(encoding="utf-8")
    assert main(["chain"]) == 0
    path.write_text(text.replace("tanh", "tan", 1), encoding="utf-8")
    (tmp_path / "texts" / "no_program.txt").write_text("")
    capsys.readouterr()
    assert main(["chain"]) == 1
    shown = capsys.readouterr().out
    assert "\n-    return" in shown and "\n+    return" in shown and "1 of 1 texts differ" in shown and render.UPDATE in shown
    main(["--update", "chain"])
    assert path.read_text(encoding="utf-8") == text and [p.name for p in path.parent.iterdir()] == ["chain.txt"]

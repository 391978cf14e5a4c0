"""Where the source of a function comes from, and that it is the source of that function."""

import ast
import importlib
import linecache
import os
import pty
import select
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import autodiff as ad

ROOT = Path(__file__).parents[3]
PROGRAM = '''
import numpy as np
import autodiff as ad

def fill(x):
    a = np.zeros(len(x))
    for i in range(1, len(x)):
        a[i] = 0.5 * a[i - 1] + x[i]
    return np.sum(a * a)

class Model:
    """A method has a name that is mangled."""

    def __init__(self, k):
        self.__k = k

    def value(self, x):
        while x > 1.0:
            x = x / self.__k
        return x

choose = lambda x: x if x > 0.0 else -x

def check():
    x = np.arange(6.0)
    f = ad.jit(ad.grad(fill))
    f(x)
    h = ad.jit(Model(2.0).value)
    g = ad.jit(choose)
    assert h(9.0) == 0.5625 and g(-2.0) == 2.0 and g(3.0) == 3.0
    for made in (f, g, h):
        assert "captured" not in made.why() and "path" not in made.why(), made.why()
    return "everything was captured"
'''


def run(*words, given=None, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "AUTODIFF_CACHE": "0"}
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, timeout=300, input=given, **options)
    return done.stdout + done.stderr


@pytest.mark.parametrize("words", [["-c"], ["-u", "-c"], ["-Bc"], ["-X", "utf8", "-W", "error", "-c"]], ids=" ".join)
def test_the_command_of_the_interpreter(words):
    assert "everything was captured" in run(*words, PROGRAM + "\nprint(check())\n", "argument")


def test_a_script_on_standard_input(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM + "\nprint(check())\n")
    with open(script) as file:
        assert "everything was captured" in run("-", stdin=file)


def test_a_script_that_comes_through_a_pipe():
    text = run("-", given=PROGRAM + "\nprint(check())\n")
    assert "`fill` is not captured: there is no source for `fill`: it was typed at a prompt or came through a pipe" in text
    assert "fix   define it in a file" in text and text.count("File ") == 3 and "plain array" not in text


def test_a_module_in_a_zip_file(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("zipped_program.py", PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path / "archive.zip"))
    module = importlib.import_module("zipped_program")
    assert "archive.zip" in module.__file__ and module.check() == "everything was captured"


def test_what_is_typed_at_a_prompt():
    lines = [line for line in PROGRAM.split("\n\n") if "class" not in line and "check" not in line]
    typed = "\n".join(part.strip() + "\n" for part in lines).split("\n")
    said = at_a_prompt([*typed, "f = ad.jit(ad.grad(fill)); g = ad.jit(choose)", "f(np.arange(3.0)), g(-2.0)", "print('said', f.why(), g.why())"])
    last = [line for line in said.splitlines() if line.startswith("said")]
    assert last and "captured" not in last[0] and "path" not in last[0], said


def at_a_prompt(lines):
    """What an interpreter says on a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(PYTHONPATH=str(ROOT), TERM="dumb", PYTHON_HISTORY=os.devnull, PYTHONSTARTUP="")
        os.execv(sys.executable, [sys.executable, "-q"])
    said = b""

    def listen(seconds):
        nonlocal said
        end = time.monotonic() + seconds
        while time.monotonic() < end and not said.endswith((b">>> ", b"... ")):
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    said += os.read(terminal, 65536)
                except OSError:     # it has ended
                    return
    listen(30)
    for line in lines:
        os.write(terminal, line.encode() + b"\n")
        said += b"\n"
        listen(60)
    os.write(terminal, b"exit()\n")
    os.waitpid(pid, 0)
    os.close(terminal)
    return said.decode().replace("\r", "")


def test_exec_of_a_text_that_is_still_there():
    space = {"__name__": "made"}
    exec(PROGRAM, space)
    assert space["check"]() == "everything was captured"


def test_code_under_a_name_of_its_own():
    space: dict = {}
    text = "f = [lambda x: x if x > 0 else -x for _ in range(1)][0]"
    exec(compile(text, "<magic 3>", "exec"), space)
    f = ad.jit(space["f"])
    assert f(-2.0) == 2.0 and "captured" not in f.why()


def test_a_file_that_is_gone(module):
    made = module("def f(x):\n    return 2.0 * x if x > 0.0 else x\n", "")
    os.remove(made.__file__)
    assert "there is no source for `f`: there is no file" in ad.show(made.f, 1.0, stage="converted")


def test_exec_of_another_text_of_the_same_name():
    """The text that is there defines another function of that name: it is not taken for this one."""
    space: dict = {}
    text = "def f(x):\n    return x * 2.0 if x > 0.0 else x\n"
    exec(text.replace("2.0", "3.0"), space)
    with pytest.warns(RuntimeWarning, match="path"):
        g = ad.jit(space["f"])
        assert g(1.0) == 3.0 and g(-1.0) == -1.0
    assert "`f` is not captured: there is no source for `f`" in g.why()
    exec(text, space)
    assert ad.jit(space["f"])(1.0) == 2.0


def test_exec_of_a_text_that_is_gone():
    space = {"np": np}
    exec("\n".join(["def f(x):", "    a = np.zeros(3)", "    a[0] = x", "    return a"]), space)
    with pytest.raises(TypeError) as e:
        ad.jit(space["f"])(1.0)
    text = str(e.value)
    assert "at    <string>:3, in f" in text and "`f` is not captured: there is no source for `f`: it was made by exec or eval of a text" in text
    assert "fix   define it in a file, or enter its text into linecache.cache" in text and "numpy.zeros" not in text


def test_a_text_that_is_entered_into_linecache():
    text = "\n".join(["def f(x):", "    a = np.zeros(3)", "    a[0] = x", "    return a"])
    space = {"np": np}
    exec(compile(text, "<made 1>", "exec"), space)
    linecache.cache["<made 1>"] = (len(text), None, text.splitlines(keepends=True), "<made 1>")
    try:
        assert ad.jit(space["f"])(2.0).tolist() == [2.0, 0.0, 0.0]
    finally:
        del linecache.cache["<made 1>"]


def test_cells_whose_statements_are_compiled_one_by_one():
    """As IPython does: the import is not in sight of the definition, and attributes of modules are called by other instructions."""
    name, space = "<ipython-input-1-0123456789ab>", {"__name__": "__main__"}
    linecache.cache[name] = (len(PROGRAM), None, PROGRAM.splitlines(keepends=True), name)
    try:
        for statement in ast.parse(PROGRAM).body:
            exec(compile(ast.Module([statement], []), name, "exec"), space)
        assert space["check"]() == "everything was captured"
    finally:
        del linecache.cache[name]


# -- files that change ---------------------------------------------------------------------------

@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module and import it; then write it again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    count = [0]

    def make(before, after, look=False):
        count[0] += 1
        name = f"program_{os.getpid()}_{tmp_path.name[-4:]}_{count[0]}"
        path = tmp_path / f"{name}.py"
        path.write_text(before)
        made = importlib.import_module(name)
        if look:
            linecache.getlines(str(path))
        path.write_text(after)
        return made
    return make


@pytest.mark.parametrize("look", [False, True], ids=["", "known to linecache"])
def test_a_file_whose_lines_have_moved(module, look):
    for after in ("# a line\n\n" + PROGRAM, PROGRAM.lstrip(), PROGRAM.replace("def fill", "def other(x):\n    return x\n\ndef fill")):
        assert module(PROGRAM, after, look).check() == "everything was captured"


def test_a_function_that_has_changed_is_not_taken_from_its_file(module):
    # It was: the new text was converted, and compiled code computed what no function that was imported computes.
    before = "def f(x):\n    return 2.0 * x if x > 0.0 else x\n\ndef g(x):\n    return 5.0 * x if x > 0.0 else x\n"
    made = module(before, before.replace("2.0", "3.0"))
    with pytest.warns(RuntimeWarning, match="path"):
        f = ad.jit(made.f)
        assert f(1.0) == 2.0 and f(-1.0) == -1.0
    assert "`f` is not what it was compiled from" in f.why() and "has changed since it was imported" in f.why()
    g = ad.jit(made.g)
    assert g(1.0) == 5.0 and "captured" not in g.why()


def test_a_file_that_changed_while_linecache_knew_the_old_text(module):
    before = "def f(x):\n    return 2.0 * x if x > 0.0 else x\n"
    made = module(before, before.replace("2.0", "3.0"), look=True)
    f = ad.jit(made.f)
    assert f(1.0) == 2.0 and "captured" not in f.why()
    g = ad.jit(importlib.reload(made).f)    # linecache has the old text, the module is the new one
    assert g(1.0) == 3.0 and "captured" not in g.why()


def test_numbers_that_are_equal_are_not_the_same_source(module):
    for old, new in (("1", "True"), ("1", "1.0"), ("0.0", "-0.0"), ("(1, 2)", "(1, 2.0)")):
        before = f"def f(x):\n    k = {old}\n    return k if x > 0.0 else k\n"
        made = module(before, before.replace(old, new, 1))
        assert "is not what it was compiled from" in ad.show(made.f, 1.0, stage="converted")


def test_equal_lambdas_of_one_line():
    fs = [lambda x: x if x > 0 else -x, lambda x: -x if x > 0 else x, lambda x: x if x > 0 else -x]
    assert [ad.jit(f)(-3.0) for f in fs] == [3.0, -3.0, 3.0]


@pytest.mark.parametrize("body", [
    "import os.path as p, json\nfrom math import sqrt\ndef f(x):\n    return sqrt(x) + p.sep.count('a') + json.dumps.__name__.count('a')\n",
    "import math\nif True:\n    import json\nk = [1]\ndef f(x):\n    k.append(1)\n    json.dumps(1)\n    return math.sqrt(x)\n",
    "def outer():\n    import math\n    y = 1.0\n    def f(x):\n        nonlocal y\n        y = y + 1.0\n        return math.sqrt(x) * y\n    return f\nf = outer()\n",
    "class A:\n    def f(self, x):\n        return super().__repr__().count('A') + self.__g(x) + A.__h\n    def __g(self, x):\n        return x\n    __h = 2\nf = A().f\n",
    "from __future__ import annotations\nimport functools\ndef d(g):\n    return g\n@d\n@functools.lru_cache\ndef f(x: 'int' = 3, *a, k: str = 'q', **b) -> None:\n    'text'\n"
    "    def g(y: int) -> str:\n        return f\"{y!r:>5}\"\n    return [i * x for i in range(3) if i in {1, 2}], {*a}, {**b}, g\nf = f.__wrapped__\n",
    "def f(x):\n    return f(x - 1) if x > 0 else 0\n",
    "def f(x):\n    try:\n        with open(x) as g:\n            yield g\n    except* ValueError as e:\n        del e\n    finally:\n        print(x)\n",
    "f = [lambda x, k=k: (lambda y: y + x + k) for k in range(2)][1]\n",
    "def f(x):\n    match x:\n        case {'a': [1, *r]} | {'b': r}:\n            return r\n        case _:\n            return (y := 1j) + 0.1 + float('nan') - -0.0\n",
])
def test_all_kinds_of_functions_are_found_to_be_their_source(body, tmp_path, monkeypatch):
    from autodiff.capture.source.files import find
    from autodiff.capture.source.texts import rewritten_by_loader
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"kinds_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(body)
    f = importlib.import_module(name).f
    f = getattr(f, "__func__", f)
    assert not rewritten_by_loader(f)
    node, _ = find(f)
    assert getattr(node, "name", "<lambda>") == f.__name__

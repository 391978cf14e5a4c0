"""The code blocks of the pages in docs run, in order."""

import re
import runpy
from pathlib import Path

import tracer.ops.elementwise
from tracer.op import ops

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "adding-an-operation.md"


def test_compiled_calls():
    space: dict = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "compiled-calls.md").read_text(), re.S):
        exec(compile(block, "compiled-calls.md", "exec"), space)


def test_ordinary_python(tmp_path):
    """In a file, because functions are captured from their source."""
    file = tmp_path / "page.py"
    file.write_text("\n".join(re.findall(r"```python\n(.*?)```", (DOCS / "ordinary-python.md").read_text(), re.S)), encoding="utf-8")
    runpy.run_path(str(file))


def test_adding_an_operation():
    """As if appended to the file of elementwise ops."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 3
    space = dict(vars(tracer.ops.elementwise))
    try:
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), space)
    finally:
        ops.pop("softsign", None)

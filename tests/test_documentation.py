"""The code blocks of the pages in docs run, in order."""

import re
from pathlib import Path

import tracer.ops.elementwise
from tracer.op import ops

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "adding-an-operation.md"


def test_compiled_calls():
    space: dict = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / "compiled-calls.md").read_text(), re.S):
        exec(compile(block, "compiled-calls.md", "exec"), space)


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

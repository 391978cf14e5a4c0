"""The code blocks of docs/adding-an-operation.md run, in order, as if appended to the file of elementwise ops."""

import re
from pathlib import Path

import tracer.ops.elementwise
from tracer.op import ops

PAGE = Path(__file__).resolve().parent.parent / "docs" / "adding-an-operation.md"


def test_adding_an_operation():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 3
    space = dict(vars(tracer.ops.elementwise))
    try:
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), space)
    finally:
        ops.pop("softsign", None)

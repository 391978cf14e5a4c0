"""The code blocks of the pages in docs run, in order."""

import re
import runpy
from pathlib import Path

import pytest

import codegen.compile
import codegen.stages
import tracer.op
import tracer.ops.elementary
import tracer.ops.reduce
from tests import architecture

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.mark.parametrize("page", ["compiled-calls.md", "ordinary-python.md", "semantics.md", "define-by-run.md"])
def test_pages_with_functions(page, tmp_path):
    """In a file, because functions are captured from their source."""
    file = tmp_path / "page.py"
    file.write_text("\n".join(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)), encoding="utf-8")
    runpy.run_path(str(file))


def sections(page: str) -> dict[str, list[str]]:
    """Heading of a section -> its code blocks."""
    parts = re.split(r"^## (.*)$", (DOCS / page).read_text(), flags=re.M)
    return {title: re.findall(r"```python\n(.*?)```", body, re.S) for title, body in zip(parts[1::2], parts[2::2], strict=True)}


# Section -> the module to whose file its blocks are appended, if it says so, and how many there are.
ADDING = {"An elementwise operation": (tracer.ops.elementary, 3), "A reduction": (tracer.ops.reduce, 3), "A pass over graphs": (None, 4),
          "A pass over loops": (None, 3), "A back end": (None, 2)}


def test_adding_has_these_sections():
    assert {title: len(blocks) for title, blocks in sections("adding.md").items()} == {title: n for title, (_, n) in ADDING.items()}


@pytest.mark.parametrize("title", ADDING)
def test_adding(title, monkeypatch):
    """What a section adds is taken out again behind it."""
    module, _ = ADDING[title]
    for where, name in ((codegen.stages, "GRAPH_PASSES"), (codegen.stages, "LOOP_PASSES")):
        monkeypatch.setattr(where, name, getattr(where, name))
    kept = dict(codegen.compile.BACK_ENDS)
    space = dict(vars(module)) if module else {"__name__": "page"}
    try:
        for block in sections("adding.md")[title]:
            exec(compile(block, "adding.md", "exec"), space)
    finally:
        for name in ("softsign", "sum_abs"):
            tracer.op.ops.pop(name, None)
        codegen.compile.BACK_ENDS.clear()
        codegen.compile.BACK_ENDS.update(kept)


def test_architecture():
    """Its function runs, and the printed stages are those of now."""
    page = architecture.PAGE.read_text(encoding="utf-8")
    assert [m[2] for m in architecture.BLOCK.finditer(page)] == list(architecture.printed(page))
    assert page == architecture.updated(page), "python -m tests.architecture --update"


def test_the_tree_has_every_folder():
    """Each folder of the packages has a line in the tree; the folders of `codegen/backends` share one."""
    page = architecture.PAGE.read_text(encoding="utf-8")
    folders = {p.parent.relative_to(DOCS.parent) for name in ("tracer", "codegen", "autodiff") for p in (DOCS.parent / name).rglob("__init__.py")}
    missing = {f.as_posix() for f in folders if f.parent.name != "backends" and f"`{f.as_posix()}/`" not in page}
    assert not missing
    assert not {f for f in re.findall(r"`((?:tracer|codegen|autodiff|tests|bench)/[\w/]*)`", page) if not (DOCS.parent / f).is_dir()}

"""The printed stages of docs/architecture.md: the function on the page is compiled, and each block is what the compiler prints for it.

    python -m tests.architecture [--update]

A block stands behind a line `<!-- stage: name -->`. The IR is for vectors of 32 bytes with fused multiply-add, whatever this machine is;
only its head is on the page. Without `--update` the blocks that differ are named.
"""

from __future__ import annotations

import argparse
import re
import runpy
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import autodiff as ad
from codegen.backends.llvm.module import emit_llvm
from codegen.stages import stages
from codegen.target import GENERIC

PAGE = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
BLOCK = re.compile(r"(<!-- stage: (\w+) -->\n```text\n)(.*?)(\n```)", re.S)
HEAD = 38
"""Lines of IR on the page."""


def program_of(page: str) -> dict[str, Any]:
    """Run the page's Python blocks, from a file, because functions are captured from their source; return their names."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.py"
        file.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)), encoding="utf-8")
        space = runpy.run_path(str(file))
        space["converted"] = ad.show(space["fill"], stage="converted")      # needs the file
    return space


def printed(page: str) -> dict[str, str]:
    """Stage -> what the compiler prints now."""
    space = program_of(page)
    graph = space["slope"].trace(space["x"])
    st = stages(graph)

    def show(stage: str) -> str:
        return ad.show(space["slope"], space["x"], stage=stage)
    ir = emit_llvm(st.program, st.plan, GENERIC).text.rstrip("\n").split("\n")
    return {"converted": space["converted"], "graph": str(space["graph"]), "derivative": show("graph"), "passes": show("passes"),
            "simplified": show("simplified"), "loops": show("loops"), "ir": "\n".join(ir[:HEAD])}


def updated(page: str) -> str:
    """The text of the page with the blocks of now."""
    now = printed(page)
    replace: Callable[[re.Match], str] = lambda m: m[1] + now[m[2]] + m[4]  # noqa: E731
    return BLOCK.sub(replace, page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the blocks or write them; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.architecture", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the blocks into the page")
    given = parser.parse_args(arguments)
    page = PAGE.read_text(encoding="utf-8")
    new = updated(page)
    if given.update:
        PAGE.write_text(new, encoding="utf-8")
        return 0
    differing = [a[2] for a, b in zip(BLOCK.finditer(page), BLOCK.finditer(new), strict=True) if a[3] != b[3]]
    print(f"blocks that differ: {', '.join(differing) or 'none'}")
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())

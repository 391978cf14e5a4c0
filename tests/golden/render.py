"""The texts of the golden programs: what each stage of the compiler makes of a program, under headings, and the files that keep them.

    program -> converted source -> graph -> graph of value and gradient -> loops -> head of the LLVM IR

Loops and IR are those of the value and gradient where the program is differentiated, else of the program itself. A text depends on the
program and the compiler alone: not on the machine, on where the files are, or on what was compiled before in this process.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path

import autodiff as ad
from autodiff.api.grad import _derived
from codegen.backends.llvm.module import emit_llvm
from codegen.stages import Stages, stages
from codegen.target import GENERIC
from tests.golden.programs import PROGRAMS, Program
from tracer.show.text import text

__all__ = ["TEXTS", "UPDATE", "difference", "golden_text", "stored_path"]

TEXTS = Path(__file__).parent / "texts"
UPDATE = "python -m tests.golden --update"
"""The command that writes the texts anew."""
HEAD = 40
"""Lines of IR in a text; a digest stands for the others."""


def golden_text(name: str) -> str:
    """Return the text of a program as the compiler makes it now."""
    p = PROGRAMS[name]
    made = "\n".join([f"{name}: {p.idea}", *(f"\n-- {heading} --\n\n{body}" for heading, body in _sections(p)), ""])
    return re.sub(r" \(\w+\.py:\d+\)", "", made)    # the lines that messages of checks name: other programs of the file move them


def _sections(p: Program) -> list[tuple[str, str]]:
    """Return headings and bodies, in the order of the compiler's stages."""
    _derived.clear()    # a derivative that was made of an equal graph of another program has that program's names
    graph = last = ad.jit(p.function).trace(*p.args)
    found = [("converted source", "\n\n".join(ad.show(f, stage="converted") for f in (p.function, *p.calls))), ("graph", text(graph))]
    if p.wrt is not None:
        last = ad.jit(ad.value_and_grad(p.function, argnums=p.wrt)).trace(*p.args)
        found.append(("derivative", text(last)))
    st = stages(last)
    return [*found, ("loops", str(st.program)), _head_of_ir(st)]


def _head_of_ir(st: Stages) -> tuple[str, str]:
    """Return a heading with the length and a digest of the IR, and its first lines."""
    ir = emit_llvm(st.program, st.plan, GENERIC).text
    lines = ir.rstrip("\n").split("\n")
    digest = hashlib.sha256(ir.encode()).hexdigest()[:12]
    return f"LLVM IR, {min(HEAD, len(lines))} of {len(lines)} lines, digest of all {digest}", "\n".join(lines[:HEAD])


def stored_path(name: str) -> Path:
    """Return the file that keeps the text of a program."""
    return TEXTS / f"{name}.txt"


def difference(name: str) -> str:
    """Return the unified difference between the stored text of a program and the one made now; empty if they are equal."""
    path = stored_path(name)
    stored = path.read_text(encoding="utf-8") if path.exists() else ""
    made = golden_text(name)
    return "\n".join(difflib.unified_diff(stored.splitlines(), made.splitlines(), f"{name}: stored", f"{name}: made now", lineterm=""))

"""Matrix products that are added to an array at once, instead of being stored, read again and added.

    t = a @ b;  for i: for j: c[i, j] = c[i, j] + t[i, j]        ->        c += a @ b

Cotangents of weights that a loop uses at every step are such sums.
"""

from __future__ import annotations

from codegen.loops.language import Apply, Buffer, Call, Expr, For, Load, Program, Stmt, Store, accesses, blocks

__all__ = ["accumulate_products"]


def accumulate_products(program: Program) -> Program:
    """Rewrite a program in place; returns it."""
    uses: dict[Buffer, int] = {}
    for s in program.body:
        for a in accesses(s):
            uses[a.buffer.storage] = uses.get(a.buffer.storage, 0) + 1
    _block(program.body, uses)
    return program


def _block(block: list[Stmt], uses: dict[Buffer, int]) -> None:
    for s in block:
        for inner in blocks(s):
            _block(inner, uses)
    for k, s in enumerate(block):
        if not isinstance(s, Call) or s.kind != "matmul" or s.outputs[0].lead:
            continue
        t = s.outputs[0].buffer
        if t.role != "scratch" or t.root is not None or uses.get(t, 0) != 2:
            continue
        for n in range(k + 1, len(block)):
            nest = block[n]
            if any(a.buffer is t for a in accesses(nest)):
                target = _sum_target(nest, t)
                if target is not None and _free(target, s, block[k + 1:n]):
                    s.outputs = [type(s.outputs[0])(target)]
                    s.info = {**s.info, "add": True}
                    block[n] = For(nest.var, nest.stop, [])  # type: ignore[union-attr]
                break
    block[:] = [s for s in block if not (isinstance(s, For) and not s.body)]


def _sum_target(s: Stmt, t: Buffer) -> Buffer | None:
    """The array that a nest of nothing else adds t to."""
    if not isinstance(s, For) or len(s.body) != 1 or not isinstance(s.body[0], For):
        return None
    inner = s.body[0]
    if (s.stop, inner.stop) != t.shape or s.reverse or inner.reverse:
        return None
    index = (s.var, inner.var)
    body = inner.body
    if len(body) == 2 and isinstance(body[0], Store) and isinstance(body[1], Store) and not body[0].buffer.shape \
            and body[0].combine is None and body[1].value == Load(body[0].buffer, ()):
        if sum(1 for a in accesses(s) if a.buffer is body[0].buffer) != 2 or body[0].buffer.role != "scratch":
            return None
        value, store = body[0].value, body[1]
    elif len(body) == 1 and isinstance(body[0], Store):
        value, store = body[0].value, body[0]
    else:
        return None
    c = store.buffer
    if store.index != index or c.shape != t.shape or c.dtype != t.dtype or c.root is not None:
        return None
    element, product = Load(c, index), Load(t, index)
    if store.combine == "add" and value == product:
        return c
    terms: tuple[Expr, ...] = value.args if store.combine is None and isinstance(value, Apply) and value.fn == "add" else ()
    return c if terms in ((element, product), (product, element)) else None


def _free(c: Buffer, call: Call, between: list[Stmt]) -> bool:
    """Whether nothing touches the array from the product on, nor is it one of its factors."""
    return all(x.buffer.storage is not c for x in call.inputs) and not any(a.buffer.storage is c for s in between for a in accesses(s))

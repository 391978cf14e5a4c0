"""einsum: subscripts read, an order of pairs planned by NumPy, each pair contracted by `products.contract`."""

from __future__ import annotations

import itertools
from collections.abc import Hashable

import numpy as np

from autodiff.numpy.aliasing import may_share
from autodiff.numpy.products import contract, promoted
from autodiff.numpy.support import dtype_of, permute, refuse, refuse_order, shape_of, supported_dtype
from autodiff.numpy.taking import take_diagonal
from tracer.array import implements
from tracer.errors import ShapeError, explain
from tracer.ops.reduce import sum_
from tracer.ops.shape import reshape_to
from tracer.promote import cast_to, describe
from tracer.trace import bind

__all__ = ["einsum"]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@implements(np.einsum)
def einsum(*operands, out=None, optimize=False, dtype=None, order="K", casting="safe"):
    """As numpy.einsum. The order of contractions is always planned (`optimize` may give a path)."""
    refuse("einsum", out=out)
    refuse_order("einsum", order)
    inputs, output, xs = _read(operands)
    if dtype is not None:
        if casting != "unsafe" and not np.can_cast(dtype_of(xs[0]), dtype, casting):
            raise TypeError(f"Cannot cast operands from {dtype_of(xs[0])} to {np.dtype(dtype)} according to the rule {casting!r}")
        xs = [cast_to(x, supported_dtype(dtype)) for x in xs]
    if len(xs) == 1:
        return may_share(xs[0], lambda base: _alone(*_unique(base, inputs[0]), output))
    sizes = _check_lengths(inputs, xs)
    terms = [_without_ones(*_unique(x, labels), sizes) for labels, x in zip(inputs, xs)]
    for step in _path(inputs, output, xs, sizes, optimize):
        chosen = [terms.pop(i) for i in sorted(step, reverse=True)]
        while len(chosen) > 1:
            (a, la), (b, lb) = chosen.pop(), chosen.pop()
            later = {v for _, labels in (*terms, *chosen) for v in labels}
            if terms or chosen:
                result = [v for v in dict.fromkeys([*la, *lb]) if v in later or v in output]
            else:
                result = output
            chosen.append((contract(a, la, b, lb, result), result))
        terms.append(chosen[0])
    return terms[0][0]


# -- reading subscripts ----------------------------------------------------------------------------

def _read(operands) -> tuple[list[list[Hashable]], list[Hashable], list]:
    """Labels of each operand, labels of the result, operands. The axes of an ellipsis are labelled -1, -2, ... from the right."""
    if not operands:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand")
    if isinstance(operands[0], str):
        text, xs = operands[0].replace(" ", ""), list(operands[1:])
    else:
        text, xs = _text(operands)
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(xs):
        raise ValueError(f"einsum subscripts {text!r} are for {len(terms)} operands, not {len(xs)}")
    xs = promoted(*xs)
    inputs = [_labels(term, len(shape_of(x)), x) for term, x in zip(terms, xs)]
    hidden = max((-v for labels in inputs for v in labels if isinstance(v, int)), default=0)
    ellipsis: list[Hashable] = list(range(-hidden, 0))
    if arrow:
        before, dots, after = right.partition("...")
        output: list[Hashable] = [*before, *(ellipsis if dots else []), *after]
        known = {*itertools.chain(*inputs)}
        if len(set(output)) < len(output) or any(v not in known for v in output):
            raise ValueError(f"einstein sum subscripts string {text!r} includes an output subscript twice, or one that no input has")
    else:
        letters = [c for term in terms for c in term.replace("...", "")]
        output = [*ellipsis, *sorted(c for c in set(letters) if letters.count(c) == 1)]
    return inputs, output, xs


def _text(operands) -> tuple[str, list]:
    """The form einsum(a, [0, 1], b, [1, 2], [0, 2]) as text."""
    def term(axes) -> str:
        return "".join("..." if i is Ellipsis else _LETTERS[i] for i in axes)
    n = len(operands) // 2
    text = ",".join(term(operands[2 * i + 1]) for i in range(n))
    return text + ("->" + term(operands[-1]) if len(operands) % 2 else ""), [operands[2 * i] for i in range(n)]


def _labels(term: str, ndim: int, x) -> list[Hashable]:
    before, dots, after = term.partition("...")
    if not all(c in _LETTERS for c in before + after):
        raise ValueError(f"invalid subscripts {term!r} in einstein sum subscripts string")
    hidden = ndim - len(before) - len(after)
    if hidden < 0 or hidden and not dots:
        raise explain(ShapeError, f"einsum subscripts {term!r} for an operand with {ndim} axes", operand=describe(x))
    return [*before, *range(-hidden, 0), *after]


# -- contraction -----------------------------------------------------------------------------------

def _unique(x, labels):
    """Diagonals where a label occurs twice."""
    labels = list(labels)
    while True:
        pair = next(((labels.index(v), j) for j, v in enumerate(labels) if labels.index(v) < j), None)
        if pair is None:
            return x, labels
        i, j = pair
        if shape_of(x)[i] != shape_of(x)[j]:
            raise explain(ShapeError, f"einsum: axes {i} and {j} of one subscript have different lengths", operand=describe(x))
        x = take_diagonal(x, 0, i, j)
        label = labels[i]
        labels = [v for k, v in enumerate(labels) if k not in (i, j)] + [label]


def _alone(x, labels, output):
    axes = tuple(i for i, v in enumerate(labels) if v not in output)
    kept = [v for v in labels if v in output]
    return permute(bind(sum_, x, axes=axes) if axes else x, [kept.index(v) for v in output])


def _check_lengths(inputs, xs) -> dict:
    sizes: dict = {}
    for labels, x in zip(inputs, xs):
        for v, n in zip(labels, shape_of(x)):
            if sizes.setdefault(v, n) == 1:
                sizes[v] = n
            elif n not in (1, sizes[v]):
                raise explain(ShapeError, f"einsum: subscript {v!r} stands for lengths {sizes[v]} and {n}", operand=describe(x))
    return sizes


def _without_ones(x, labels, sizes):
    """Axes of length 1 that stand for longer ones are left out."""
    shape = shape_of(x)
    kept = [i for i, v in enumerate(labels) if shape[i] == sizes[v]]
    return reshape_to(x, tuple(shape[i] for i in kept)), [labels[i] for i in kept]


_LONG = 1000
"""Stands for a length that is not known, when an order of contractions is planned."""


def _path(inputs, output, xs, sizes, optimize) -> list:
    if len(xs) == 2:
        return [(0, 1)]
    if isinstance(optimize, (list, tuple)) and optimize and optimize[0] == "einsum_path":
        return list(optimize[1:])
    letter = dict(zip(dict.fromkeys(itertools.chain(*inputs)), _LETTERS))
    text = ",".join("".join(letter[v] for v in labels) for labels in inputs)
    plain = [np.broadcast_to(0.0, [n if isinstance(n, int) else _LONG for n in shape_of(x)]) for x in xs]
    path = np.einsum_path(f"{text}->{''.join(letter[v] for v in output)}", *plain,
                          optimize=optimize if isinstance(optimize, str) else "greedy")[0]
    return list(path[1:])

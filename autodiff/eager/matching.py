"""Guards of kernels of tapes: straight-line code that goes once through a tape and tells whether it is the one that a kernel was made for.

A walk (`autodiff.eager.tape.walk`) finds out what a tape is, and gives a key; that costs half a microsecond a step. A guard only compares:
it goes from the root to its operands and asks of each step whether it has the recipe that it had when the kernel was made, whether the same
operands are shared, and whether nobody else holds the step (whose value would be wanted). Then it calls the kernel. Where anything differs,
it says so by None, and a walk finds what the tape is. Two operands that the guard takes for different ones may be one: the kernel then gets
its value twice and gives two gradients, which are added.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autodiff.eager.recipes import Pick
from autodiff.eager.tape import Step, leaf_step, new_step

if TYPE_CHECKING:
    from autodiff.eager.kernels import Program

__all__ = ["guard"]

Guard = Callable[[Step, Any], "tuple | None"]


def guard(program: Program, call: Callable) -> Guard:
    """Return the guard of a program: last step, seed -> results of the kernel, leaves, kept steps, all steps; or None.

    The seed is passed to the kernel if the program is seeded. A program without a root gives values alone: it starts from any values that
    are known, where one with a root starts from leaves.
    """
    writer = _Writer(program)
    source = writer.source()
    names = {**writer.objects, "call": call, "count": sys.getrefcount, "Step": Step}
    exec(compile(source, "<autodiff guard>", "exec"), names)  # noqa: S102 - our own text
    return names["match"]


class _Writer:
    def __init__(self, program: Program):
        self.program = program
        self.objects: dict[str, Any] = {}
        self.known: dict[int, str] = {}
        self.lines: list[str] = []
        self.last = len(program.steps) - 1
        self.uses = [0] * len(program.steps)
        for _, places in program.steps:
            for p in places:
                if p >= 0:
                    self.uses[p] += 1

    def object(self, x: Any) -> str:
        """A name for an object."""
        name = self.known.get(id(x))
        if name is None:
            name = self.known[id(x)] = f"c{len(self.objects)}"
            self.objects[name] = x
        return name

    def refuse(self, condition: str) -> None:
        """Write that the tape is another one if a condition holds."""
        self.lines.append(f"if {condition}: return None")

    def source(self) -> str:
        """The text of the guard."""
        program = self.program
        met = {self.last}
        for place in range(self.last, -1, -1):
            self.step(place, met)
        arguments = [self.outside(k) for k in range(len(program.kinds))]
        if program.seeded:
            arguments.append("seed")
        leaves = "".join([f"x{k}, " for k in program.leaves])
        kept = "".join([f"s{p}, " for p in program.kept])
        every = "".join([f"s{p}, " for p in range(len(program.steps))])
        self.lines.append(f"return call({', '.join(arguments)}), ({leaves}), ({kept}), ({every})")
        return f"def match(s{self.last}, seed):\n" + "".join([f"    {line}\n" for line in self.lines])

    def step(self, place: int, met: set[int]) -> None:
        """Write the checks of a step, and the names of its operands."""
        recipe, places = self.program.steps[place]
        s = f"s{place}"
        if place != self.last and (recipe.__class__ is Pick or recipe.is_single and not recipe.kind.type.shape):
            self.refuse(f"{s}.__class__ is not Step")   # a number of NumPy's has the same kind
        self.refuse(f"{s}.recipe is not {self.object(recipe)}")
        if self.program.root is None:
            self.refuse(f"{s}.value is not None")
            if place not in self.program.kept:
                self.refuse(f"count({s}) > {_ALONE + self.uses[place]}")
        elif place == self.last:
            self.lines.append(f"extra = {s}.extra")
            self.refuse("extra is not None and (extra.hooks or extra.retained is not None)")
        else:
            self.refuse(f"{s}.extra is not None")
            if place in self.program.kept:
                self.refuse(f"{s}.value is not None")
            else:
                self.refuse(f"count({s}) > {_ALONE + self.uses[place]} and {s}.value is None")
        self.lines.append(f"inputs = {s}.inputs")
        self.refuse("inputs is None")
        names = []
        same = []
        for j, p in enumerate(places):
            if p in met:
                names.append(f"y{j}")
                same.append((f"y{j}", _name(p)))
            else:
                met.add(p)
                names.append(_name(p))
        self.lines.append(f"{', '.join(names)}, = inputs")
        for y, name in same:
            self.refuse(f"{y} is not {name}")
        if same:
            self.lines.append(" = ".join([y for y, _ in same]) + " = None")    # a reference would count

    def outside(self, k: int) -> str:
        """Write the checks of a value from outside; return the text of its value."""
        kind, x = self.program.kinds[k], f"x{k}"
        if self.program.numbers[k] is not None:
            self.refuse(f"{x}.__class__ is not {self.object(self.program.numbers[k])}")
            return x
        value = f"{x}.value" if kind.type.shape else f"{x}.value[()]"
        if self.program.root is None:
            self.refuse(f"{x}.__class__ is not Step or {x}.kind is not {self.object(kind)} or {x}.value is None")
            return value
        needs = k in self.program.leaves
        self.refuse(f"{x}.__class__ is not Step or {x}.kind is not {self.object(kind)} or {x}.inputs is not None "
                    f"or {x}.needs is not {needs}")
        if needs:
            self.refuse(f"{x}.extra is not None and ({x}.extra.is_overwritten or {x}.extra.hooks)")
        return value


def _name(place: int) -> str:
    return f"s{place}" if place >= 0 else f"x{-1 - place}"


def _baseline() -> int:
    """References to a step in a variable of a guard that no step uses, in this interpreter."""
    names: dict[str, Any] = {"count": sys.getrefcount}
    exec("def match(s0):\n    s1, = s0.inputs\n    return count(s1)", names)  # noqa: S102
    return names["match"](new_step(None, (leaf_step(1.0),), None, False, 0, None, 0)) - 1


_ALONE = _baseline()

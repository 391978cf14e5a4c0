"""A check of a value that the program depends on, which raises where it does not hold."""

from __future__ import annotations

from tracer.errors import error_class
from tracer.op import Op, register


class Require(Op):
    """Raise `error` (a name) with `message` unless the condition holds; gives the condition."""
    exact = True

    effect = True
    idempotent = True

    def infer(self, test, *, message, error="AssertionError"):
        return test

    def reference(self, test, *, message, error="AssertionError"):
        if not test:
            raise error_class(error)(message)
        return test

    def jvp(self, xs, dxs, **params):
        return self(*xs, **params), None

    def lower(self, k, inputs, outputs, *, message, error="AssertionError"):
        k.require(inputs[0].read(()), message, error)
        k.store(outputs[0], (), inputs[0].read(()))


require = register(Require())

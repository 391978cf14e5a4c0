"""Faults that are none: changes after which the compiler means the same. Each with the reason, found by file, function and text."""

from __future__ import annotations

from tests.mutants.operators import Fault

EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    ("autodiff/transforms/jvp.py", "Mode.push", "outer = trace.where if trace is not None else None", "condition negated"):
        "the rules that push a graph record nothing after it, and the next node sets its line itself",
    ("codegen/backends/llvm/build.py", "test_generator",
     "pointers = (ctypes.c_void_p * 3)(xs.ctypes.data, ys.ctypes.data, sums.ctypes.data)", "3 -> 4"):
        "the program of the self-test has three buffers: nothing reads a fourth pointer",
    ("tracer/ops/comparison.py", "module",
     'left_shift = _integral("LeftShift", np.left_shift, "shl", "y = a << b.", domain=((-40, 40), (0, 5)))', "0 -> 1"):
        "the domain from which the tests draw numbers",
    ("tracer/passes/batch_products.py", "module", "MOST_BYTES = 1 << 28", "28 -> 29"): "a limit on memory that was chosen, not derived",
}
"""File, function, line and change -> why nothing can notice it."""


def reason(fault: Fault) -> str:
    """Why a fault changes nothing; empty if it is not in the list."""
    return EQUIVALENT.get((fault.path, fault.function, fault.text, fault.what), "")

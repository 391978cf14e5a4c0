"""Compiled functions called from elsewhere: from a user's own Numba code, from C, from SciPy's integrators.

In code under `numba.njit`, a jitted function is called by its name, like a function of Numba's own:

    g = ad.jit(ad.grad(f))
    g(x)                          # once, so that there is a kernel for such arguments

    @numba.njit
    def descend(x):
        for _ in range(1000):
            x = x - 0.01 * g(x)
        return x

The arguments are arrays and numbers. Shapes that have a kernel when the Numba function is compiled are called directly; others go
through Python, which is slower and compiles a kernel for later Numba functions.
"""

from __future__ import annotations

import ctypes
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np

from codegen.once import once
from tracer.errors import UnsupportedError, explain
from tracer.tracebacks import trims
from tracer.tree import LEAF

__all__ = ["CFunction", "c_function", "register_numba"]

_C_TEXT = """
@table = external global i8
declare i32 @ad_run(ptr, ptr)
define i32 @call(ptr %arrays) {{
  %code = call i32 @ad_run(ptr @table, ptr %arrays)
  ret i32 %code
}}
define double @many(i32 %count, ptr %numbers, ptr %user) {{
  %out = alloca double
  %arrays = alloca [{slots} x ptr]
{stores}
  %last = getelementptr ptr, ptr %arrays, i64 {inputs}
  store ptr %out, ptr %last
  %code = call i32 @ad_run(ptr @table, ptr %arrays)
  %fine = icmp eq i32 %code, 0
  %y = load double, ptr %out
  %result = select i1 %fine, double %y, double 0x7FF8000000000000
  ret double %result
}}
"""


class CFunction:
    """A kernel with a C address.

    address : of `int f(void **arrays)`: pointers to the inputs' and the outputs' data, in order, each as NumPy lays out a C-contiguous
        array; the result is 0, or not if the kernel failed
    inputs, outputs : dtype and shape of each array
    """

    def __init__(self, kernel, leaves: Sequence[Any], table):
        from codegen.backends.llvm.link import link
        from codegen.cache import cached_object
        from codegen.entry import native as native_entry
        self.inputs = [(b.dtype, b.static_shape()) for b in kernel.inputs]
        self.outputs = [(b.dtype, b.static_shape()) for b in kernel.outputs]
        self._table = table
        count = len(self.inputs)
        stores = "\n".join(f"  %p{k} = getelementptr double, ptr %numbers, i64 {k}\n  %s{k} = getelementptr ptr, ptr %arrays, i64 {k}\n"
                           f"  store ptr %p{k}, ptr %s{k}" for k in range(count))
        text = _C_TEXT.format(slots=count + 1, inputs=count, stores=stores)
        self._code = link(cached_object(text), ["call", "many"],
                          {"table": table.words.ctypes.data, "ad_run": native_entry.run_address()}, [table])
        self.address = self._code.address("call")

    def low_level_callable(self):
        """A `scipy.LowLevelCallable` of a function of float64 numbers to one float64 number.

        Raises
        ------
        UnsupportedError
            If an argument or the result is anything else.
        """
        import scipy
        number = (np.dtype(np.float64), ())
        if any(x != number for x in self.inputs) or self.outputs != [number]:
            raise explain(UnsupportedError, "only a function of float64 numbers to one number has the form that SciPy calls", where=None,
                          why=f"this one takes {self.inputs} and gives {self.outputs}", fix="use `address` from C code")
        kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))
        function = kind(self._code.address("many"))
        function.owner = self  # type: ignore[attr-defined]
        return scipy.LowLevelCallable(function)


@trims
def c_function(jitted, *args) -> CFunction:
    """The C function of a jitted function, for arguments of these types and shapes.

    Parameters
    ----------
    jitted : result of `jit`
    *args : examples of the arguments

    Raises
    ------
    UnsupportedError
        Where the LLVM generator is not used.

    Examples
    --------
    >>> from scipy.integrate import quad
    >>> import autodiff as ad
    >>> import autodiff.numpy as np
    >>> density = ad.jit(lambda x: np.exp(-x * x))
    >>> area, _ = quad(ad.c_function(density, 0.0).low_level_callable(), 0.0, np.inf)
    >>> bool(abs(area - np.sqrt(np.pi) / 2) < 1e-9)
    True
    """
    entry, leaves = jitted._entry_for(args)
    if not entry.kernel.has_address:
        raise explain(UnsupportedError, f"`{jitted.name}` has no C address", where=None, why=entry.kernel.note or "it was made by Numba",
                      fix="set ad.config.generator to 'llvm'")
    if entry.recorded.effects is not None:
        raise explain(UnsupportedError, f"`{jitted.name}` changes something outside of it", where=None,
                      why="C code could not carry that out", fix="return the value instead")
    if entry.captured:
        raise explain(UnsupportedError, f"`{jitted.name}` reads arrays from outside its arguments", where=None,
                      why="C code could not hand them over", fix="pass them as arguments")
    return CFunction(entry.kernel, leaves, entry.kernel.c_table())


# -- Numba ----------------------------------------------------------------------------------------

@once
def register_numba() -> None:
    """Tell Numba what a jitted function is. Called by Numba itself, through the entry point `numba_extensions`, and by `jit` where
    Numba is imported already."""
    from numba import types
    from numba.extending import typeof_impl

    from autodiff.compiled.jitted import Jitted

    @typeof_impl.register(Jitted)
    def typeof_jitted(value, context):
        return types.Dispatcher(_dispatcher(value))


def _dispatcher(jitted):
    """The Numba function that stands for a jitted one."""
    made = jitted.__dict__.get("_numba_dispatcher")
    if made is None:
        import numba
        from numba.extending import overload

        def target(args):
            raise NotImplementedError

        @overload(target)
        def implementation(args):
            return _implementation(jitted, args)
        space = {"target": target}
        exec("def call(*args):\n    return target(args)\n", space)
        made = jitted.__dict__["_numba_dispatcher"] = numba.njit(space["call"])
    return made


class _InThisProcess:
    """A jitted function as the object code of Numba calls it.

    Numba pickles what object code refers to, and keeps the object itself where that raises this error; its older versions let other errors
    through. A copy would have kernels of its own.
    """

    __slots__ = ("jitted",)

    def __init__(self, jitted):
        self.jitted = jitted

    def __call__(self, *args):
        return self.jitted(*args)

    def __reduce__(self):
        raise pickle.PicklingError("a jitted function belongs to its process")


def _implementation(jitted, args):
    """A Python function for Numba that calls the kernels there are for arguments of these types."""
    import numba
    from numba import types
    from numba.core.errors import TypingError
    if not all(isinstance(t, (types.Array, types.Float, types.Integer, types.Boolean)) for t in args):
        raise TypingError(f"`{jitted.name}` is called with {args}; from Numba code it takes arrays and numbers")
    if not any(isinstance(t, types.Array) for t in args):
        jitted._entry_for(tuple([_zero(t) for t in args]))
    entries = [(key, e) for key, e in jitted._entries.items() if e.kernel.has_address and not e.captured and e.recorded.effects is None and
               _matches(key, args)]
    if not entries:
        raise TypingError(f"`{jitted.name}` has no kernel for {args} yet: call it once on such arguments before Numba code calls it")
    space: dict[str, Any] = {"np": np, "objmode": numba.objmode, "jitted": _InThisProcess(jitted), "ascontiguous": np.ascontiguousarray}
    out_tree = entries[0][1].recorded.out_tree
    lines = ["def implementation(args):"]
    names = [f"a{i}" for i in range(len(args))]
    for i, t in enumerate(args):
        copied = isinstance(t, types.Array) and t.layout != "C"
        lines.append(f"    a{i} = " + (f"ascontiguous(args[{i}])" if copied else f"args[{i}]"))
    for k, (key, entry) in enumerate(entries):
        if entry.recorded.out_tree != out_tree:
            continue
        shapes = [key[1][i][1] if isinstance(key[1][i], tuple) else () for i in range(len(args))]
        tests = [f"a{i}.shape == {shape!r}" for i, (t, shape) in enumerate(zip(args, shapes, strict=True)) if isinstance(t, types.Array)]
        lines.append(f"    if {' and '.join(tests) or 'True'}:")
        outputs = [(b.dtype, b.static_shape()) for b in entry.kernel.outputs]
        space[f"run{k}"] = _kernel_intrinsic(entry.kernel.c_table(), [(d, s) for d, s in outputs])
        made = [f"o{j}" for j, (_, s) in enumerate(outputs) if s]
        for j, (d, s) in enumerate(outputs):
            if s:
                space[f"d{k}_{j}"] = numba.from_dtype(d)
                lines.append(f"        o{j} = np.empty({s!r}, d{k}_{j})")
        lines.append(f"        code, numbers = run{k}(({', '.join([*names, *made])},))")
        lines += ["        if code != 0:", "            raise IndexError('index out of bounds in a compiled function')"]
        numbers = iter(range(len(outputs)))
        results = [f"o{j}" if s else f"numbers[{next(numbers)}]" for j, (_, s) in enumerate(outputs)]
        lines.append(f"        return {_result(out_tree, iter(results))}")
    first = entries[0][1].kernel.outputs
    space["result_type"] = _result_type(out_tree, iter([types.Array(numba.from_dtype(b.dtype), len(b.shape), "C") if b.shape
                                                        else numba.from_dtype(b.dtype) for b in first]))
    lines += ["    with objmode(out=result_type):", f"        out = jitted({', '.join(names)})", "    return out"]
    exec("\n".join(lines) + "\n", space)
    return space["implementation"]


def _zero(t):
    from numba import types
    return 0.0 if isinstance(t, types.Float) else (False if isinstance(t, types.Boolean) else 0)


def _matches(key, args) -> bool:
    """Whether a signature is one of arguments of these Numba types, in some shape."""
    import numba
    from numba import types
    tree, leaves, statics, positional, _ = key
    if statics or not positional or tree != ("tuple", (LEAF,) * len(args)):
        return False
    for leaf, t in zip(leaves, args, strict=True):
        dtype, shape = leaf if isinstance(leaf, tuple) else (np.dtype(leaf), ())
        if isinstance(t, types.Array):
            if t.dtype != numba.from_dtype(dtype) or t.ndim != len(shape):
                return False
        elif shape or t != numba.from_dtype(dtype):
            return False
    return True


def _result(tree, leaves) -> str:
    """The expression of a result."""
    if tree == LEAF:
        return next(leaves)
    if tree is None:
        return "None"
    if tree[0] not in ("tuple", "list"):
        from numba.core.errors import TypingError
        raise TypingError(f"a result that is a {tree[0]} cannot be handed to Numba code")
    return "(" + "".join(f"{_result(t, leaves)}, " for t in tree[1]) + ")"


def _result_type(tree, leaves):
    from numba import types
    if tree == LEAF:
        return next(leaves)
    return types.none if tree is None else types.Tuple([_result_type(t, leaves) for t in tree[1]])


def _kernel_intrinsic(table, outputs):
    """run(arrays and numbers) -> (code, numbers): a kernel called with the addresses of its operands."""
    import numba
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    from codegen.entry import native as native_entry
    address, words = native_entry.run_address(), table.words.ctypes.data

    @intrinsic
    def run(typing, operands):
        scalars = [numba.from_dtype(d) for d, s in outputs if not s]
        result = types.Tuple([types.int32, types.Tuple(scalars)])

        def build(context, builder, signature, args):
            pointer, words64 = ir.IntType(8).as_pointer(), ir.IntType(64)
            values = cgutils.unpack_tuple(builder, args[0])
            kinds = list(signature.args[0])
            given = len(kinds) - sum(1 for _, s in outputs if s)
            arrays = iter(values[given:])
            places = []
            for v, t in zip(values[:given], kinds[:given], strict=True):
                if isinstance(t, types.Array):
                    places.append(context.make_array(t)(context, builder, v).data)
                else:
                    stored = context.get_value_as_data(builder, t, v)
                    places.append(cgutils.alloca_once_value(builder, stored))
            made = []
            array_types = iter(kinds[given:])
            for d, s in outputs:
                if s:
                    places.append(context.make_array(next(array_types))(context, builder, next(arrays)).data)
                else:
                    made.append((numba.from_dtype(d), cgutils.alloca_once(builder, context.get_data_type(numba.from_dtype(d)))))
                    places.append(made[-1][1])
            table_of_places = cgutils.alloca_once(builder, pointer, size=max(1, len(places)))
            for k, place in enumerate(places):
                builder.store(builder.bitcast(place, pointer), builder.gep(table_of_places, [ir.Constant(words64, k)]))
            function = ir.FunctionType(ir.IntType(32), [pointer, pointer.as_pointer()])
            call = builder.inttoptr(ir.Constant(words64, address), function.as_pointer())
            code = builder.call(call, [builder.inttoptr(ir.Constant(words64, words), pointer), table_of_places])
            numbers = [context.data_model_manager[t].from_data(builder, builder.load(p)) for t, p in made]
            packed = context.make_tuple(builder, types.Tuple(scalars), numbers)
            return context.make_tuple(builder, result, [code, packed])
        return result(operands), build
    run._table = table  # the machine code refers to it
    return run

"""Functions written in C that call other functions back, as Python functions.

C code cannot be captured, and what it calls back from inside would not be captured either. Each function here does what the C function of
its name does, by the equivalent that Python's or NumPy's documentation gives. It is captured like a function of the user's
(`autodiff.capture.excluded`), so that the functions it is given are captured when it calls them, and its loops become part of the graph.

`FUNCTIONS` and `OBJECTS` say what stands for what. Iterators that C code makes (`map`, `itertools`) are not here: they stay Python's, with
callbacks that are captured (`autodiff.capture.handlers`).
"""

from __future__ import annotations

import bisect
import functools
import heapq
import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["FUNCTIONS", "ITERATORS", "OBJECTS", "TAKE_TESTS", "largest", "product", "smallest", "total"]

_MISSING = object()


# -- builtins, functools ---------------------------------------------------------------------------

def total(iterable: Any, /, start: Any = 0) -> Any:
    """`sum` of objects."""
    result = start
    for x in iterable:
        result = result + x
    return result


def product(iterable: Any, /, *, start: Any = 1) -> Any:
    """`math.prod` of objects."""
    result = start
    for x in iterable:
        result = result * x
    return result


def smallest(iterable: Any, key: Callable) -> Any:
    """`min` with a key: the first element whose key is least."""
    best: Any = _MISSING
    least: Any = _MISSING
    for x in iterable:
        k = key(x)
        if best is _MISSING or k < least:
            best, least = x, k
    return best


def largest(iterable: Any, key: Callable) -> Any:
    """`max` with a key: the first element whose key is greatest."""
    best: Any = _MISSING
    most: Any = _MISSING
    for x in iterable:
        k = key(x)
        if best is _MISSING or k > most:
            best, most = x, k
    return best


def reduced(function: Callable, iterable: Any, initial: Any = _MISSING, /) -> Any:
    """`functools.reduce`."""
    if initial is _MISSING:
        if isinstance(iterable, (np.ndarray, list, tuple)) and len(iterable):
            value, elements = iterable[0], iterable[1:]
        else:
            elements = iter(iterable)
            try:
                value = next(elements)
            except StopIteration:
                raise TypeError("reduce() of empty iterable with no initial value") from None
    else:
        value, elements = initial, iterable
    for x in elements:
        value = function(value, x)
    return value


def _chained(iterables: Any) -> Any:
    """`itertools.chain.from_iterable`."""
    for iterable in iterables:
        yield from iterable


def _groups(iterable: Any, key: Callable | None = None) -> Any:
    """`itertools.groupby`; a group is complete when it is handed out."""
    group: list = []
    last: Any = _MISSING
    for x in iterable:
        k = x if key is None else key(x)
        if group and not k == last:
            yield last, iter(group)
            group = []
        last = k
        group.append(x)
    if group:
        yield last, iter(group)


def _key_of_comparison(mycmp: Callable) -> type:
    """`functools.cmp_to_key`."""
    class Key:
        __slots__ = ("obj",)

        def __init__(self, obj: Any):
            self.obj = obj

        def __lt__(self, other: Any) -> Any:
            return mycmp(self.obj, other.obj) < 0
    return Key


# -- operator: what each does is the operator of the language --------------------------------------

def _inplace_add(a: Any, b: Any) -> Any:
    a += b
    return a


def _inplace_subtract(a: Any, b: Any) -> Any:
    a -= b
    return a


def _inplace_multiply(a: Any, b: Any) -> Any:
    a *= b
    return a


def _inplace_divide(a: Any, b: Any) -> Any:
    a /= b
    return a


def _inplace_power(a: Any, b: Any) -> Any:
    a **= b
    return a


def _inplace_matmul(a: Any, b: Any) -> Any:
    a @= b
    return a


def _set_item(a: Any, i: Any, value: Any) -> None:
    a[i] = value


def _delete_item(a: Any, i: Any) -> None:
    del a[i]


def _count_of(a: Any, b: Any) -> Any:
    """`operator.countOf`."""
    count = 0
    for x in a:
        if x is b or x == b:
            count += 1
    return count


def _index_of(a: Any, b: Any) -> Any:
    """`operator.indexOf`."""
    for i, x in enumerate(a):
        if x is b or x == b:
            return i
    raise ValueError("sequence.index(x): x not in sequence")


_OPERATORS: dict[Any, Callable] = {
    operator.add: lambda a, b: a + b, operator.sub: lambda a, b: a - b, operator.mul: lambda a, b: a * b,
    operator.truediv: lambda a, b: a / b, operator.floordiv: lambda a, b: a // b, operator.mod: lambda a, b: a % b,
    operator.pow: lambda a, b: a ** b, operator.matmul: lambda a, b: a @ b, operator.lshift: lambda a, b: a << b,
    operator.rshift: lambda a, b: a >> b, operator.and_: lambda a, b: a & b, operator.or_: lambda a, b: a | b,
    operator.xor: lambda a, b: a ^ b, operator.neg: lambda a: -a, operator.pos: lambda a: +a, operator.invert: lambda a: ~a,
    operator.abs: lambda a: abs(a), operator.lt: lambda a, b: a < b, operator.le: lambda a, b: a <= b, operator.gt: lambda a, b: a > b,
    operator.ge: lambda a, b: a >= b, operator.eq: lambda a, b: a == b, operator.ne: lambda a, b: a != b,
    operator.not_: lambda a: not a, operator.truth: lambda a: bool(a), operator.contains: lambda a, b: b in a,
    operator.concat: lambda a, b: a + b, operator.getitem: lambda a, i: a[i], operator.setitem: _set_item, operator.delitem: _delete_item,
    operator.iadd: _inplace_add, operator.isub: _inplace_subtract, operator.imul: _inplace_multiply, operator.itruediv: _inplace_divide,
    operator.ipow: _inplace_power, operator.imatmul: _inplace_matmul, operator.iconcat: _inplace_add,
    operator.is_: lambda a, b: a is b, operator.is_not: lambda a, b: a is not b, operator.countOf: _count_of, operator.indexOf: _index_of}


def _items(get: Any, x: Any) -> Any:
    """A call of `operator.itemgetter`."""
    places = get.__reduce__()[1]
    return x[places[0]] if len(places) == 1 else tuple([x[i] for i in places])


def _attributes(get: Any, x: Any) -> Any:
    """A call of `operator.attrgetter`."""
    found = []
    for path in get.__reduce__()[1]:
        y = x
        for name in path.split("."):
            y = getattr(y, name)
        found.append(y)
    return found[0] if len(found) == 1 else tuple(found)


def _called(caller: Any, x: Any) -> Any:
    """A call of `operator.methodcaller`."""
    made, given = caller.__reduce__()[:2]
    if isinstance(made, functools.partial):     # it has arguments by name
        return getattr(x, made.args[0])(*given, **made.keywords)
    name, *args = given
    return getattr(x, name)(*args)


# -- bisect, heapq ---------------------------------------------------------------------------------

def _numbers(a: Any) -> Any:
    """A list of numbers as an array, which can be read at a traced position."""
    return np.array(a) if isinstance(a, (list, tuple)) and len(a) and all([isinstance(x, (int, float, np.number)) for x in a]) else a


def _bisect_left(a: Any, x: Any, lo: int = 0, hi: int | None = None, *, key: Callable | None = None) -> Any:
    """`bisect.bisect_left`."""
    a = _numbers(a)
    low, high = lo, len(a) if hi is None else hi
    while low < high:
        middle = (low + high) // 2
        if (a[middle] if key is None else key(a[middle])) < x:
            low = middle + 1
        else:
            high = middle
    return low


def _bisect_right(a: Any, x: Any, lo: int = 0, hi: int | None = None, *, key: Callable | None = None) -> Any:
    """`bisect.bisect_right`."""
    a = _numbers(a)
    low, high = lo, len(a) if hi is None else hi
    while low < high:
        middle = (low + high) // 2
        if x < (a[middle] if key is None else key(a[middle])):
            high = middle
        else:
            low = middle + 1
    return low


def _insort_left(a: Any, x: Any, lo: int = 0, hi: int | None = None, *, key: Callable | None = None) -> None:
    """`bisect.insort_left`."""
    a.insert(_bisect_left(a, x if key is None else key(x), lo, hi, key=key), x)


def _insort_right(a: Any, x: Any, lo: int = 0, hi: int | None = None, *, key: Callable | None = None) -> None:
    """`bisect.insort_right`."""
    a.insert(_bisect_right(a, x if key is None else key(x), lo, hi, key=key), x)


def _push(heap: list, item: Any) -> None:
    """`heapq.heappush`."""
    heap.append(item)
    _towards_root(heap, 0, len(heap) - 1)


def _pop(heap: list) -> Any:
    """`heapq.heappop`."""
    last = heap.pop()
    if not heap:
        return last
    first = heap[0]
    heap[0] = last
    _towards_leaves(heap, 0)
    return first


def _replace(heap: list, item: Any) -> Any:
    """`heapq.heapreplace`."""
    first = heap[0]
    heap[0] = item
    _towards_leaves(heap, 0)
    return first


def _push_pop(heap: list, item: Any) -> Any:
    """`heapq.heappushpop`."""
    if heap and heap[0] < item:
        item, heap[0] = heap[0], item
        _towards_leaves(heap, 0)
    return item


def _heapify(heap: list) -> None:
    """`heapq.heapify`."""
    for i in reversed(range(len(heap) // 2)):
        _towards_leaves(heap, i)


def _towards_root(heap: list, start: int, place: int) -> None:
    """Move an item towards the root of a heap to its place."""
    item = heap[place]
    while place > start:
        above = (place - 1) >> 1
        if not item < heap[above]:
            break
        heap[place] = heap[above]
        place = above
    heap[place] = item


def _towards_leaves(heap: list, place: int) -> None:
    """Move an item to a leaf, the smaller child up at each step, and from there towards the root to its place."""
    end, start, item = len(heap), place, heap[place]
    child = 2 * place + 1
    while child < end:
        if child + 1 < end and not heap[child] < heap[child + 1]:
            child += 1
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = item
    _towards_root(heap, start, place)


# -- math ------------------------------------------------------------------------------------------

def _sum_of_products(p: Any, q: Any, /) -> Any:
    """`math.sumprod`."""
    return math.fsum([x * y for x, y in zip(p, q, strict=True)])


# -- NumPy -----------------------------------------------------------------------------------------

def _from_iterator(iter: Any, dtype: Any, count: int = -1, **more: Any) -> Any:  # noqa: A002
    """`numpy.fromiter`."""
    values = list(iter) if count < 0 else list(itertools.islice(iter, count))
    if len(values) < count:
        raise ValueError(f"iterator too short: Expected {count} but iterator had only {len(values)} items.")
    return np.array(values, dtype) if values else np.zeros(0, dtype)


def _from_function(function: Callable, shape: Any, *, dtype: Any = float, like: Any = None, **kwargs: Any) -> Any:
    """`numpy.fromfunction`."""
    return function(*np.indices(shape, dtype=dtype), **kwargs)


def _along_axis(func1d: Callable, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """`numpy.apply_along_axis`."""
    x = np.moveaxis(np.asarray(arr), axis, -1)
    around = x.shape[:-1]
    rows = np.reshape(x, (math.prod(around), x.shape[-1]))
    results = []
    for row in rows:
        results.append(np.asarray(func1d(row, *args, **kwargs)))
    y = np.stack(results)
    y = np.reshape(y, (*around, *y.shape[1:]))
    place = axis % (len(around) + 1)
    for k in range(len(y.shape) - len(around)):
        y = np.moveaxis(y, len(around) + k, place + k)
    return y


def _over_axes(func: Callable, a: Any, axes: Any) -> Any:
    """`numpy.apply_over_axes`."""
    x = np.asarray(a)
    rank = x.ndim
    for axis in ([axes] if isinstance(axes, int) else axes):
        axis = axis + rank if axis < 0 else axis
        y = func(x, axis)
        x = y if y.ndim == x.ndim else np.expand_dims(y, axis)
    return x


def _vectorized(f: Any, *args: Any, **kwargs: Any) -> Any:
    """A call of `numpy.vectorize`: of the function on each element of the broadcast arguments."""
    if f.signature is not None:
        raise NotImplementedError("numpy.vectorize with a signature, given traced values")
    names = [n for n in kwargs if n not in f.excluded]
    places = [k for k in range(len(args)) if k not in f.excluded]
    given = [np.asarray(args[k]) for k in places] + [np.asarray(kwargs[n]) for n in names]
    spread = np.broadcast_arrays(*given) if len(given) > 1 else given
    shape = spread[0].shape
    columns = [np.reshape(x, (math.prod(shape),)) for x in spread]
    results = []
    for elements in zip(*columns):
        positional, named = list(args), dict(kwargs)
        for k, x in zip(places, elements):
            positional[k] = x
        for n, x in zip(names, elements[len(places):]):
            named[n] = x
        results.append(f.pyfunc(*positional, **named))
    if not results:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    if isinstance(results[0], tuple):
        return tuple([_column(results, k, shape, f.otypes) for k in range(len(results[0]))])
    return _typed(np.array(results), shape, f.otypes, 0)


def _column(results: list, k: int, shape: tuple, types: Any) -> Any:
    return _typed(np.array([row[k] for row in results]), shape, types, k)


def _typed(x: Any, shape: tuple, types: Any, k: int) -> Any:
    x = np.reshape(x, shape)
    return x.astype(types[k]) if types else x


# -- tables ----------------------------------------------------------------------------------------

FUNCTIONS: dict[Any, Callable] = {
    **_OPERATORS, functools.reduce: reduced, functools.cmp_to_key: _key_of_comparison,
    itertools.chain.from_iterable: _chained, itertools.groupby: _groups,
    bisect.bisect_left: _bisect_left, bisect.bisect_right: _bisect_right,
    bisect.insort_left: _insort_left, bisect.insort_right: _insort_right,
    heapq.heappush: _push, heapq.heappop: _pop, heapq.heapreplace: _replace, heapq.heappushpop: _push_pop, heapq.heapify: _heapify,
    **({math.sumprod: _sum_of_products} if hasattr(math, "sumprod") else {}),
    np.fromiter: _from_iterator, np.fromfunction: _from_function, np.apply_along_axis: _along_axis, np.apply_over_axes: _over_axes}
"""Functions, and what is called in their place where a traced value can reach them."""
OBJECTS: dict[type, Callable] = {operator.itemgetter: _items, operator.attrgetter: _attributes, operator.methodcaller: _called,
                                 np.vectorize: _vectorized}
"""Classes whose objects are called, and what is called in their place, with the object first."""
ITERATORS: dict[Any, tuple[int, ...]] = {
    map: (0,), filter: (0,), zip: (), enumerate: (), iter: (), list: (), tuple: (), set: (), frozenset: (), reversed: (),
    itertools.accumulate: (1,), itertools.starmap: (0,), itertools.takewhile: (0,), itertools.dropwhile: (0,),
    itertools.filterfalse: (0,), itertools.chain: (), itertools.islice: (),
    itertools.cycle: (), itertools.zip_longest: (), itertools.product: (), itertools.combinations: (), itertools.permutations: (),
    itertools.combinations_with_replacement: (), itertools.compress: (), itertools.pairwise: (), itertools.tee: ()}
"""Functions that go through their arguments, and the places of those that they call."""
TAKE_TESTS = {filter, itertools.takewhile, itertools.dropwhile, itertools.filterfalse}
"""Those that ask whether what they called gave something true."""

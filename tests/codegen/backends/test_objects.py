"""Objects that are loaded without LLVM behave as those that LLVM loads, and what the loader does not know it refuses."""

import ctypes
import gc
import struct

import pytest

from codegen.backends.llvm import link, objects
from codegen.backends.llvm.compiler import compile_object, linked_by_llvm
from codegen.backends.llvm.objects import NotLoadable, loaded

pytestmark = pytest.mark.skipif(not objects._is_known_system(), reason="LLVM loads objects here")

TEXT = """
@counter = internal global i64 40, align 8
@fresh = internal global [100 x double] zeroinitializer, align 64
@table = internal constant [3 x double] [double 2.0, double 3.0, double 5.0], align 32
@vector = internal constant [9 x i8] c"somewhere", align 1

declare double @cos(double)
declare double @given(double)

define i64 @count() {
  %old = load i64, ptr @counter
  %new = add i64 %old, 1
  store i64 %new, ptr @counter
  ret i64 %new
}

define double @read(i64 %k) {
  %p = getelementptr double, ptr @table, i64 %k
  %x = load double, ptr %p
  %q = getelementptr double, ptr @fresh, i64 %k
  %before = load double, ptr %q
  store double %x, ptr %q
  %sum = fadd double %x, %before
  ret double %sum
}

define double @outside(double %x) {
  %c = call double @cos(double %x)
  %g = call double @given(double %c)
  ret double %g
}

define double @choose(i32 %k) {
  switch i32 %k, label %other [i32 0, label %a
                               i32 1, label %b
                               i32 2, label %c
                               i32 3, label %d
                               i32 4, label %e]
a:
  ret double 0.5
b:
  ret double 1.5
c:
  ret double 2.25
d:
  ret double 3.125
e:
  ret double 4.75
other:
  ret double -1.0
}
"""
NAMES = ["count", "read", "outside", "choose"]


@ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
def _twice(x):
    return 2 * x


IMPORTS = {"given": ctypes.cast(_twice, ctypes.c_void_p).value}


def _results(addresses):
    number, real = ctypes.CFUNCTYPE(ctypes.c_int64), ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)
    count, read = number(addresses["count"]), real(addresses["read"])
    outside = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(addresses["outside"])
    choose = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int32)(addresses["choose"])
    return [count(), count(), read(0), read(0), read(2), outside(0.0), *[choose(k) for k in range(7)]]


def test_the_same_as_llvm():
    code = compile_object(TEXT)
    ours, (theirs, keep) = loaded(code, IMPORTS), linked_by_llvm(code, NAMES, IMPORTS)
    want = [41, 42, 2.0, 4.0, 5.0, 2.0, 0.5, 1.5, 2.25, 3.125, 4.75, -1.0, -1.0]
    assert _results(ours.addresses) == _results(theirs) == want
    del keep


def test_each_loading_has_its_own_variables():
    code = compile_object(TEXT)
    first, second = loaded(code, IMPORTS), loaded(code, IMPORTS)
    assert _results(first.addresses)[:2] == _results(second.addresses)[:2] == [41, 42]


def test_a_name_that_is_nowhere():
    code = compile_object(TEXT.replace("@given", "@ad_given_nowhere"))
    with pytest.raises(RuntimeError, match="`ad_given_nowhere`"):
        loaded(code, {})


def test_what_is_not_known_is_refused():
    code = compile_object(TEXT)
    for offset, changed in ((0, b"x"), (18, struct.pack("<H", 183)), (16, struct.pack("<H", 3))):      # no ELF; ARM; a shared library
        with pytest.raises(NotLoadable):
            loaded(code[:offset] + changed + code[offset + len(changed):], IMPORTS)
    relocations = next(s for s in objects._sections(code) if s.type == 4)
    kind = relocations.offset + 8
    with pytest.raises(NotLoadable, match="relocation of kind 2,"):
        loaded(code[:kind] + struct.pack("<I", 2) + code[kind + 4:], IMPORTS)


def test_llvm_loads_what_this_loader_refuses(monkeypatch):
    def refuse(code, imports):
        raise NotLoadable("not here")
    monkeypatch.setattr(link, "loaded", refuse)
    made = link.link(compile_object(TEXT), NAMES, IMPORTS)
    assert _results({name: made.address(name) for name in NAMES})[0] == 41


def test_memory_is_given_back():
    code = compile_object(TEXT)

    def mapped() -> int:
        with open("/proc/self/maps", encoding="ascii") as f:
            return sum("r-xp" in line for line in f)
    held = [loaded(code, IMPORTS) for _ in range(5)]
    before = mapped()
    held += [loaded(code, IMPORTS) for _ in range(50)]
    assert all(x.addresses for x in held)
    del held
    gc.collect()
    assert mapped() < before + 25   # other threads of the tests may map a few of their own

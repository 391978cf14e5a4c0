"""The call from Python to a compiled kernel, itself compiled: one builtin function for all kernels, driven by tables.

A jitted function holds a chain of signature tables. A call takes the leaves out of the arguments (`accesses`), compares types, dtypes
and shapes with the table, makes the results, lends the arena, runs the kernel and packs the results (`builds`), without Python code
in the way. Where nothing fits, the Python function given as `fallback` is called with the same arguments; so is it on any machine
where `available()` says no: the entry relies on the layout of CPython's and NumPy's objects, which a self-test checks first.

The layouts: PEP 620 and the C structs in NumPy's public headers (PyArrayObject_fields: data, nd, dimensions, strides, base, descr,
flags), stable since NumPy 1.7.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from codegen.backends.llvm.layout import NO_MEMORY
from codegen.backends.llvm.link import Linked, link
from codegen.once import once

__all__ = ["Signature", "NativeFunction", "Word", "Item", "word_offset", "available", "why_not", "run_address"]

# Words of a signature table.
(NEXT, NARGS, ACCESSES, ACCESS_TABLE, LEAVES, LEAF_TABLE, OUTPUTS, OUTPUT_TABLE, KERNEL, PARAMETERS, ARENA_SIZE, ARENA, BUILDS, BUILD_TABLE,
 RELEASE, HITS, HANDLER, ENTER, WORDS) = range(19)
# Words of the tables' rows.
ACCESS_ROW, LEAF_ROW, OUTPUT_ROW, BUILD_ROW, WATCH_ROW = 4, 6, 7, 3, 3
GET_DICT, GET_TUPLE, GET_LIST, IS_SEQUENCE, IS_DICT, IS_OBJECT, IS_TYPE = range(7)
ARRAY, FLOAT, INT, BOOL, SCALAR = range(5)
MAKE_ARRAY, MAKE_SCALAR, MAKE_POOLED, MAKE_SAME, MAKE_DONATED = range(5)
BUILD_TUPLE, BUILD_LIST, BUILD_DICT, BUILD_OBJECT, BUILD_CALL = range(5)

_DATA, _ND, _DIMS, _DESCR, _FLAGS = 16, 24, 32, 56, 64
_READY = 0x1 | 0x100  # NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED


def _field(name: str, base: str, word: int, kind: str = "ptr") -> str:
    return f"  %{name}.at = getelementptr i64, ptr {base}, i64 {word}\n  %{name} = load {kind}, ptr %{name}.at\n"


def _byte(name: str, base: str, offset: int, kind: str = "ptr") -> str:
    return f"  %{name}.at = getelementptr i8, ptr {base}, i64 {offset}\n  %{name} = load {kind}, ptr %{name}.at\n"


def _text() -> str:
    """The IR of the entry. Blocks are in the order in which a call goes through them."""
    items = tuple.__basicsize__
    return f"""
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare i32 @PyObject_RichCompareBool(ptr, ptr, i32)
declare void @PyErr_Clear()
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyErr_Occurred()
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyTuple_New(i64)
declare ptr @PyList_New(i64)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @ad_new_array(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare ptr @PyErr_NoMemory()
@ad_dict = external global i8
@ad_array = external global i8
@ad_float = external global i8
@ad_int = external global i8
@ad_bool = external global i8
@ad_true = external global i8
@ad_false = external global i8

define ptr @ad_call(ptr %self, ptr %args, i64 %nargs) #0 {{
entry:
{_byte("record", "%self", _DATA)}{_field("head", "%record", 0)}{_field("fallback", "%record", 1)}{_field("room", "%record", 2, "i64")}\
  %slots = alloca ptr, i64 %room
  %pointers = alloca ptr, i64 %room
  %cells = alloca i64, i64 %room
  %made = alloca ptr, i64 %room
  %objects = alloca ptr, i64 %room
  %walked = alloca i64
  %keyp = alloca ptr
{_field("watch", "%record", 3)}  %nowatch = icmp eq ptr %watch, null
  br i1 %nowatch, label %try, label %watching
watching:
  %wn = load i64, ptr %watch
  br label %watched
watched:
  %w = phi i64 [0, %watching], [%w1, %unchanged]
  %wrow = mul i64 %w, {WATCH_ROW}
  %wrow1 = add i64 %wrow, 1
  %wp = getelementptr i64, ptr %watch, i64 %wrow1
  %wplace = load ptr, ptr %wp
{_field("wkey", "%wp", 1)}{_field("wwant", "%wp", 2)}  %isword = icmp eq ptr %wkey, null
  br i1 %isword, label %word, label %dictitem
word:
  %wword = load ptr, ptr %wplace
  br label %compared
dictitem:
  %witem = call ptr @PyDict_GetItemWithError(ptr %wplace, ptr %wkey)
  br label %compared
compared:
  %wnow = phi ptr [%wword, %word], [%witem, %dictitem]
  %wsame = icmp eq ptr %wnow, %wwant
  br i1 %wsame, label %unchanged, label %changed
changed:
  call void @PyErr_Clear()
  br label %slow
unchanged:
  %w1 = add i64 %w, 1
  %wmore = icmp slt i64 %w1, %wn
  br i1 %wmore, label %watched, label %try
try:
  %s = phi ptr [%head, %entry], [%head, %unchanged], [%following, %miss]
  %none = icmp eq ptr %s, null
  br i1 %none, label %slow, label %count
slow:
  %sr = call ptr @PyObject_Vectorcall(ptr %fallback, ptr %args, i64 %nargs, ptr null)
  ret ptr %sr
miss:
{_field("following", "%s", NEXT)}  br label %try
count:
{_field("want", "%s", NARGS, "i64")}  %fits = icmp eq i64 %want, %nargs
  br i1 %fits, label %copy, label %miss
copy:
  %any = icmp ne i64 %nargs, 0
  br i1 %any, label %copying, label %accesses
copying:
  %c = phi i64 [0, %copy], [%c1, %copying]
  %cf = getelementptr ptr, ptr %args, i64 %c
  %co = load ptr, ptr %cf
  %ct = getelementptr ptr, ptr %slots, i64 %c
  store ptr %co, ptr %ct
  %c1 = add i64 %c, 1
  %cm = icmp slt i64 %c1, %nargs
  br i1 %cm, label %copying, label %accesses

accesses:
{_field("accessn", "%s", ACCESSES, "i64")}{_field("accesst", "%s", ACCESS_TABLE)}  %asome = icmp ne i64 %accessn, 0
  br i1 %asome, label %access, label %leaves
access:
  %a = phi i64 [0, %accesses], [%a1, %accessed]
  %d = phi i64 [%nargs, %accesses], [%d1, %accessed]
  %arow = mul i64 %a, {ACCESS_ROW}
  %ap = getelementptr i64, ptr %accesst, i64 %arow
  %akind = load i64, ptr %ap
{_field("asource", "%ap", 1, "i64")}{_field("awhat", "%ap", 2)}{_field("aindex", "%ap", 3, "i64")}\
  %asp = getelementptr ptr, ptr %slots, i64 %asource
  %ao = load ptr, ptr %asp
{_byte("atype", "%ao", 8)}{_byte("asize", "%ao", 16, "i64")}\
  switch i64 %akind, label %miss [i64 {GET_DICT}, label %get_dict
                                  i64 {GET_TUPLE}, label %get_tuple
                                  i64 {GET_LIST}, label %get_list
                                  i64 {IS_SEQUENCE}, label %is_sequence
                                  i64 {IS_DICT}, label %is_dict
                                  i64 {IS_OBJECT}, label %is_object
                                  i64 {IS_TYPE}, label %is_type]
get_dict:
  %di = call ptr @PyDict_GetItemWithError(ptr %ao, ptr %awhat)
  %dn = icmp eq ptr %di, null
  br i1 %dn, label %absent, label %got
absent:
  call void @PyErr_Clear()
  br label %miss
get_tuple:
  %tb = getelementptr i8, ptr %ao, i64 {items}
  %tp = getelementptr ptr, ptr %tb, i64 %aindex
  %ti = load ptr, ptr %tp
  br label %got
get_list:
{_byte("lb", "%ao", 24)}  %lp = getelementptr ptr, ptr %lb, i64 %aindex
  %li = load ptr, ptr %lp
  br label %got
got:
  %item = phi ptr [%di, %get_dict], [%ti, %get_tuple], [%li, %get_list]
  %gp = getelementptr ptr, ptr %slots, i64 %d
  store ptr %item, ptr %gp
  %gd = add i64 %d, 1
  br label %accessed
is_sequence:
  %st = icmp eq ptr %atype, %awhat
  %sn = icmp eq i64 %asize, %aindex
  %sy = and i1 %st, %sn
  br i1 %sy, label %accessed, label %miss
is_dict:
  %dt = icmp eq ptr %atype, @ad_dict
  %dz = icmp eq i64 %asize, %aindex
  %dy = and i1 %dt, %dz
  store i64 0, ptr %walked
  br i1 %dy, label %keys, label %miss
keys:
  %kn = phi i64 [0, %is_dict], [%kn1, %same_key]
  %km = icmp slt i64 %kn, %aindex
  br i1 %km, label %key, label %accessed
key:
  %kx = call i32 @PyDict_Next(ptr %ao, ptr %walked, ptr %keyp, ptr null)
  %kthere = icmp ne i32 %kx, 0
  br i1 %kthere, label %compare_key, label %miss
compare_key:
  %ko = load ptr, ptr %keyp
  %kwp = getelementptr ptr, ptr %awhat, i64 %kn
  %kw = load ptr, ptr %kwp
  %ke = call i32 @PyObject_RichCompareBool(ptr %ko, ptr %kw, i32 2)
  %kfailed = icmp slt i32 %ke, 0
  %ksame = icmp eq i32 %ke, 1
  br i1 %ksame, label %same_key, label %other_key
other_key:
  br i1 %kfailed, label %absent, label %miss
same_key:
  %kn1 = add i64 %kn, 1
  br label %keys
is_object:
  %oy = icmp eq ptr %ao, %awhat
  br i1 %oy, label %accessed, label %miss
is_type:
  %ty = icmp eq ptr %atype, %awhat
  br i1 %ty, label %accessed, label %miss
accessed:
  %d1 = phi i64 [%gd, %got], [%d, %is_sequence], [%d, %keys], [%d, %is_object], [%d, %is_type]
  %a1 = add i64 %a, 1
  %am = icmp slt i64 %a1, %accessn
  br i1 %am, label %access, label %leaves

leaves:
{_field("leafn", "%s", LEAVES, "i64")}{_field("leaft", "%s", LEAF_TABLE)}  %lsome = icmp ne i64 %leafn, 0
  br i1 %lsome, label %leaf, label %outputs
leaf:
  %l = phi i64 [0, %leaves], [%l1, %found]
  %lrow = mul i64 %l, {LEAF_ROW}
  %lq = getelementptr i64, ptr %leaft, i64 %lrow
  %lkind = load i64, ptr %lq
{_field("lsource", "%lq", 1, "i64")}{_field("lwhat", "%lq", 2)}\
  %lsp = getelementptr ptr, ptr %slots, i64 %lsource
  %lheld = icmp slt i64 %lsource, 0
  br i1 %lheld, label %held, label %given
held:
{_field("lobject", "%lq", 5)}  br label %object
given:
  %lslot = load ptr, ptr %lsp
  br label %object
object:
  %lo = phi ptr [%lobject, %held], [%lslot, %given]
{_byte("ltype", "%lo", 8)}\
  %lcell = getelementptr i64, ptr %cells, i64 %l
  switch i64 %lkind, label %miss [i64 {ARRAY}, label %array
                                  i64 {FLOAT}, label %float
                                  i64 {INT}, label %int
                                  i64 {BOOL}, label %bool
                                  i64 {SCALAR}, label %scalar]
array:
  %isarray = icmp eq ptr %ltype, @ad_array
  br i1 %isarray, label %layout, label %miss
layout:
{_byte("descr", "%lo", _DESCR)}{_byte("nd", "%lo", _ND, "i32")}{_byte("flags", "%lo", _FLAGS, "i32")}{_byte("dims", "%lo", _DIMS)}\
{_byte("data", "%lo", _DATA)}{_field("wantnd", "%lq", 3, "i64")}{_field("wantdims", "%lq", 4)}\
  %ready = and i32 %flags, {_READY}
  %y1 = icmp eq ptr %descr, %lwhat
  %y2 = icmp eq i32 %ready, {_READY}
  %nd64 = sext i32 %nd to i64
  %y3 = icmp eq i64 %nd64, %wantnd
  %y12 = and i1 %y1, %y2
  %y123 = and i1 %y12, %y3
  br i1 %y123, label %shape, label %miss
shape:
  %axes = icmp ne i64 %wantnd, 0
  br i1 %axes, label %axis, label %found
axis:
  %x = phi i64 [0, %shape], [%x1, %axisok]
  %hasp = getelementptr i64, ptr %dims, i64 %x
  %has = load i64, ptr %hasp
  %mustp = getelementptr i64, ptr %wantdims, i64 %x
  %must = load i64, ptr %mustp
  %same = icmp eq i64 %has, %must
  br i1 %same, label %axisok, label %miss
axisok:
  %x1 = add i64 %x, 1
  %xm = icmp slt i64 %x1, %wantnd
  br i1 %xm, label %axis, label %found
float:
  %isfloat = icmp eq ptr %ltype, @ad_float
  %fdata = getelementptr i8, ptr %lo, i64 16
  br i1 %isfloat, label %found, label %miss
int:
  %isint = icmp eq ptr %ltype, @ad_int
  br i1 %isint, label %whole, label %miss
whole:
  %iv = call i64 @PyLong_AsLongLong(ptr %lo)
  store i64 %iv, ptr %lcell
  %minus = icmp eq i64 %iv, -1
  br i1 %minus, label %perhaps, label %found
perhaps:
  %ierr = call ptr @PyErr_Occurred()
  %ibad = icmp ne ptr %ierr, null
  br i1 %ibad, label %absent, label %found
bool:
  %isbool = icmp eq ptr %ltype, @ad_bool
  %istrue = icmp eq ptr %lo, @ad_true
  %truth = zext i1 %istrue to i64
  store i64 %truth, ptr %lcell
  br i1 %isbool, label %found, label %miss
scalar:
  %isscalar = icmp eq ptr %ltype, %lwhat
  %sdata = getelementptr i8, ptr %lo, i64 16
  br i1 %isscalar, label %found, label %miss
found:
  %at = phi ptr [%data, %shape], [%data, %axisok], [%fdata, %float], [%lcell, %whole], [%lcell, %perhaps], [%lcell, %bool],
                [%sdata, %scalar]
  %lp2 = getelementptr ptr, ptr %pointers, i64 %l
  store ptr %at, ptr %lp2
  %lop = getelementptr ptr, ptr %objects, i64 %l
  store ptr %lo, ptr %lop
  %l1 = add i64 %l, 1
  %lm = icmp slt i64 %l1, %leafn
  br i1 %lm, label %leaf, label %outputs

outputs:
{_field("outn", "%s", OUTPUTS, "i64")}{_field("outt", "%s", OUTPUT_TABLE)}  %osome = icmp ne i64 %outn, 0
  br i1 %osome, label %output, label %arena
output:
  %o = phi i64 [0, %outputs], [%o1, %produced]
  %orow = mul i64 %o, {OUTPUT_ROW}
  %oq = getelementptr i64, ptr %outt, i64 %orow
  %okind = load i64, ptr %oq
{_field("owhat", "%oq", 1)}{_field("ond", "%oq", 2, "i64")}{_field("odims", "%oq", 3)}{_field("oalloc", "%oq", 4)}\
  %opool = getelementptr i64, ptr %oq, i64 5
  %opool2 = getelementptr i64, ptr %oq, i64 6
  switch i64 %okind, label %miss [i64 {MAKE_ARRAY}, label %new
                                  i64 {MAKE_SCALAR}, label %newscalar
                                  i64 {MAKE_POOLED}, label %pooled
                                  i64 {MAKE_SAME}, label %fixed
                                  i64 {MAKE_DONATED}, label %donated]
donated:
  %ondp = getelementptr ptr, ptr %objects, i64 %ond
  %gift = load ptr, ptr %ondp
  call void @Py_IncRef(ptr %gift)
  br label %havearray
fixed:
  %one = load ptr, ptr %opool
  call void @Py_IncRef(ptr %one)
  br label %havearray
pooled:
  %kept1 = load ptr, ptr %opool
  %empty1 = icmp eq ptr %kept1, null
  br i1 %empty1, label %new, label %alone
alone:
  %refs1 = load i32, ptr %kept1
  %free1 = icmp eq i32 %refs1, 1
  br i1 %free1, label %again, label %second
second:
  %kept2 = load ptr, ptr %opool2
  %empty2 = icmp eq ptr %kept2, null
  br i1 %empty2, label %new, label %alone2
alone2:
  %refs2 = load i32, ptr %kept2
  %free2 = icmp eq i32 %refs2, 1
  br i1 %free2, label %again, label %new
again:
  %kept = phi ptr [%kept1, %alone], [%kept2, %alone2]
  call void @Py_IncRef(ptr %kept)
  br label %havearray
new:
  call void @Py_IncRef(ptr %owhat)
  %nd32 = trunc i64 %ond to i32
  %fresh = call ptr @ad_new_array(ptr @ad_array, ptr %owhat, i32 %nd32, ptr %odims, ptr null, ptr null, i32 0, ptr null)
  %nofresh = icmp eq ptr %fresh, null
  br i1 %nofresh, label %undo, label %keep
keep:
  %topool = icmp eq i64 %okind, {MAKE_POOLED}
  br i1 %topool, label %swap, label %havearray
swap:
  %newer = load ptr, ptr %opool
  %oldkept = load ptr, ptr %opool2
  call void @Py_IncRef(ptr %fresh)
  store ptr %fresh, ptr %opool
  store ptr %newer, ptr %opool2
  %noold = icmp eq ptr %oldkept, null
  br i1 %noold, label %havearray, label %drop
drop:
  call void @Py_DecRef(ptr %oldkept)
  br label %havearray
havearray:
  %oa = phi ptr [%gift, %donated], [%one, %fixed], [%kept, %again], [%fresh, %keep], [%fresh, %swap], [%fresh, %drop]
{_byte("odata", "%oa", _DATA)}  br label %produced
newscalar:
  %ns = call ptr %oalloc(ptr %owhat, i64 0)
  %nons = icmp eq ptr %ns, null
  %nsdata = getelementptr i8, ptr %ns, i64 16
  br i1 %nons, label %undo, label %produced
produced:
  %oo = phi ptr [%oa, %havearray], [%ns, %newscalar]
  %od = phi ptr [%odata, %havearray], [%nsdata, %newscalar]
  %mp = getelementptr ptr, ptr %made, i64 %o
  store ptr %oo, ptr %mp
  %place = add i64 %leafn, %o
  %pp = getelementptr ptr, ptr %pointers, i64 %place
  store ptr %od, ptr %pp
  %o1 = add i64 %o, 1
  %om = icmp slt i64 %o1, %outn
  br i1 %om, label %output, label %arena

arena:
  %arenap = getelementptr i64, ptr %s, i64 {ARENA}
  %lent = atomicrmw xchg ptr %arenap, i64 0 acquire
  %nolent = icmp eq i64 %lent, 0
  %lentp = inttoptr i64 %lent to ptr
  br i1 %nolent, label %allocate, label %run
allocate:
{_field("asz", "%s", ARENA_SIZE, "i64")}  %newarena = call ptr @aligned_alloc(i64 64, i64 %asz)
  %noarena = icmp eq ptr %newarena, null
  br i1 %noarena, label %nomemory, label %run
nomemory:
  %nm = call ptr @PyErr_NoMemory()
  br label %undoall
run:
  %scratch = phi ptr [%lentp, %arena], [%newarena, %allocate]
{_field("kernel", "%s", KERNEL)}{_field("parameters", "%s", PARAMETERS)}{_field("release", "%s", RELEASE, "i64")}\
  %hitsp = getelementptr i64, ptr %s, i64 {HITS}
  %hits = load i64, ptr %hitsp
  %hits1 = add i64 %hits, 1
  store i64 %hits1, ptr %hitsp
  %long = icmp ne i64 %release, 0
  br i1 %long, label %unlocked, label %locked
locked:
  %code1 = call i32 %kernel(ptr %pointers, ptr %parameters, ptr %scratch)
  br label %ran
unlocked:
  br i1 %lsome, label %hold, label %unlock
hold:
  %h = phi i64 [0, %unlocked], [%h1, %hold]
  %hp = getelementptr ptr, ptr %objects, i64 %h
  %ho = load ptr, ptr %hp
  call void @Py_IncRef(ptr %ho)
  %h1 = add i64 %h, 1
  %hm = icmp slt i64 %h1, %leafn
  br i1 %hm, label %hold, label %unlock
unlock:
  %thread = call ptr @PyEval_SaveThread()
  %code2 = call i32 %kernel(ptr %pointers, ptr %parameters, ptr %scratch)
  call void @PyEval_RestoreThread(ptr %thread)
  br i1 %lsome, label %letgo, label %ran
letgo:
  %r = phi i64 [0, %unlock], [%r1, %letgo]
  %rop = getelementptr ptr, ptr %objects, i64 %r
  %ro = load ptr, ptr %rop
  call void @Py_DecRef(ptr %ro)
  %r1 = add i64 %r, 1
  %rm = icmp slt i64 %r1, %leafn
  br i1 %rm, label %letgo, label %ran
ran:
  %code = phi i32 [%code1, %locked], [%code2, %unlock], [%code2, %letgo]
  %scratchi = ptrtoint ptr %scratch to i64
  %other = atomicrmw xchg ptr %arenap, i64 %scratchi release
  %surplus = icmp ne i64 %other, 0
  br i1 %surplus, label %giveup, label %judge
giveup:
  %otherp = inttoptr i64 %other to ptr
  call void @free(ptr %otherp)
  br label %judge
judge:
  %failed = icmp ne i32 %code, 0
  br i1 %failed, label %raise, label %builds
raise:
{_field("handler", "%s", HANDLER)}  %code64 = sext i32 %code to i64
  %pycode = call ptr @PyLong_FromLongLong(i64 %code64)
  store ptr %pycode, ptr %slots
  %never = call ptr @PyObject_Vectorcall(ptr %handler, ptr %slots, i64 1, ptr null)
  call void @Py_DecRef(ptr %pycode)
  br label %undoall
undoall:
  br label %undo
undo:
  %upto = phi i64 [%outn, %undoall], [%o, %new], [%o, %newscalar]
  %usome = icmp ne i64 %upto, 0
  br i1 %usome, label %undoing, label %nothing
undoing:
  %u = phi i64 [0, %undo], [%u1, %undoing]
  %up = getelementptr ptr, ptr %made, i64 %u
  %uo = load ptr, ptr %up
  call void @Py_DecRef(ptr %uo)
  %u1 = add i64 %u, 1
  %um = icmp slt i64 %u1, %upto
  br i1 %um, label %undoing, label %nothing
nothing:
  ret ptr null

builds:
{_field("buildn", "%s", BUILDS, "i64")}{_field("buildt", "%s", BUILD_TABLE)}  %bsome = icmp ne i64 %buildn, 0
  br i1 %bsome, label %build, label %finish
build:
  %b = phi i64 [0, %builds], [%b1, %built]
  %target = phi i64 [%outn, %builds], [%target1, %built]
  %brow = mul i64 %b, {BUILD_ROW}
  %bq = getelementptr i64, ptr %buildt, i64 %brow
  %bkind = load i64, ptr %bq
{_field("bn", "%bq", 1, "i64")}{_field("bwhat", "%bq", 2)}\
  %bany = icmp ne i64 %bn, 0
  switch i64 %bkind, label %nothing [i64 {BUILD_TUPLE}, label %tuple
                                     i64 {BUILD_LIST}, label %list
                                     i64 {BUILD_DICT}, label %dict
                                     i64 {BUILD_OBJECT}, label %constant
                                     i64 {BUILD_CALL}, label %post]
tuple:
  %bt = call ptr @PyTuple_New(i64 %bn)
  %btn = icmp eq ptr %bt, null
  %bti = getelementptr i8, ptr %bt, i64 {items}
  br i1 %btn, label %nothing, label %fill
list:
  %bl = call ptr @PyList_New(i64 %bn)
  %bln = icmp eq ptr %bl, null
  br i1 %bln, label %nothing, label %listitems
listitems:
{_byte("bli", "%bl", 24)}  br label %fill
fill:
  %container = phi ptr [%bt, %tuple], [%bl, %listitems]
  %places = phi ptr [%bti, %tuple], [%bli, %listitems]
  br i1 %bany, label %filling, label %built
filling:
  %f = phi i64 [0, %fill], [%f1, %filling]
  %fsp = getelementptr i64, ptr %bwhat, i64 %f
  %fs = load i64, ptr %fsp
  %fop = getelementptr ptr, ptr %made, i64 %fs
  %fo = load ptr, ptr %fop
  %fp = getelementptr ptr, ptr %places, i64 %f
  store ptr %fo, ptr %fp
  %f1 = add i64 %f, 1
  %fm = icmp slt i64 %f1, %bn
  br i1 %fm, label %filling, label %built
dict:
  %bd = call ptr @PyDict_New()
  %bdn = icmp eq ptr %bd, null
  br i1 %bdn, label %nothing, label %items
items:
  br i1 %bany, label %setting, label %built
setting:
  %g = phi i64 [0, %items], [%g1, %setting]
  %g2 = shl i64 %g, 1
  %gsp = getelementptr i64, ptr %bwhat, i64 %g2
  %gs = load i64, ptr %gsp
  %gkp = getelementptr i64, ptr %gsp, i64 1
  %gk = load ptr, ptr %gkp
  %gop = getelementptr ptr, ptr %made, i64 %gs
  %go = load ptr, ptr %gop
  %gr = call i32 @PyDict_SetItem(ptr %bd, ptr %gk, ptr %go)
  call void @Py_DecRef(ptr %go)
  %g1 = add i64 %g, 1
  %gm = icmp slt i64 %g1, %bn
  br i1 %gm, label %setting, label %built
constant:
  call void @Py_IncRef(ptr %bwhat)
  br label %built
post:
  %last = sub i64 %target, 1
  %lastp = getelementptr ptr, ptr %made, i64 %last
  %lasto = load ptr, ptr %lastp
  store ptr %lasto, ptr %slots
  %posted = call ptr @PyObject_Vectorcall(ptr %bwhat, ptr %slots, i64 1, ptr null)
  call void @Py_DecRef(ptr %lasto)
  br label %built
built:
  %value = phi ptr [%container, %fill], [%container, %filling], [%bd, %items], [%bd, %setting], [%bwhat, %constant], [%posted, %post]
  %valuep = getelementptr ptr, ptr %made, i64 %target
  store ptr %value, ptr %valuep
  %target1 = add i64 %target, 1
  %b1 = add i64 %b, 1
  %bm = icmp slt i64 %b1, %buildn
  br i1 %bm, label %build, label %finish
finish:
  %total = add i64 %outn, %buildn
  %lastslot = sub i64 %total, 1
  %rp = getelementptr ptr, ptr %made, i64 %lastslot
  %result = load ptr, ptr %rp
  ret ptr %result
}}
define i32 @ad_run(ptr %s, ptr %pointers) #0 {{
entry:
  %arenap = getelementptr i64, ptr %s, i64 {ARENA}
  %lent = atomicrmw xchg ptr %arenap, i64 0 acquire
  %nolent = icmp eq i64 %lent, 0
  %lentp = inttoptr i64 %lent to ptr
  br i1 %nolent, label %allocate, label %run
allocate:
{_field("asz", "%s", ARENA_SIZE, "i64")}  %new = call ptr @aligned_alloc(i64 64, i64 %asz)
  %failed = icmp eq ptr %new, null
  br i1 %failed, label %nomemory, label %run
nomemory:
  ret i32 {NO_MEMORY}
run:
  %scratch = phi ptr [%lentp, %entry], [%new, %allocate]
{_field("kernel", "%s", KERNEL)}{_field("parameters", "%s", PARAMETERS)}\
  %code = call i32 %kernel(ptr %pointers, ptr %parameters, ptr %scratch)
  %scratchi = ptrtoint ptr %scratch to i64
  %other = atomicrmw xchg ptr %arenap, i64 %scratchi release
  %otherp = inttoptr i64 %other to ptr
  call void @free(ptr %otherp)
  ret i32 %code
}}
attributes #0 = {{ nounwind }}
"""


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("method", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


_FASTCALL = 0x80


def _types() -> dict[str, int]:
    """Addresses of the objects that the entry compares with."""
    return {"ad_dict": id(dict), "ad_array": id(np.ndarray), "ad_float": id(float), "ad_int": id(int), "ad_bool": id(bool),
            "ad_true": id(True), "ad_false": id(False), "ad_new_array": _numpy_function(94)}


def _numpy_function(slot: int) -> int:
    """An entry of NumPy's C function table; 94 is PyArray_NewFromDescr."""
    import numpy._core.multiarray as multiarray
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(get(multiarray._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    return table[slot] or 0


def _layout_problem() -> str:
    """Why this interpreter's objects may not be read directly; empty if they may."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return "not a 64-bit CPython"
    if sysconfig.get_config_var("Py_GIL_DISABLED") or hasattr(sys, "gettotalrefcount"):
        return "a free-threaded or debugging interpreter"
    x = np.arange(6.0).reshape(2, 3)
    words = (ctypes.c_int64 * 9).from_address(id(x))
    fields = (words[1] == id(np.ndarray), words[2] == x.ctypes.data, words[3] & 0xffffffff == 2, words[7] == id(x.dtype),
              words[8] & _READY == _READY, list((ctypes.c_int64 * 2).from_address(words[4])) == [2, 3])
    if not all(fields):
        return "NumPy's array object has an unknown layout"
    if ctypes.c_double.from_address(id(1.5) + 16).value != 1.5 or ctypes.c_double.from_address(id(y := np.float64(2.5)) + 16).value != y:
        return "numbers have an unknown layout"
    pair, lst = (x, None), [x]
    if ctypes.c_int64.from_address(id(pair) + tuple.__basicsize__).value != id(x) or \
            ctypes.c_int64.from_address(ctypes.c_int64.from_address(id(lst) + 24).value).value != id(x) or \
            ctypes.c_int64.from_address(id({1: 2, 3: 4}) + 16).value != 2:
        return "containers have an unknown layout"
    return ""


class Word(NamedTuple):
    """A reference in an object of Python's, such as the content of a cell: what it must be for a call to go to the kernel."""

    owner: Any
    value: Any


class Item(NamedTuple):
    """An item of a dict, and what it must be; None if there must be none."""

    owner: dict
    key: Any
    value: Any


def word_offset(owner: Any, value: Any) -> int | None:
    """Where in an object a reference to another one lies, in bytes; None if that is not the one place or beyond its first words."""
    words = (ctypes.c_int64 * 12).from_address(id(owner))
    found = [k for k in range(2, min(12, owner.__sizeof__() // 8)) if words[k] == id(value)]
    return found[0] * 8 if len(found) == 1 else None


@once
def _linked() -> Linked:
    from codegen.cache import cached_object
    return link(cached_object(_text()), ["ad_call", "ad_run"], _types())


def run_address() -> int:
    """The address of `int ad_run(table, void **arrays)`: a kernel for C code, which lends the arena itself."""
    return _linked().address("ad_run")


@once
def why_not() -> str:
    """Why the native entry is not used here; empty if it is."""
    problem = _layout_problem()
    if problem:
        return problem
    probe = NativeFunction(lambda *args: args, [])
    if probe.call(1, "two") != (1, "two"):
        return "the self-test of the native entry failed"
    return ""


def available() -> bool:
    """Whether calls can go through the native entry."""
    return not why_not()


def _words(values: Sequence[int]) -> np.ndarray:
    return np.array([*values, 0], np.int64)


class Signature:
    """One table: what the arguments must be, the kernel, the results. `keep` holds everything that the table points to."""

    def __init__(self, nargs: int, accesses: Sequence[Sequence[int]], leaves: Sequence[Sequence[int]], outputs: Sequence[tuple],
                 builds: Sequence[tuple[int, Sequence[int], Any]], kernel: int, parameters: np.ndarray, arena: int, release: bool,
                 handler: Callable, keep: list[Any]):
        self.words = np.zeros(WORDS, np.int64)
        self.keep = [*keep, handler, parameters]
        self._outputs = self._table([self._output(*o) for o in outputs], OUTPUT_ROW)
        rows = []
        for kind, sources, what in builds:
            table = _words(sources)
            self.keep += [table, what]
            rows.append([kind, len(sources) // (2 if kind == BUILD_DICT else 1),
                         id(what) if kind in (BUILD_OBJECT, BUILD_CALL) else table.ctypes.data])
        w = self.words
        w[NARGS], w[ACCESSES], w[ACCESS_TABLE] = nargs, len(accesses), self._table(accesses, ACCESS_ROW).ctypes.data
        w[LEAVES], w[LEAF_TABLE] = len(leaves), self._table(leaves, LEAF_ROW).ctypes.data
        w[OUTPUTS], w[OUTPUT_TABLE] = len(outputs), self._outputs.ctypes.data
        w[BUILDS], w[BUILD_TABLE] = len(rows), self._table(rows, BUILD_ROW).ctypes.data
        w[KERNEL], w[PARAMETERS], w[ARENA_SIZE] = kernel, parameters.ctypes.data, -(-arena // 64) * 64
        w[RELEASE], w[HANDLER] = release, id(handler)
        for k, (kind, dtype, shape) in enumerate(outputs):
            if kind == MAKE_SAME:
                self._outputs[k * OUTPUT_ROW + 5] = self._hold(np.empty(shape, dtype))
        self.room = nargs + len(accesses) + len(leaves) + len(outputs) + len(rows) + 2
        self.pools = [k for k, o in enumerate(outputs) if o[0] == MAKE_POOLED]

    def _table(self, rows: Sequence[Sequence[int]], width: int) -> np.ndarray:
        table = _words([v for row in rows for v in [*row, *[0] * (width - len(row))]])
        self.keep.append(table)
        return table

    def _hold(self, x: Any) -> int:
        self.keep.append(x)
        return id(x)

    def _output(self, kind: int, dtype: np.dtype, shape: tuple[int, ...]) -> list[int]:
        if kind == MAKE_SCALAR:
            # PyTypeObject.tp_alloc, word 38 of the type object.
            return [kind, id(dtype.type), 0, 0, ctypes.c_int64.from_address(id(dtype.type) + 38 * 8).value]
        if kind == MAKE_DONATED:
            return [kind, 0, shape[0]]  # the number of the leaf
        dims = _words(shape)
        self.keep += [dims, dtype]
        return [kind, id(dtype), len(shape), dims.ctypes.data]

    @property
    def hits(self) -> int:
        """Calls that this table served."""
        return int(self.words[HITS])

    def __del__(self):
        _release(self)


def _release(s: Signature) -> None:
    """Give back the arena and the results kept for reuse."""
    arena = int(s.words[ARENA])
    if arena:
        s.words[ARENA] = 0
        _free(arena)
    for k in s.pools:
        for at in (k * OUTPUT_ROW + 5, k * OUTPUT_ROW + 6):
            kept = int(s._outputs[at])
            if kept:
                s._outputs[at] = 0
                ctypes.pythonapi.Py_DecRef(ctypes.cast(kept, ctypes.py_object))


_free = ctypes.CDLL(None).free
_free.argtypes, _free.restype = [ctypes.c_void_p], None


class _Record(np.ndarray):
    """The words that a builtin function finds its tables by. It is the one object that the builtin holds, so it holds the rest."""

    owner: NativeFunction


class NativeFunction:
    """A builtin function over a chain of signatures. `call` is the builtin."""

    def __init__(self, fallback: Callable, signatures: Sequence[Signature]):
        self.record = np.zeros(4, np.int64).view(_Record)
        self.record.owner = self
        self.fallback = fallback
        self.record[1] = id(fallback)
        # A call that runs in another thread may still use a table that was taken out.
        self._retired: deque[Signature] = deque(maxlen=64)
        self.signatures: list[Signature] = []
        self.set(signatures)
        self._watched: deque[tuple] = deque(maxlen=8)   # tables of what is watched; a call in another thread may still read an old one
        self._definition = _MethodDef(b"autodiff_kernel", _linked().address("ad_call"), _FASTCALL, None)
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
        self.call = make(ctypes.addressof(self._definition), self.record, None)

    def watch(self, rows: Sequence[Word | Item]) -> None:
        """Let calls go to the fallback unless all these references are what they must be."""
        words = [len(rows)]
        for row in rows:
            if isinstance(row, Word):
                words += [id(row.owner) + _offset_in(row), 0, id(row.value)]
            else:
                words += [id(row.owner), id(row.key), 0 if row.value is None else id(row.value)]
        table = _words(words)
        self._watched.append((table, rows))
        self.record[3] = table.ctypes.data if rows else 0

    def set(self, signatures: Sequence[Signature]) -> None:
        """The signatures to try, in order."""
        self._retired.extend(s for s in self.signatures if s not in signatures)
        self.signatures = list(signatures)
        for s, following in zip(signatures, [*signatures[1:], None], strict=False):
            s.words[NEXT] = following.words.ctypes.data if following is not None else 0
        self.record[2] = max([4, *(s.room for s in signatures), int(self.record[2])])
        self.record[0] = signatures[0].words.ctypes.data if signatures else 0


def _offset_in(row: Word) -> int:
    offset = word_offset(row.owner, row.value)
    assert offset is not None
    return offset


def reusable(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether a result is worth giving out again when it has been dropped."""
    return prod(shape) * dtype.itemsize >= REUSED_BYTES


REUSED_BYTES = 1 << 18
"""Results of at least this size take the memory of an earlier result that nobody holds any more. Fresh memory costs a page fault
for every 4 KB, which made a 2 MB result 18 times dearer than one in used memory."""

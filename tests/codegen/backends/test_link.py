"""Compiling a module: the options our code is compiled with do not reach the code of others in the same process."""

import signal
import threading

import llvmlite.binding as llvm
import pytest

from codegen.backends.llvm.compiler import compile_object, linked_by_llvm
from codegen.backends.llvm.link import link
from codegen.host import host

LOOP = """
define double @total(ptr %p, i64 %n, i64 %stride) {
entry:
  br label %body
body:
  %i = phi i64 [0, %entry], [%next, %body]
  %s = phi double [0.0, %entry], [%sum, %body]
  %k = mul i64 %i, %stride
  %a = getelementptr double, ptr %p, i64 %k
  %k1 = add i64 %k, 7
  %b = getelementptr double, ptr %p, i64 %k1
  %x = load double, ptr %a
  %y = load double, ptr %b
  %t = fadd double %x, %y
  %sum = fadd double %s, %t
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %body, label %end
end:
  ret double %sum
}
"""


def _assembly() -> str:
    """The loop compiled as another user of LLVM in this process would compile it."""
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=host().name, features=host().features, opt=2)
    module = llvm.parse_assembly(f'target triple = "{llvm.get_process_triple()}"\n' + LOOP)
    return machine.emit_assembly(module)


def test_options_are_put_back():
    compile_object(LOOP)
    before = _assembly()
    llvm.set_option("autodiff", "-disable-lsr")
    try:
        assert _assembly() != before, "the loop shows whether strength reduction ran"
    finally:
        llvm.set_option("autodiff", "-disable-lsr=false")
    compile_object(LOOP)
    assert _assembly() == before


def test_options_are_put_back_after_an_error():
    before = _assembly()
    with pytest.raises(RuntimeError):
        compile_object("define double @broken(")
    assert _assembly() == before


def test_others_compile_at_the_same_time():
    """Another thread never sees our options: they change under LLVM's own lock."""
    want, seen, done = _assembly(), set(), threading.Event()

    def other() -> None:
        while not done.is_set():
            seen.add(_assembly())

    thread = threading.Thread(target=other)
    thread.start()
    try:
        objects = {compile_object(LOOP) for _ in range(200)}
    finally:
        done.set()
        thread.join()
    assert seen == {want} and len(objects) == 1


def test_too_little_memory_is_an_exception(monkeypatch):
    """LLVM would end the process."""
    code = compile_object(LOOP)
    monkeypatch.setattr("codegen.backends.llvm.compiler.SPARE", 1 << 62)
    with pytest.raises(MemoryError, match="too little memory to compile"):
        compile_object(LOOP)
    with pytest.raises(MemoryError, match="too little memory to load"):
        linked_by_llvm(code, ["total"], {})
    monkeypatch.setattr("codegen.backends.llvm.objects.mmap.mmap", _refused)
    with pytest.raises(MemoryError, match="too little memory to load"):
        link(code, ["total"], {})


def _refused(*_):
    raise OSError("no memory")


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no masks of signals here")
def test_an_interrupt_waits_until_llvm_has_finished(monkeypatch):
    """Else llvmlite frees its strings twice."""
    done, parse, before = [], llvm.parse_assembly, signal.pthread_sigmask(signal.SIG_BLOCK, set())

    def interrupted(text):
        signal.raise_signal(signal.SIGINT)
        module = parse(text)
        done.append(module)
        return module
    monkeypatch.setattr(llvm, "parse_assembly", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compile_object(LOOP)
    assert done and signal.pthread_sigmask(signal.SIG_BLOCK, set()) == before
    monkeypatch.undo()
    assert compile_object(LOOP)

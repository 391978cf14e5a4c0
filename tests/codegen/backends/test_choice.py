"""Which back end makes a kernel: by name, and what happens where the one that was asked for cannot."""

import numpy as np
import pytest

import autodiff as ad
from codegen.backends.llvm.made import MixedTypesError, NotKnown
from codegen.compile import BACK_ENDS, CompilerWarning, compile_graph

X = np.linspace(0.1, 1.0, 5)
GRAPH = ad.jit(lambda x: np.sum(np.tanh(x))).trace(X)


@pytest.mark.parametrize("name", BACK_ENDS)
def test_a_kernel_says_who_made_it(name):
    kernel = compile_graph(GRAPH, name)
    assert kernel.generator == name and not kernel.note
    np.testing.assert_allclose(kernel.run(X), [np.sum(np.tanh(X))], rtol=1e-14)


def test_what_llvm_does_not_know_goes_to_numba(monkeypatch):
    def refuse(graph, threads):
        raise NotKnown("tanh of booleans")
    monkeypatch.setitem(BACK_ENDS, "llvm", refuse)
    kernel = compile_graph(GRAPH, "auto")
    assert (kernel.generator, kernel.note) == ("numba", "generated through Numba: tanh of booleans")
    with pytest.raises(RuntimeError, match="the llvm generator was asked for, but: tanh of booleans"):
        compile_graph(GRAPH, "llvm")


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="'gcc'; there are llvm, numba"):
        compile_graph(GRAPH, "gcc")


@pytest.mark.parametrize("error", [RuntimeError("LLVM IR parsing error\n<string>:3"), MixedTypesError("fadd of <4 x double>, <8 x double>")])
def test_a_fault_of_the_llvm_generator_does_not_reach_the_user(monkeypatch, error):
    def fail(graph, threads):
        raise error
    monkeypatch.setitem(BACK_ENDS, "llvm", fail)
    f = ad.jit(lambda x: np.sum(x * 2.0), wait=True)
    with pytest.warns(CompilerWarning, match="failed on .*; Numba compiles it"):
        assert f(np.ones(3)) == 6.0
    assert "generated through Numba" in f.why()
    monkeypatch.setattr(ad.config, "generator", "llvm")
    with pytest.raises(type(error)):
        ad.jit(lambda x: np.sum(x * 3.0), wait=True)(np.ones(3))

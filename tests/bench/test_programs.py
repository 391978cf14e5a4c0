"""The programs of `bench/programs` run unedited, with right gradients, in every way that this project has."""

import numpy as np
import pytest

import autodiff as ad
from bench.programs import all_programs
from bench.programs.board import markdown, rewrite_readme

PROGRAMS = all_programs()


def prepared(name):
    module = PROGRAMS[name]
    args = module.arguments("small")
    static = tuple(k for k, a in enumerate(args) if isinstance(a, int))
    value, gradients = ad.jit(ad.value_and_grad(module.loss, argnums=module.WRT), static_argnums=static)(*args)
    return module, args, static, value, gradients


def test_there_are_enough():
    assert len(PROGRAMS) >= 24


@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_against_differences(name):
    module, args, _, value, gradients = prepared(name)
    np.testing.assert_allclose(value, module.loss(*args), rtol=1e-11)
    rng, h = np.random.default_rng(1), 1e-6
    for k, g in zip(module.WRT, gradients, strict=True):
        d = rng.normal(size=np.shape(args[k])) if np.ndim(args[k]) else 1.0

        def at(s, k=k, d=d):
            return module.loss(*[a + s * d if j == k else a for j, a in enumerate(args)])
        want = (at(h) - at(-h)) / (2 * h)
        np.testing.assert_allclose(np.sum(g * d), want, rtol=2e-6, atol=2e-6 * abs(value))


@pytest.mark.parametrize("name", PROGRAMS)
def test_uncompiled_and_define_by_run(name):
    module, args, static, value, gradients = prepared(name)
    eager_value, eager = ad.value_and_grad(module.loss, argnums=module.WRT)(*args)
    np.testing.assert_allclose(eager_value, value, rtol=1e-11)
    tensors = [ad.tensor(a, requires_grad=True) if k in module.WRT else a for k, a in enumerate(args)]
    ad.jit(module.loss, static_argnums=static)(*tensors).backward()
    for k, g, e in zip(module.WRT, gradients, eager, strict=True):
        np.testing.assert_allclose(e, g, rtol=1e-8, atol=1e-11)
        np.testing.assert_allclose(tensors[k].grad, g, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("name", PROGRAMS)
def test_loops_are_loops(name):
    """No program is written out step by step."""
    from tracer.graph import all_nodes
    module, args, static, _, _ = prepared(name)
    graph = ad.jit(module.loss, static_argnums=static).trace(*args)
    assert any(n.op.name == "loop" for n in all_nodes(graph)) and sum(1 for _ in all_nodes(graph)) < 400


def test_the_table(tmp_path):
    entry = {"forward": 1e-3, "gradient": 2e-3, "compile": 0.05, "references": ["lu"]}
    found = {"machine": {"processor": "a processor", "cores": 2, "system": "Linux", "python": "3.11", "date": "a day"},
             "rows": [{"program": "lorenz", "autodiff": entry, "numpy": {"forward": 0.1}, "torch": {"gradient": 1.0},
                       "jax direct": {"error": "over 90 s"}, "autograd": {"error": "no such name"}}]}
    text = markdown(found)
    assert "| `lorenz` | 100 ms | 1.00 ms | **2.00 ms** | 2.0 | 50.0 ms |" in text and "lorenz calls NumPy for lu" in text
    assert "| over 90 s | – | error |" in text and "error, autograd on lorenz: no such name" in text and "median 2.0" in text
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- programs -->\nold\n<!-- /programs -->\nb\n", encoding="utf-8")
    rewrite_readme(found, readme)
    assert "old" not in readme.read_text(encoding="utf-8") and readme.read_text(encoding="utf-8").endswith("b\n")

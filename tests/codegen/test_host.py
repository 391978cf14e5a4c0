"""What this machine is to LLVM, kept on disk: what is kept is what LLVM says, and another CPU or LLVM has another name."""

import builtins
import io
import os
import re
import subprocess
import sys

import pytest

from codegen import host
from codegen.config import config


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "cache", True)
    monkeypatch.setattr(config, "cache_dir", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def fresh(monkeypatch):
    """The machine as a new process sees it."""
    monkeypatch.setattr(host.host, "_results", {})
    return host.host()


def test_what_is_kept_is_what_llvm_says(monkeypatch):
    assert fresh(monkeypatch) == host.asked()
    monkeypatch.setattr(host, "asked", None)
    assert fresh(monkeypatch).llvm     # not asked again


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="LLVM is asked in each process here")
def test_another_cpu_is_asked(monkeypatch):
    fresh(monkeypatch)
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        text = re.sub(r"^(flags|Features)(\s*): ", r"\1\2: xyz ", f.read(), flags=re.M)
    monkeypatch.setattr(host, "open", lambda *a, **k: io.StringIO(text), raising=False)
    asked = []
    before = host.asked
    monkeypatch.setattr(host, "asked", lambda: asked.append(1) or before())
    fresh(monkeypatch)
    assert asked == [1]


def test_without_a_description_llvm_is_asked(monkeypatch):
    def refused(*a, **k):
        raise OSError
    monkeypatch.setattr(host, "open", refused, raising=False)
    assert fresh(monkeypatch) == host.asked() and builtins.open


def test_features():
    h = host.Host("cpu", "+avx2,-avx512f,+fma", "x86_64-linux", "0", "0")
    assert h.has("avx2", "fma") and not h.has("avx512f") and not h.has("avx")


def test_a_process_with_its_kernels_on_disk_does_not_load_llvm(directory):
    code = ("import sys, numpy as np, autodiff as ad; f = ad.jit(ad.grad(lambda x: np.sum(np.sin(x)))); "
            "assert f(np.zeros(3)).tolist() == [1, 1, 1]; print('llvmlite' in sys.modules)")
    env = {**os.environ, "AUTODIFF_CACHE": "1", "AUTODIFF_CACHE_DIR": str(directory), "AUTODIFF_CHECK": "0"}
    said = [subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]
    assert said[0] == "True" and (said[1] == "False" or not host._described() or not sys.platform.startswith("linux"))

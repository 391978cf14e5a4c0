"""Machine code on disk: never a wrong or broken entry, whatever happens to the files."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import codegen
import tracer
from codegen import cache, disk
from codegen.backends.llvm import kernel as llvm_kernel
from codegen.config import config
from tracer.lengths import Lengths
from tracer.trace import trace_flat
from tracer.types import ArrayType

TEXT = """define i32 @kernel(ptr %a, ptr %p, ptr %s) {{
  store double {value}, ptr %a
  ret i32 0
}}
"""
PROGRAM = """
import sys
import numpy as np
import autodiff as ad
ad.config.wait = True
f = ad.jit(ad.value_and_grad(lambda x: np.sum(np.sin(x) * x)))
x = np.linspace(0, 1, 50)
v, g = f(x)
assert abs(v - np.sum(np.sin(x) * x)) < 1e-12 and np.allclose(g, np.sin(x) + x * np.cos(x), rtol=1e-13)
from codegen.disk import statistics
print(statistics()["loaded"], statistics()["compiled"])
"""


@pytest.fixture
def directory(tmp_path, monkeypatch):
    path = tmp_path / "kernels"
    monkeypatch.setattr(config, "cache", True)
    monkeypatch.setattr(config, "cache_dir", str(path))
    return path


def entries(directory):
    return sorted(directory.glob("*.o"))


def run(directory, **more):
    env = {**os.environ, "AUTODIFF_CACHE_DIR": str(directory), "PYTHONPATH": os.pathsep.join(sys.path), **more}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [int(n) for n in done.stdout.split()], done.stderr


def test_second_process_compiles_nothing(directory):
    (loaded, compiled), _ = run(directory)
    assert compiled > 0
    (loaded, again), _ = run(directory)
    assert loaded >= compiled and again == 0


def test_cache_can_be_turned_off(directory):
    run(directory, AUTODIFF_CACHE="0")
    assert not directory.exists()


def test_directory_is_for_the_user_alone(directory):
    cache.cached_object(TEXT.format(value=1.0))
    assert directory.stat().st_mode & 0o077 == 0
    assert entries(directory)[0].stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["truncate", "empty", "flip", "head", "text"])
def test_damaged_entry_is_compiled_again(directory, damage):
    text = TEXT.format(value=2.0)
    code = cache.cached_object(text)
    path = entries(directory)[0]
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        data = data[:len(data) // 2]
    elif damage == "empty":
        data = bytearray()
    elif damage == "flip":
        data[-10] ^= 0x10
    elif damage == "head":
        data[3] ^= 0x01
    else:
        data = bytearray(b"not an object\n")
    path.write_bytes(data)
    with pytest.warns(disk.CacheWarning, match="damaged"):
        assert cache.cached_object(text) == code
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.cached_object(text) == code


def test_entry_of_another_machine_is_not_loaded(directory, monkeypatch):
    text = TEXT.format(value=3.0)
    cache.cached_object(text)
    path = entries(directory)[0]
    data = path.read_bytes()
    monkeypatch.setattr(cache, "target", lambda: b"another cpu\n")
    cache.cached_object(text)
    assert len(entries(directory)) == 2      # the CPU's name is part of the key
    other = next(p for p in entries(directory) if p != path)
    other.write_bytes(data)                 # and of the entry
    with pytest.warns(disk.CacheWarning, match="another machine"):
        cache.cached_object(text)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no file owners here")
def test_directory_that_others_can_write_is_not_used(directory):
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.warns(disk.CacheWarning, match="written by others"):
        cache.cached_object(TEXT.format(value=4.0))
    assert not entries(directory)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no file owners here")
def test_entry_that_others_can_write_is_not_loaded(directory):
    text = TEXT.format(value=5.0)
    cache.cached_object(text)
    entries(directory)[0].chmod(0o666)
    with pytest.warns(disk.CacheWarning, match="another user"):
        cache.cached_object(text)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
def test_read_only_directory(directory):
    directory.mkdir(mode=0o500)
    cache.cached_object(TEXT.format(value=6.0))
    assert not entries(directory)


def test_a_file_in_the_place_of_the_directory(directory):
    directory.write_text("")
    with pytest.warns(disk.CacheWarning, match="cannot be made"):
        cache.cached_object(TEXT.format(value=6.5))


def test_what_was_used_longest_ago_goes_first(directory, monkeypatch):
    monkeypatch.setattr(disk, "_SCAN_EVERY", 1)
    sizes = []
    for k in range(12):
        cache.cached_object(TEXT.format(value=float(k)))
        sizes.append(len(entries(directory)))
        for age, path in enumerate(sorted(entries(directory), key=lambda p: p.stat().st_mtime, reverse=True)):
            os.utime(path, (time.time() - age, time.time() - age))
    one = entries(directory)[0].stat().st_size
    monkeypatch.setattr(config, "cache_bytes", 5 * one)
    newest = max(entries(directory), key=lambda p: p.stat().st_mtime)
    disk._evict(str(directory))
    left = entries(directory)
    assert sizes[-1] == 12 and 0 < len(left) <= 5 and newest in left


def test_process_killed_while_it_writes(directory):
    """Whatever is left behind, the next process gets whole entries."""
    env = {**os.environ, "AUTODIFF_CACHE_DIR": str(directory), "PYTHONPATH": os.pathsep.join(sys.path)}
    for delay in (0.3, 0.6, 0.9):
        p = subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        p.send_signal(signal.SIGKILL)
        p.wait()
    _, errors = run(directory)
    assert "damaged" not in errors


def test_broken_off_writes_are_cleared_away(directory):
    cache.cached_object(TEXT.format(value=7.0))
    left = directory / ".newabc"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    disk._evict(str(directory))
    assert not left.exists()


def test_processes_race_for_one_entry(directory):
    env = {**os.environ, "AUTODIFF_CACHE_DIR": str(directory), "PYTHONPATH": os.pathsep.join(sys.path)}
    ps = [subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    for p in ps:
        _, err = p.communicate(timeout=120)
        assert p.returncode == 0 and b"damaged" not in err, err


def test_clear(directory):
    cache.cached_object(TEXT.format(value=8.0))
    assert disk.clear() == 1 and not entries(directory)
    assert np.isfinite(disk.clear())


def copied(tmp_path):
    """The packages that decide what is compiled, with the times of their files, in another place."""
    roots = []
    for package in (codegen, tracer):
        here = Path(package.__file__).resolve().parent
        roots.append(str(shutil.copytree(here, tmp_path / here.name, ignore=shutil.ignore_patterns("__pycache__"))))
    return roots


def test_the_compiler_is_known_by_its_files_wherever_they_are(tmp_path):
    key, files = cache.compiler().decode(), cache.files_of(copied(tmp_path))
    assert os.path.join("tracer", "ops", "control", "loops.py") in [path for path, _, _ in files]
    assert key.startswith(f"({files!r}")


@pytest.mark.parametrize("change", ["text", "template", "time", "added", "removed", "moved", "nested"])
def test_a_change_in_a_folder_of_the_compiler_changes_its_key(tmp_path, change):
    roots = copied(tmp_path)
    ops, inner = tmp_path / "tracer" / "ops", tmp_path / "codegen" / "passes" / "loops"
    inner.mkdir(parents=True)
    (inner / "fuse.py").write_text("")
    before = cache.files_of(roots)
    if change == "text":
        (ops / "sort.py").write_text("# another rule\n")
    elif change == "template":
        (tmp_path / "codegen" / "entry" / "native.ll").write_text("; another entry\n")
    elif change == "time":
        os.utime(ops / "sort.py", ns=(0, 0))
    elif change == "added":
        (ops / "another.py").write_text("")
    elif change == "removed":
        (ops / "sort.py").unlink()
    elif change == "moved":
        (ops / "sort.py").rename(tmp_path / "tracer" / "sort.py")
    else:
        (inner / "fuse.py").write_text("# another pass\n")
    assert cache.files_of(roots) != before


def test_byte_code_and_hidden_files_are_no_part_of_the_compiler(tmp_path):
    roots = copied(tmp_path)
    before = cache.files_of(roots)
    (tmp_path / "tracer" / "ops" / "__pycache__").mkdir()
    (tmp_path / "tracer" / "ops" / "__pycache__" / "sort.pyc").write_bytes(b"")
    (tmp_path / "tracer" / "ops" / ".sort.py.swp").write_bytes(b"")
    assert cache.files_of(roots) == before


def test_a_file_under_anothers_name_is_no_entry(directory):
    a, b = cache.key_of("a"), cache.key_of("b")
    cache.store(a, b"code of a")
    cache.store(b, b"code of b")
    shutil.copyfile(directory / f"{a}.o", directory / f"{b}.o")
    assert cache.load(a) == b"code of a"
    with pytest.warns(disk.CacheWarning, match="damaged"):
        assert cache.load(b) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_keep_a_reader_waiting(directory):
    key = cache.key_of("pipe")
    cache.store(key, b"code")
    os.unlink(directory / f"{key}.o")
    os.mkfifo(directory / f"{key}.o")
    assert cache.load(key) is None


def test_graphs_have_a_name_for_what_is_made_of_them(directory):
    """Where one kernel serves many lengths its graph has none: the lengths are none of the program. No other test has this program."""
    def graph_of(shape):
        return trace_flat(lambda x: [np.cbrt(np.tanh(x)) * np.log1p(np.cosh(x))], [ArrayType(np.dtype(np.float64), shape)]).graph
    name = llvm_kernel.name_on_disk(graph_of((3,)), 1)
    assert name == llvm_kernel.name_on_disk(graph_of((3,)), 1) != llvm_kernel.name_on_disk(graph_of((4,)), 1)
    assert name != llvm_kernel.name_on_disk(graph_of((3,)), 2)
    assert llvm_kernel.name_on_disk(graph_of((Lengths().symbol(30),)), 1) is None
    kernel = llvm_kernel.llvm_kernel(graph_of((3,)))
    assert (directory / f"{name}.o").exists()
    again = llvm_kernel.llvm_kernel(graph_of((3,)))
    x = np.arange(3.0)
    for k in (kernel, again):
        np.testing.assert_allclose(k.run(x)[0], np.cbrt(np.tanh(x)) * np.log1p(np.cosh(x)), rtol=1e-13)

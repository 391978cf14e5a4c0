"""The kernels on disk: writers that are killed, files that are damaged, processes that race, disks that are full or read-only."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from codegen import disk
from tests.faults.children import RIGHT, in_child, is_root, settings, started, wait_for, worst
from tests.faults.numbers import Programs

LENGTHS = (40,)
NOBODY = 65534
"""The user who owns nothing."""


def factor(rng: random.Random) -> float:
    """A factor that no other trial has: its kernels are compiled anew."""
    return 1.0 + rng.random()


def run(folder: Path, k: float) -> None:
    """Check all programs with the kernels of a folder; a file that cannot be trusted may be warned of."""
    settings(str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", disk.CacheWarning)
        Programs(k).check(lengths=LENGTHS)


def run_unwarned(folder: Path, k: float) -> None:
    """The same, where no file may be found damaged."""
    settings(str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Programs(k).check(lengths=LENGTHS)


def loaded(folder: Path, k: float) -> None:
    """The same, where nothing may be compiled: all kernels are there."""
    before = disk.statistics()["compiled"]     # what the process that was forked had compiled
    run_unwarned(folder, k)
    if disk.statistics()["compiled"] != before:
        raise AssertionError("compiled again")


def run_as_nobody(folder: Path, k: float) -> None:
    """The same as a user who is not root. All modules are loaded before, because he may not be allowed to read them."""
    with tempfile.TemporaryDirectory() as other:
        run_unwarned(Path(other), 0.5)
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    run_unwarned(folder, k)


def filled(folder: Path, k: float) -> list[Path]:
    """Fill a folder with kernels; its files."""
    outcome = in_child(lambda: run_unwarned(folder, k))
    files = sorted(folder.glob("*.o"))
    if outcome != RIGHT or not files:
        raise RuntimeError(f"without a fault: {outcome}, {len(files)} files")
    return files


def killed_writer(rng: random.Random, folder: Path) -> str:
    """SIGKILL while kernels are compiled and written; the next process finds whole files."""
    k = factor(rng)
    start = time.monotonic()
    filled(folder / "whole", k)
    longest = time.monotonic() - start
    for _ in range(3):
        child, reader = started(lambda: run(folder / "kernels", k))
        time.sleep(rng.uniform(0.0, longest))
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        wait_for(child, reader)
    return in_child(lambda: run_unwarned(folder / "kernels", k))


def _damaged(rng: random.Random, folder: Path, damage) -> str:
    """Damage some files of a filled folder; two processes after another use it, of which the second finds all mended."""
    k = factor(rng)
    files = filled(folder, k)
    for path in rng.sample(files, rng.randint(1, len(files))):
        damage(path, files)
    return worst([in_child(lambda: run(folder, k)), in_child(lambda: loaded(folder, k))])


def truncated_files(rng: random.Random, folder: Path) -> str:
    """Files that end somewhere, some of them at once."""
    def cut(path: Path, files: list[Path]) -> None:
        os.truncate(path, rng.randrange(path.stat().st_size))
    return _damaged(rng, folder, cut)


def flipped_bits(rng: random.Random, folder: Path) -> str:
    """One to eight bits of a file flipped, anywhere."""
    def flip(path: Path, files: list[Path]) -> None:
        data = bytearray(path.read_bytes())
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
    return _damaged(rng, folder, flip)


def zeroed_blocks(rng: random.Random, folder: Path) -> str:
    """A block of a file filled with zeros, as after a crash of the system."""
    def zero(path: Path, files: list[Path]) -> None:
        data = bytearray(path.read_bytes())
        at = rng.randrange(len(data))
        data[at:at + 512] = bytes(len(data[at:at + 512]))
        path.write_bytes(data)
    return _damaged(rng, folder, zero)


def swapped_files(rng: random.Random, folder: Path) -> str:
    """The file of one kernel under the name of another."""
    def swap(path: Path, files: list[Path]) -> None:
        other = rng.choice([f for f in files if f != path])
        data = path.read_bytes()
        shutil.copyfile(other, path)
        other.write_bytes(data)
    return _damaged(rng, folder, swap)


def raced(rng: random.Random, folder: Path) -> str:
    """Four to eight processes that fill one folder at the same time, in half of the trials while another empties it."""
    k = factor(rng)
    children = [started(lambda: run_unwarned(folder, k)) for _ in range(rng.randint(4, 8))]
    if rng.random() < 0.5:
        def empty() -> None:
            settings(str(folder))
            for _ in range(40):
                disk.clear()
                time.sleep(0.01)
        children.append(started(empty))
    return worst([wait_for(*c) for c in children])


@contextlib.contextmanager
def _small_disk(folder: Path, kilobytes: int) -> Iterator[bool]:
    """A disk of a few kilobytes in the place of a folder; whether that could be had."""
    folder.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", str(folder)]
    try:
        mounted = is_root() and subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def full_disk(rng: random.Random, folder: Path) -> str:
    """A disk that is full after some kernels; where none can be mounted, files that may not grow."""
    k, place = factor(rng), folder / "kernels"
    with _small_disk(place, 4 * rng.randint(1, 12)) as mounted:
        def limited() -> None:
            if not mounted:
                largest = rng.choice([0, 100, 1000, 3000])
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
            run_unwarned(place, k)
        return worst([in_child(limited), in_child(limited)])


def read_only(rng: random.Random, folder: Path) -> str:
    """A folder that a user who is not root may only read, empty or with kernels."""
    if not is_root():
        return "skipped: needs root"
    k, place = factor(rng), folder / "kernels"
    os.chmod(folder, 0o755)
    place.mkdir(mode=0o700)
    os.chown(place, NOBODY, NOBODY)
    outcomes = []
    if rng.random() < 0.5:
        outcomes.append(in_child(lambda: run_as_nobody(place, k)))
    before = sorted(p.name for p in place.iterdir())
    os.chmod(place, 0o500)
    outcomes += [in_child(lambda: run_as_nobody(place, k)) for _ in range(2)]
    left = sorted(p.name for p in place.iterdir())
    return worst(outcomes) if left == before else f"written to a read-only folder: {left}"

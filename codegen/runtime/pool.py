"""The threads that share a kernel's loops: a pool for the whole process, written in LLVM IR (`pool.ll`) over POSIX threads.

    int ad_parallel(int (*part)(void*, void*, void*, int64 begin, int64 end, int64 number),
                    void *a, void *b, void *c, int64 n, int64 parts)

runs part(a, b, c, begin, end, k) for k = 0 .. parts-1 over equal stretches of 0 .. n-1, the first one itself, and returns the first
code that is not 0. The stretches depend on n and `parts` alone, so results do not depend on the load. Workers start when they are
first needed, wait for work turning for some tens of microseconds (a launch then takes about 0.3 us), and sleep on a futex afterwards. A
caller that finds the pool busy runs all stretches itself. After a fork the child starts its own workers.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

from codegen.backends.llvm import link
from codegen.cache import cached_object
from codegen.once import once
from codegen.template import llvm_text

__all__ = ["pool_address", "available", "MOST"]

MOST = 64
"""Most threads."""
_TURNS = 1500
"""Turns of a waiting worker before it sleeps: 50 to 100 us."""
_FUTEX = {"x86_64": 202, "aarch64": 98}


def available() -> bool:
    """Whether there is a pool on this system."""
    return sys.platform == "linux" and platform.machine() in _FUTEX


def _text() -> str:
    intel = platform.machine() == "x86_64"
    return llvm_text(__file__, "pool.ll", MOST=MOST, TURNS=_TURNS, FUTEX=_FUTEX[platform.machine()],
                     PAUSE="call void @llvm.x86.sse2.pause()" if intel else 'call void asm sideeffect "yield", ""()',
                     DECLARE="declare void @llvm.x86.sse2.pause()" if intel else "")


@once
def _library() -> link.Linked:
    made = link.link(cached_object(_text()), ["ad_parallel", "ad_pool_forget", "ad_pool_workers"], {})
    forget = ctypes.CFUNCTYPE(None)(made.address("ad_pool_forget"))
    os.register_at_fork(after_in_child=forget)
    return made


def pool_address(name: str = "ad_parallel") -> int:
    """The address of `ad_parallel`."""
    return _library().address(name)


def workers() -> int:
    """Threads that the pool has started."""
    return ctypes.CFUNCTYPE(ctypes.c_int)(_library().address("ad_pool_workers"))() if _library.is_made() else 0

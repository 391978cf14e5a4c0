"""Work in a forked child, and how it ended in one line.

It says `right` where the numbers were right, and `exception: NAME` for a Python exception, which some faults may end with (little memory)
and others may not (a full disk). All other ends are faults of the compiler: a wrong number, the signal that ended the process, a hang.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence

from codegen.config import config
from tests.faults.numbers import WrongNumber

__all__ = ["RIGHT", "is_good", "wait_for", "started", "in_child", "is_root"]

RIGHT = "right"
LONGEST = 120
"""Seconds after which a child hangs."""
_WRONG, _EXCEPTION, _STARTED = 3, 4, 5


def is_good(outcome: str, may_raise: bool = False) -> bool:
    """Whether a fault may end so."""
    return outcome == RIGHT or outcome.startswith("skipped") or may_raise and outcome.startswith("exception")


def is_root() -> bool:
    """Whether this process may do everything."""
    return hasattr(os, "getuid") and os.getuid() == 0


def settings(cache: str | None = None, wait: bool = True) -> None:
    """The settings of a child: a folder for kernels or none, and whether calls wait for them."""
    config.cache, config.wait, config.check = cache is not None, wait, False
    if cache is not None:
        config.cache_dir = cache


def started(work: Callable[[], object]) -> tuple[int, int]:
    """Start work in a child; the child, and the end of a pipe for what it says."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    code, words = _EXCEPTION, ""
    try:
        os.close(reader)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        faulthandler.enable()
        words = str(work() or "")
        code = 0
    except WrongNumber as e:
        code, words = _WRONG, str(e)
    except BaseException as e:      # noqa: BLE001 - the parent is told
        words = type(e).__name__
        if os.environ.get("FAULTS_VERBOSE"):
            traceback.print_exc()
    finally:
        try:
            os.write(writer, words[:4000].encode())
            sys.stdout.flush()
        finally:
            os._exit(code)


def wait_for(child: int, reader: int, seconds: float = LONGEST) -> str:
    """How a child ended; it is ended by us if it hangs."""
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGABRT)      # it prints where it stands
            time.sleep(0.5)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reader)
            return "hangs"
        time.sleep(0.002)
    with os.fdopen(reader, "rb") as f:
        words = f.read().decode()
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return words or RIGHT
    if code == _WRONG:
        return f"wrong number: {words}"
    return f"killed by signal {-code}" if code < 0 else f"exception: {words}"


def in_child(work: Callable[[], object], seconds: float = LONGEST) -> str:
    """How work in a child ends."""
    return wait_for(*started(work), seconds)


def worst(outcomes: Sequence[str]) -> str:
    """The first outcome that is no exception and not right; else the first exception; else `right`."""
    bad = [o for o in outcomes if not is_good(o, may_raise=True)]
    others = [o for o in outcomes if o != RIGHT]
    return (bad or others or [RIGHT])[0]

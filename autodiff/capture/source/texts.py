"""Texts that a function may have been compiled from, wherever the interpreter keeps them.

Files come through `linecache`, which knows the cells of notebooks as well, and through the loader of the module, which reads zip files.
The text of `python -c` stands in the interpreter's arguments, that of a script on standard input in the file behind it, what was typed at
a prompt in the history of the line editor. The text given to `exec` is kept nowhere; it is found where a running function or a module
still holds it. None of these texts is trusted: `autodiff.capture.source.files` compiles what it finds there, and compares the code.
"""

from __future__ import annotations

import linecache
import os
import stat
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any

__all__ = ["is_file", "rewritten_by_loader", "texts_of", "why_missing"]

MOST_LINES = 2000
"""Lines of a history that are looked at, newest first."""
_PLAIN_LOADERS = ("SourceFileLoader", "SourcelessFileLoader", "zipimporter", "BuiltinImporter", "FrozenImporter", "NoneType", "type")


def texts_of(f: FunctionType) -> Iterator[list[str]]:
    """The lines of each text that a function may come from, the likeliest first.

    >>> "def dedent(text):" in "".join(next(texts_of(textwrap.dedent)))
    True
    """
    code = f.__code__
    path = _path(code.co_filename)
    # From Python 3.13 on the text of `python -c` is known under the name that code from `exec` has too: it may be another one.
    yield linecache.getlines(path, f.__globals__)
    if is_file(code):
        yield _read_again(path)
        yield _from_loader(f)
        return
    if code.co_filename == "<stdin>":
        yield _standard_input()
        yield from _typed(code)
    for text in (*(_command() if code.co_filename == "<string>" else ()), *_held_texts(f)):
        yield text.splitlines(keepends=True)


def is_file(code: CodeType) -> bool:
    """Whether code says that it comes from a file.

    >>> is_file(compile("1", "<stdin>", "eval")), is_file(compile("1", "program.py", "eval"))
    (False, True)
    """
    return not (code.co_filename.startswith("<") and code.co_filename.endswith(">")) or code.co_filename.startswith("<frozen ")


def why_missing(f: FunctionType, found: bool) -> tuple[str, str]:
    """Why there is no source for a function, and what to do; `found` says whether there are texts under its file name.

    >>> why_missing(eval("lambda x: x"), False)[0]
    'there is no source for `<lambda>`: it was made by exec or eval of a text that is gone, under the name <string>'
    """
    code = f.__code__
    name = code.co_filename
    if found and is_file(code):
        return (f"the source of `{f.__qualname__}` is not what it was compiled from: {os.path.basename(name)} has changed since it was "
                "imported, or a decorator has rewritten the function", "import the module again")
    if name == "<stdin>":
        made = "it was typed at a prompt or came through a pipe, which keep no texts"
    elif is_file(code):
        made = f"there is no file {name}"
    else:
        made = f"it was made by exec or eval of a text that is gone, under the name {name}"
    return f"there is no source for `{f.__qualname__}`: {made}", ("define it in a file, or enter its text into linecache.cache under the "
                                                                   "file name that compile() is given")


def rewritten_by_loader(f: FunctionType) -> bool:
    """Whether the module of a function was loaded by other means than Python's own, which may have changed its code, as pytest does.

    >>> rewritten_by_loader(textwrap.dedent)
    False
    """
    return type(f.__globals__.get("__loader__")).__name__ not in _PLAIN_LOADERS


def _path(name: str) -> str:
    """Where the source of a file lies; modules that are frozen into the interpreter know it themselves."""
    if not name.startswith("<frozen "):
        return name
    return getattr(sys.modules.get(name[len("<frozen "):-1]), "__file__", None) or name


def _read_again(path: str) -> list[str]:
    """The lines of a file as they are now: `linecache` may remember those from before it was changed and imported again."""
    try:
        with tokenize.open(path) as file:
            return file.read().splitlines(keepends=True)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return []


def _from_loader(f: FunctionType) -> list[str]:
    """The lines that the loader of a module gives, which may lie in an archive."""
    get_source: Any = getattr(f.__globals__.get("__loader__"), "get_source", None)
    name = f.__globals__.get("__name__")
    if get_source is None or type(name) is not str:
        return []
    try:
        return (get_source(name) or "").splitlines(keepends=True)
    except (ImportError, OSError):
        return []


def _command() -> list[str]:
    """The text of `python -c`, from the arguments of the interpreter."""
    given = iter(sys.orig_argv[1:])
    for word in given:
        if word == "--check-hash-based-pycs":
            next(given, None)
        if not word.startswith("-") or word.startswith("--"):
            continue
        for k, letter in enumerate(word[1:], 2):
            if letter in "WXmc":
                text = word[k:] or next(given, "")
                if letter == "c":
                    return [text, textwrap.dedent(text)]    # newer interpreters take the common indentation away
                break
    return []


def _standard_input() -> list[str]:
    """The lines of a script on standard input, if that is a file; reading it does not move its position."""
    try:
        status = os.fstat(0)
        if not stat.S_ISREG(status.st_mode):
            return []
        return os.pread(0, status.st_size, 0).decode().splitlines(keepends=True)
    except (OSError, UnicodeDecodeError, AttributeError):
        return []


def _typed(code: CodeType) -> Iterator[list[str]]:
    """The statements in the history of the line editor that may have defined a function, newest first."""
    readline: Any = sys.modules.get("readline")
    if readline is None:
        return
    count = readline.get_current_history_length()
    history = [readline.get_history_item(k) or "" for k in range(max(1, count - MOST_LINES), count + 1)]
    first = code.co_firstlineno
    last = max((p[1] or 0 for p in code.co_positions()), default=first)
    mark = "lambda" if code.co_name == "<lambda>" else code.co_name
    for k in range(len(history) - 1, -1, -1):
        start = k - first + 1
        if start >= 0 and (mark in history[k] or history[k].lstrip().startswith("@")):
            for more in (0, 1, 5, 50):      # the statement may go on after the function
                yield [line + "\n" for line in history[start:start + last + more]]


def _held_texts(f: FunctionType) -> Iterator[str]:
    """Texts that the running functions, their modules, and that of `f` still hold, and that mention its name."""
    mark = "lambda" if f.__code__.co_name == "<lambda>" else f"def {f.__code__.co_name}"
    seen: set[int] = set()
    for values in _running(f):
        for value in values:
            if type(value) is str and id(value) not in seen and mark in value:
                seen.add(id(value))
                yield value


def _running(f: FunctionType) -> Iterator[list[Any]]:
    yield list(f.__globals__.values())
    frame: FrameType | None = sys._getframe(1)
    spaces: set[int] = {id(f.__globals__)}
    while frame is not None:
        if id(frame.f_globals) not in spaces:
            spaces.add(id(frame.f_globals))
            yield list(frame.f_globals.values())
        yield [*frame.f_locals.values(), *frame.f_code.co_consts]
        frame = frame.f_back

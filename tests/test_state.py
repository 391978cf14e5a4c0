"""Every process-wide object that the packages change stands on docs/state.md, and what stands there exists."""

import importlib
import re
from pathlib import Path

from tests.process_state import objects

PAGE = Path(__file__).resolve().parent.parent / "docs" / "state.md"


def test_the_page_names_all():
    named = re.findall(r"^\| `([\w.]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.M)
    assert len(set(named)) == len(named)
    missing = set(objects()) - set(named) - {"codegen.elementary.functions.functions"}    # a table of functions that only its module makes
    assert not missing, f"say on docs/state.md what holds, bounds and guards {sorted(missing)}, or do without"
    for name in named:
        module, attribute = name.rsplit(".", 1)
        assert hasattr(importlib.import_module(module), attribute), f"{name} is on docs/state.md and does not exist"


def test_a_new_object_is_noticed(tmp_path, monkeypatch):
    from tests import process_state
    (tmp_path / "tracer").mkdir()
    (tmp_path / "tracer" / "new.py").write_text(
        "import itertools\nfrom functools import lru_cache\n_seen = {}\n_fixed = {1: 2}\n_names = itertools.count()\n_last = None\n\n\n"
        "def f(x):\n    _seen[x] = 1\n    return _fixed[x]\n\n\ndef g(x):\n    global _last\n    _last = x\n\n\n@lru_cache\ndef h(x):\n    return x\n")
    monkeypatch.setattr(process_state, "ROOT", tmp_path)
    monkeypatch.setattr(process_state, "PACKAGES", ("tracer",))
    assert process_state.objects() == [f"tracer.new.{n}" for n in ("_last", "_names", "_seen", "h")]

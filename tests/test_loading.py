"""Loading a library neither waits for Python's search for garbage nor burdens the searches after it."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from inspector_core.loading import load

PROGRAM = """
import gc
searches = []
gc.callbacks.append(lambda phase, info: searches.append(info["generation"]) if phase == "start" else None)
from inspector_core.loading import load
load("inspector_core.jobs.station")
during = searches.count(2) - 1  # the one before it begins
import torch
print(during, gc.isenabled(), len(gc.get_objects()), gc.get_freeze_count())
"""


def test_torch_is_loaded_without_a_search_and_left_out_of_later_ones() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    during, enabled, searched, left_out = done.stdout.split()
    assert (during, enabled) == ("0", "True")
    assert int(searched) < 20_000 < 100_000 < int(left_out)


def test_what_is_loaded_already_leaves_the_searches_as_they_are() -> None:
    before = gc.get_freeze_count()
    load("json")
    assert gc.get_freeze_count() <= before  # some of it may be freed meanwhile


def test_a_module_that_fails_leaves_the_searches_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "norma_broken.py").write_text("raise ImportError('no such library')")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = gc.get_freeze_count()
    with pytest.raises(ImportError, match="no such library"):
        load("norma_broken")
    with pytest.raises(ModuleNotFoundError):
        load("norma_that_is_not_there")
    assert gc.isenabled()
    assert gc.get_freeze_count() <= before  # some of it may be freed meanwhile

"""The detector's thread goes after the screen's, with all that it starts."""

import os
import sys
import threading

import pytest

from inspector_core.priority import LATER, give_way


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have a niceness on Linux alone")
def test_one_thread_gives_way_and_those_it_starts_but_no_other() -> None:
    before, found = niceness(), []

    def detect() -> None:
        give_way()
        found.append(niceness())
        helper = threading.Thread(target=lambda: found.append(niceness()))
        helper.start()
        helper.join()

    thread = threading.Thread(target=detect)
    thread.start()
    thread.join()
    assert found == [max(before, LATER)] * 2
    assert niceness() == before


def test_a_refusal_stops_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError("not allowed")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "setpriority", refuse, raising=False)
    give_way()
    assert "keeps its priority" in caplog.text

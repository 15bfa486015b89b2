"""The door between the line's threads and Qt."""

import threading
import time

import pytest

from app import line_bridge
from app.line_bridge import LineBridge
from app.line_watch import KEPT_REJECTS, LineWatch
from inspector_core.errors import CameraError, ModelFileError, RecordsError
from inspector_core.inspection.line import LineState
from inspector_core.inspection.verdict import Verdict


def test_starting_never_blocks_the_window(qtbot, bridge, station, recipe):
    station.delay_s = 1.0
    began = time.perf_counter()
    bridge.start(recipe)
    assert time.perf_counter() - began < station.delay_s / 2
    assert bridge.state is LineState.STARTING
    assert bridge.running
    with qtbot.waitSignal(bridge.started):
        pass
    assert bridge.running


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (CameraError("camera 5 is gone", "check its cable"), LineState.NO_CAMERA),
        (ModelFileError("m.safetensors is gone", "put it back"), LineState.NO_MODEL),
        (RecordsError("the database is locked", "close the other program"), LineState.FAULT),
        (ZeroDivisionError("x"), LineState.FAULT),
    ],
)
def test_what_can_not_be_opened_is_told_in_words(qtbot, bridge, station, recipe, error, state):
    station.problem = error
    with qtbot.waitSignal(bridge.failed) as told:
        bridge.start(recipe)
    qtbot.waitUntil(lambda: bridge.state is state)
    assert told.args == [error]
    assert str(error) in bridge.reason
    assert not bridge.running


def test_a_line_that_started_while_the_window_closed_is_stopped_too(qtbot, bridge, station, recipe):
    bridge.start(recipe)
    deadline = time.monotonic() + 5
    while not (station.lines and station.lines[0].state is LineState.WAITING):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert bridge.shut_down(5)  # before Qt could deliver that the line is open
    assert station.lines[0].finished
    assert station.records.closed


def test_a_line_can_be_started_again_after_a_failure(qtbot, bridge, station, recipe):
    station.problem = CameraError("gone", "check")
    with qtbot.waitSignal(bridge.failed):
        bridge.start(recipe)
    station.problem = None
    with qtbot.waitSignal(bridge.started):
        bridge.start(recipe)


def test_the_newest_part_is_shown_and_those_before_it_are_not(qtbot, bridge, running_line):
    line = running_line()
    shown = []
    bridge.part_inspected.connect(shown.append)
    for _ in range(50):
        line.inspect()
    bridge.poll()
    bridge.poll()
    assert [latest.inspection.part for latest in shown] == [50]


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def ticks(bridge, running_line, monkeypatch):
    """A new part, and a tick of the bridge's timer so many milliseconds after the last: what it told."""
    line, clock, told = running_line(), Clock(), []
    bridge._timer.stop()
    monkeypatch.setattr(line_bridge, "time", clock)
    bridge.part_inspected.connect(lambda _: told.append("part"))
    bridge.figures_changed.connect(lambda _: told.append("figures"))

    def tick(ms: float, verdict: Verdict = Verdict.PASS, finished: bool = False) -> list[str]:
        told.clear()
        line.inspect(verdict)
        line.commit()
        line.finished = finished
        clock.now += ms / 1e3
        bridge.poll()
        return list(told)

    tick(1000)
    return tick


def test_a_part_and_the_figures_are_not_painted_at_the_same_time(ticks):
    """A click waits for all that is to be painted."""
    told = [ticks(10) for _ in range(60)]
    assert {len(one) for one in told} == {1}
    figures = [k for k, one in enumerate(told) if one == ["figures"]]
    assert 2 <= len(figures) <= 3, "four times a second"


def test_a_screen_that_can_not_follow_passes_parts_over_but_shows_some(ticks):
    assert ticks(10) == ["part"]
    assert ticks(30) == [], "20 ms late"
    assert ticks(10) == ["part"]
    told = [ticks(60) for _ in range(20)]
    shown = [k for k, one in enumerate(told) if one == ["part"]]
    assert 4 <= len(shown) <= 7, "in 1.2 seconds"


def test_a_line_that_rejects_every_second_part_still_shows_parts(ticks):
    """Rejects in a row are told at once, which is at every tick here."""
    told = [ticks(10, verdict) for verdict in [Verdict.FAIL, Verdict.PASS] * 30]
    assert all("figures" in one for one in told)
    assert 2 <= sum("part" in one for one in told) <= 4, "in 0.6 seconds"


def test_the_end_shows_the_last_part_and_the_last_figures(qtbot, ticks):
    assert ticks(10) == ["part"]
    assert ticks(30, finished=True) == ["part", "figures"]


def test_counts_follow_committed_counts_only(qtbot, bridge, running_line):
    line = running_line()
    figures, committed = [], []
    bridge.figures_changed.connect(figures.append)
    bridge.committed.connect(committed.extend)
    line.inspect(Verdict.PASS)
    line.inspect(Verdict.FAIL, lost=2)
    qtbot.wait(320)
    assert figures[-1].counts.triggers == 0
    assert committed == []
    line.commit()
    qtbot.waitUntil(lambda: figures[-1].counts.triggers == 4)
    counts = figures[-1].counts
    assert (counts.passed, counts.failed, counts.lost) == (1, 1, 2)
    assert counts.identity_holds
    assert [part.part for part in committed] == [1, 2]


def test_no_committed_part_is_told_twice_or_left_out(qtbot, bridge, running_line):
    line = running_line()
    told = []
    bridge.committed.connect(lambda parts: told.extend(part.part for part in parts))
    for size in (1, 7, 0, 30, 2):
        for _ in range(size):
            line.inspect()
        line.commit()
        bridge.poll()
    assert told == list(range(1, 41))


def test_stopping_finishes_what_is_in_flight_before_it_is_told(qtbot, bridge, running_line):
    line = running_line()
    line.inspect()
    with qtbot.waitSignal(bridge.stopped) as told:
        bridge.stop()
        assert bridge.stopping
    assert told.args[0].triggers == 1
    assert not bridge.running
    assert not bridge.stopping
    assert bridge.state is LineState.STOPPED


def test_a_stop_during_the_start_wins(qtbot, bridge, station, recipe):
    station.delay_s = 0.1
    bridge.start(recipe)
    with qtbot.waitSignal(bridge.stopped):
        bridge.stop()
    assert not bridge.running
    assert bridge.state is LineState.STOPPED


def test_a_line_that_ends_by_a_fault_says_why(qtbot, bridge, running_line):
    line = running_line()
    with qtbot.waitSignal(bridge.stopped):
        line.end(LineState.DISK_FULL, "the disk is full")
    assert (bridge.state, bridge.reason) == (LineState.DISK_FULL, "the disk is full")
    assert not bridge.running


def test_shutting_down_stops_the_line_and_closes_the_records(qtbot, station, recipe):
    bridge = LineBridge(station, poll_ms=10)
    with qtbot.waitSignal(bridge.started):
        bridge.start(recipe)
    assert bridge.shut_down(5.0)
    assert station.lines[0].finished
    assert station.records.closed


def test_shutting_down_during_the_start_leaves_no_line_behind(qtbot, station, recipe):
    station.delay_s = 0.2
    bridge = LineBridge(station, poll_ms=10)
    bridge.start(recipe)
    assert bridge.shut_down(5.0)
    qtbot.wait(50)
    assert all(line.state is LineState.STOPPED for line in station.lines)
    assert station.records.closed


def test_a_reject_keeps_its_picture_until_the_screen_takes_it(running_line, images):
    line = running_line()
    line.inspect(Verdict.PASS, images)
    line.inspect(Verdict.FAIL, images)
    assert line.watch.picture(1) is None
    assert line.watch.picture(2) is images.image
    assert line.watch.picture(2) is None


def test_kept_pictures_are_bounded(running_line, images):
    line = running_line()
    for _ in range(KEPT_REJECTS + 5):
        line.inspect(Verdict.FAIL, images)
    kept = [line.watch.picture(part) is not None for part in range(1, KEPT_REJECTS + 6)]
    assert kept == [False] * 5 + [True] * KEPT_REJECTS


def test_the_watch_may_be_written_and_read_at_once(running_line, images):
    watch = LineWatch()
    line = running_line()
    line.watch = watch
    writer = threading.Thread(target=lambda: [line.inspect(Verdict.FAIL, images) for _ in range(300)])
    writer.start()
    taken = 0
    while writer.is_alive():
        taken += sum(watch.picture(part) is not None for part in range(1, 301, 7))
    writer.join()
    assert taken <= 300

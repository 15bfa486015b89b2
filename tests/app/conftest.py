"""Fixtures of the screens: a station without hardware, and guards against what a test leaves behind."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, QSettings, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.context import AppContext
from app.line_bridge import LineBridge
from app.line_watch import LineWatch
from app.theme import apply_theme
from inspector_core.inspection.latency import LatencyMeter
from inspector_core.inspection.line import Latest, LineState
from inspector_core.inspection.line_counts import Tally
from inspector_core.inspection.recipe import CameraSettings, Recipe, Thresholds
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.workspace import Workspace

SCORES = {Verdict.PASS: 0.1, Verdict.REVIEW: 0.45, Verdict.FAIL: 0.9, Verdict.ERROR: None}


def part_images(seed: int = 0, size: int = 128) -> PartImages:
    """A grey part with a bright spot at (40, 50)."""
    rng = np.random.default_rng(seed)
    clean = rng.integers(90, 130, (size, size, 3), dtype=np.uint8)
    y, x = np.mgrid[:size, :size]
    spot = np.exp(-((x - 40) ** 2 + (y - 50) ** 2) / 200).astype(np.float32)
    image = np.clip(clean + 100 * spot[..., None], 0, 255).astype(np.uint8)
    return PartImages(image, clean, spot)


class FakeLine:
    """A line that inspects and commits when the test says so."""

    def __init__(self, recipe: Recipe, watch: LineWatch) -> None:
        self.recipe = recipe
        self.watch = watch
        self.tally = Tally()
        self.latency = LatencyMeter()
        self.state = LineState.STOPPED
        self.reason = ""
        self.finished = False
        self.waiting: list[Inspection] = []
        self.made = 0
        self._latest: Latest | None = None

    def start(self) -> None:
        self.state = LineState.WAITING

    def stop(self, timeout: float | None = None) -> bool:
        self.commit()
        self.state, self.finished = LineState.STOPPED, True
        return True

    def end(self, state: LineState, reason: str) -> None:
        """Stop against its will."""
        self.state, self.reason, self.finished = state, reason, True

    def inspect(
        self, verdict: Verdict = Verdict.PASS, images: PartImages | None = None, lost: int = 0
    ) -> None:
        """Inspect one part; it counts only after `commit`."""
        self.state = LineState.RUNNING
        self.made += 1
        limits = self.recipe.thresholds
        inspection = Inspection(
            part=self.made, verdict=verdict, score=SCORES[verdict], fail_threshold=limits.fail,
            review_threshold=limits.review, pixel_threshold=limits.pixel, recipe=self.recipe.name,
            recipe_version=self.recipe.version, model_sha256="ab" * 32, latency_ms=42.0,
            captured_at=datetime.now(UTC), camera_id="fake", frame_id=self.made, lost_before=lost,
            reason="the camera gave no picture" if verdict is Verdict.ERROR else "", id=1000 + self.made,
        )  # fmt: skip
        self.latency.add(42.0)
        self.watch.saw(inspection, images)
        self.waiting.append(inspection)
        self._latest = Latest(inspection, images)

    def commit(self) -> None:
        waiting, self.waiting = self.waiting, []
        self.tally.commit(waiting)

    @property
    def counts(self):
        return self.tally.counts

    @property
    def rejects_in_a_row(self) -> int:
        return self.tally.rejects_in_a_row

    def acknowledge(self) -> None:
        self.tally.acknowledge()

    def recent(self) -> list[Inspection]:
        return self.tally.recent()

    def latest(self) -> Latest | None:
        return self._latest


class FakeRecords:
    closed = False

    def close(self) -> None:
        self.closed = True


class FakeStation:
    """Opens fake lines; `problem` is raised instead where it is set, `delay_s` is spent first."""

    def __init__(self) -> None:
        self.lines: list[FakeLine] = []
        self.records = FakeRecords()
        self.problem: Exception | None = None
        self.delay_s = 0.0

    def open_records(self) -> FakeRecords:
        return self.records

    def open_line(
        self, recipe: Recipe, records: object, watch: LineWatch, max_parts: int | None = None
    ) -> FakeLine:
        time.sleep(self.delay_s)
        if self.problem is not None:
            raise self.problem
        self.lines.append(FakeLine(recipe, watch))
        return self.lines[-1]


def make_recipe(name: str = "Bracket") -> Recipe:
    return Recipe(
        name=name,
        camera=CameraSettings(source="frames"),
        model="bracket.safetensors",
        thresholds=Thresholds(fail=0.5, review=0.4, pixel=0.5),
    )


for _waiting in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitSignals):
    # Five seconds are short on two busy cores, where the first import of torch alone may take as long.
    assert _waiting.__kwdefaults__ is not None
    _waiting.__kwdefaults__["timeout"] = 30_000


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["norma-tests"]


@pytest.fixture(autouse=True)
def themed(qapp: QApplication) -> None:
    """Every screen is tested with the looks that it has on the line."""
    if not qapp.styleSheet():
        apply_theme(qapp)


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a thread, a running timer or a window, and say which."""
    threads_before = set(threading.enumerate())
    windows_before = set(qapp.topLevelWidgets())
    yield
    qapp.processEvents()
    deadline = time.monotonic() + 3.0
    while (threads := _new_threads(threads_before)) and time.monotonic() < deadline:
        time.sleep(0.01)
    windows = [w for w in qapp.topLevelWidgets() if w not in windows_before and w.isVisible()]
    timers = [t for w in qapp.topLevelWidgets() if w not in windows_before for t in _running_timers(w)]
    timers += _running_timers(qapp)
    assert not threads, f"threads left running: {[thread.name for thread in threads]}"
    assert not windows, f"windows left open: {windows}"
    assert not timers, f"timers left running: {[timer.parent() for timer in timers]}"


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t not in before and not t.name.startswith("Dummy")]


def _running_timers(root: QObject) -> list[QTimer]:
    return [timer for timer in root.findChildren(QTimer) if timer.isActive()]


@pytest.fixture
def station() -> FakeStation:
    return FakeStation()


@pytest.fixture
def recipe() -> Recipe:
    return make_recipe()


@pytest.fixture
def images() -> PartImages:
    return part_images()


@pytest.fixture
def bridge(qapp: QApplication, station: FakeStation) -> Iterator[LineBridge]:
    made = LineBridge(station, poll_ms=10)
    yield made
    made.shut_down(5.0)
    made.deleteLater()


@pytest.fixture
def context(tmp_path: Path, bridge: LineBridge) -> AppContext:
    workspace = Workspace.open(tmp_path / "workspace")
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    return AppContext(workspace, RecipeStore(workspace), bridge, settings, go=lambda title: None)


@pytest.fixture
def running_line(qtbot, bridge: LineBridge, station: FakeStation, recipe: Recipe) -> Callable[[], FakeLine]:
    """Starts the fake line through the bridge and returns it."""

    def start() -> FakeLine:
        with qtbot.waitSignal(bridge.started):
            bridge.start(recipe)
        return station.lines[-1]

    return start

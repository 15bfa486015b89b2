"""The one door between the line's threads and Qt.

The line never waits for the screen: a timer on the GUI thread looks at what the line has published and
tells the screen by signals. Everything that takes time (opening a camera, a model or the database, stopping)
happens in a thread and comes back as a signal.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Background
from app.line_watch import LineWatch
from inspector_core.errors import RecordsError, in_words
from inspector_core.inspection.drift import Drift, find_drift
from inspector_core.inspection.latency import LatencyMeter
from inspector_core.inspection.line import Counts, Latest, LineState
from inspector_core.inspection.line_state import state_after
from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.verdict import Inspection, Verdict

if TYPE_CHECKING:
    from inspector_core.records import Records

log = logging.getLogger(__name__)

POLL_MS = 33
LATE_S = 0.005
"""The timer's lateness from which on the screen has more to paint than it can, and a part is passed over."""
LONGEST_S = 0.2
"""Between two parts on the screen, however much else there is to paint."""
FIGURES_S = 0.25
RATE_WINDOW_S = 60.0
STOP_S = 20.0


class Line(Protocol):
    """What the bridge needs of an inspection line; everything may be read from any thread."""

    @property
    def state(self) -> LineState: ...
    @property
    def reason(self) -> str: ...
    @property
    def finished(self) -> bool: ...
    @property
    def counts(self) -> Counts: ...
    @property
    def rejects_in_a_row(self) -> int: ...
    @property
    def latency(self) -> LatencyMeter: ...
    def start(self) -> None: ...
    def stop(self, timeout: float | None = None) -> bool: ...
    def latest(self) -> Latest | None: ...
    def recent(self) -> list[Inspection]: ...
    def acknowledge(self) -> None: ...


class Station(Protocol):
    """Opens what a line is made of; both are called in a thread and may take their time."""

    def open_records(self) -> "Records":
        """The database of the workspace. Raises NormaError."""

    def open_line(
        self, recipe: Recipe, records: "Records", watch: LineWatch, max_parts: int | None = None
    ) -> Line:
        """A line that has not been started; it ends after `max_parts`, if given. Raises NormaError."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of the Live screen. Counts and drift are of committed rows; times are milliseconds."""

    counts: Counts = field(default_factory=Counts)
    parts_per_minute: float = 0.0
    last_ms: float | None = None
    p95_ms: float = 0.0
    rejects_in_a_row: int = 0
    drift: Drift | None = None


class LineBridge(QObject):
    """Runs at most one line at a time.

    Signals:
        state_changed(LineState, reason): also when a stop begins, see `stopping`.
        part_inspected(Latest): the newest part; parts in between are not shown.
        committed(list of Inspection): parts counted since the last signal, oldest first.
        figures_changed(Figures)
        started(Recipe): a line runs from now on. stopped(Counts): it has ended.
        failed(error): something could not be opened.
        records_opened(records): once, when the database is ready.
        recipes_changed(name): for those who publish or activate a recipe to emit.
    """

    state_changed = Signal(object, str)
    part_inspected = Signal(object)
    committed = Signal(list)
    figures_changed = Signal(object)
    started = Signal(object)
    stopped = Signal(object)
    failed = Signal(object)
    records_opened = Signal(object)
    recipes_changed = Signal(str)

    def __init__(self, station: Station, parent: QObject | None = None, *, poll_ms: int = POLL_MS) -> None:
        super().__init__(parent)
        self._station = station
        self._background = Background(self, self._open_failed)
        self._records: Records | None = None
        self._records_lock = threading.Lock()
        self._line: Line | None = None
        self._opening = False
        self._stop_asked = False
        self._state, self._reason = LineState.STOPPED, ""
        self.recipe: Recipe | None = None
        self.watch = LineWatch()
        self._timer = QTimer(self)
        self._timer.setInterval(poll_ms)
        self._timer.timeout.connect(self.poll)
        self._shown: Latest | None = None
        self._inspected = 0
        self._last_part = 0
        self._last_ms: float | None = None
        self._row = 0
        self._figures_at = self._shown_at = self._polled_at = 0.0
        self._marks: deque[tuple[float, int]] = deque()

    # what the screen reads

    @property
    def state(self) -> LineState:
        return self._state

    @property
    def reason(self) -> str:
        return self._reason

    @property
    def running(self) -> bool:
        """Whether a line is being opened, runs or is stopping."""
        return self._opening or self._line is not None

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for and is not yet complete."""
        return self._stop_asked and self.running

    @property
    def records(self) -> "Records | None":
        """The opened records, None before `records_opened`."""
        return self._records

    def opened_records(self) -> "Records":
        """The records, for threads that may outlast them. Raises RecordsError where they are not open."""
        if (records := self._records) is None:
            raise RecordsError("the database is not open", "wait until it is, or start Norma again")
        return records

    # what the screen asks for

    def open_records(self) -> None:
        """Open the database in a thread; then `records_opened` or `failed`."""
        self._background.run(self._records_now, self.records_opened.emit)

    def start(self, recipe: Recipe, max_parts: int | None = None) -> None:
        """Open and start a line, for `max_parts` if given; a second start while one runs does nothing."""
        if self.running:
            return
        self.recipe, self._opening, self._stop_asked = recipe, True, False
        self._forget_run()
        watch = self.watch = LineWatch()
        self._show(LineState.STARTING, "")
        self._background.run(lambda: self._open(recipe, watch, max_parts), self._opened)

    def stop(self) -> None:
        """Ask for an orderly end; `stopped` follows when all parts in flight are recorded."""
        if not self.running or self._stop_asked:
            return
        self._stop_asked = True
        self.state_changed.emit(self._state, self._reason)
        if self._line is not None:
            self._background.run(partial(self._line.stop, STOP_S))

    def acknowledge(self) -> None:
        """Count rejects in a row afresh."""
        if self._line is not None:
            self._line.acknowledge()
            self._publish_figures(self._line)

    def shut_down(self, timeout_s: float = STOP_S) -> bool:
        """Stop the line and close the records, waiting for both; True where all ended in time."""
        self._timer.stop()
        self._stop_asked = True
        ended = self._background.wait(timeout_s)
        if self._line is not None:
            ended = self._line.stop(timeout_s) and ended
        with self._records_lock:
            records, self._records = self._records, None
        if records is not None:
            records.close()
        return ended

    # opening

    def _records_now(self) -> "Records":
        with self._records_lock:
            if self._records is None:
                self._records = self._station.open_records()
            return self._records

    def _open(self, recipe: Recipe, watch: LineWatch, max_parts: int | None) -> Line | None:
        records = self._records_now()
        line = self._station.open_line(recipe, records, watch, max_parts)
        if self._stop_asked:
            return None
        line.start()
        self._line = line  # here and not in `_opened`, which a closing window may never come to
        return line

    def _opened(self, line: Line | None) -> None:
        self._opening = False
        if line is None:
            self._end(Counts(), LineState.STOPPED, "")
            return
        self.started.emit(self.recipe)
        self._timer.start()
        if self._stop_asked:
            self._background.run(partial(line.stop, STOP_S))

    def _open_failed(self, error: BaseException) -> None:
        if self._opening:
            self._opening = False
            self._show(state_after(error), in_words(error))
        self.failed.emit(error)

    # looking at the line

    def poll(self) -> None:
        """Tell the screen what is new; called by the timer."""
        line = self._line
        if line is None:
            return
        finished = line.finished  # read first: what is published before the end is then seen below
        now, newest = time.monotonic(), line.latest()
        late = now - self._polled_at > self._timer.interval() / 1e3 + LATE_S
        self._polled_at = now
        # one of the two at a time where a part can wait, as a click waits for all that is to be painted
        due = now - self._figures_at >= FIGURES_S or self._row != line.rejects_in_a_row
        waits = (due or late) and now - self._shown_at < LONGEST_S and not finished
        if newest is not None and newest is not self._shown and not waits:
            self._shown, self._shown_at = newest, now
            self.part_inspected.emit(newest)
        self._publish_committed(line)
        self._show(line.state, line.reason)
        if finished or due:
            self._figures_at = now
            self._publish_figures(line)
        if finished:
            self._line = None
            self._timer.stop()
            self._end(line.counts, line.state, line.reason)

    def _publish_committed(self, line: Line) -> None:
        inspected = line.counts.inspected
        new = inspected - self._inspected
        if new > 0:
            parts = [part for part in line.recent() if part.part > self._last_part]
            self._inspected = inspected
            if parts:
                self._last_part = parts[-1].part
                self._last_ms = parts[-1].latency_ms
                self.committed.emit(parts)

    def _publish_figures(self, line: Line) -> None:
        counts, now = line.counts, time.monotonic()
        self._marks.append((now, counts.inspected))
        while len(self._marks) > 2 and now - self._marks[0][0] > RATE_WINDOW_S:
            self._marks.popleft()
        since, before = self._marks[0]
        rate = (counts.inspected - before) * 60.0 / (now - since) if now - since >= 1.0 else 0.0
        self._row = line.rejects_in_a_row
        p95 = line.latency.recent().p95_ms
        self.figures_changed.emit(Figures(counts, rate, self._last_ms, p95, self._row, self._drift(line)))

    def _drift(self, line: Line) -> Drift | None:
        if self.recipe is None or self.recipe.ignore_mask:
            return None  # calibration looked at the whole part: scores under a mask are lower by themselves
        passed = (part.score for part in line.recent() if part.verdict is Verdict.PASS)
        return find_drift([score for score in passed if score is not None], self.watch.normal_scores)

    def _end(self, counts: Counts, state: LineState, reason: str) -> None:
        self._stop_asked = False
        self._show(state, reason, again=True)
        self.stopped.emit(counts)

    def _show(self, state: LineState, reason: str, *, again: bool = False) -> None:
        if again or (state, reason) != (self._state, self._reason):
            self._state, self._reason = state, reason
            self.state_changed.emit(state, reason)

    def _forget_run(self) -> None:
        self._shown = self._last_ms = None
        self._inspected = self._last_part = self._row = 0
        self._figures_at = self._shown_at = self._polled_at = 0.0
        self._marks.clear()

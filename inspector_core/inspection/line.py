"""The inspection line: grab → detect and judge → record, in threads, with every trigger accounted for."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from inspector_core.cameras.camera import Camera
from inspector_core.engines.engine import Engine
from inspector_core.errors import in_words
from inspector_core.inspection.grabber import Grabber
from inspector_core.inspection.inspector import Finding, PartInspector
from inspector_core.inspection.lanes import run_lanes
from inspector_core.inspection.latency import LatencyMeter, StageTimes
from inspector_core.inspection.line_counts import Counts, Tally
from inspector_core.inspection.line_state import LineState, LineStatus
from inspector_core.inspection.part_queue import Part, PartQueue
from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.workspace import Workspace

__all__ = ["Counts", "InspectionLine", "Latest", "LineState", "OnCommit", "Recorder"]

log = logging.getLogger(__name__)

MOST_AHEAD = 16
"""Parts that may be finished while an earlier one is still looked at."""
OnCommit = Callable[[list[Inspection]], None]


class Recorder(Protocol):
    """Makes inspections durable. Both methods are called by one of the line's threads at a time, in order.

    It is made by `make_recorder(on_commit)` and calls `on_commit` with the inspections of each transaction,
    from any thread, after the commit. Nothing is counted before.
    """

    def record(self, inspection: Inspection, images: PartImages | None) -> None:
        """Accept one part, waiting where its queue is full. Raises RecordsError where it can't go on."""

    def close(self) -> None:
        """Return once all that was accepted is committed. Raises RecordsError where that fails."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest inspected part, for the screen; not yet counted. `images` is None where there are none."""

    inspection: Inspection
    images: PartImages | None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A part on its way to a lane, and who stood at the line when it came."""

    part: Part
    number: int
    lot: str
    operator: str


@dataclass(frozen=True, slots=True)
class _Done:
    """What a lane made of it; `arrived` as in `Part`."""

    inspection: Inspection
    images: PartImages | None
    arrived: float


class InspectionLine:
    """One run of one recipe, from `start` to its end; it can't be started twice.

    The camera is opened, read and closed by one thread, the engine opened and warmed up by another. It is
    called from as many as it has lanes; parts are recorded in the order in which they came.
    A fault of a part (camera, detector, judge) is an ERROR inspection and the line goes on. What it can't go
    on without (no camera at the start, no model, a recorder that refuses) ends it in a state that says so.

    Args:
        engine: an engine, or a function that opens one; called once, in the detect thread.
        make_recorder: called once with the line's `on_commit`, in the detect thread, after the camera and the
            model are known to work; the line closes what it returns.
        max_parts: end after exactly this many recorded parts (lost ones have no record and do not count).
        queue_size: frames that may wait in triggered mode before a part is an overrun.
        back_off_s: first wait after a failed fetch; doubles up to `grabber.LONGEST_BACK_OFF_S`.

    Attributes:
        operator, lot: written into each inspection; may be changed while the line runs.
    """

    def __init__(
        self,
        recipe: Recipe,
        camera: Camera,
        engine: Engine | Callable[[], Engine],
        make_recorder: Callable[[OnCommit], Recorder],
        *,
        workspace: Workspace,
        operator: str = "",
        lot: str = "",
        max_parts: int | None = None,
        queue_size: int = 8,
        back_off_s: float = 0.05,
    ) -> None:
        self.recipe = recipe
        self.operator = operator
        self.lot = lot
        self._engine = engine
        self._make_recorder = make_recorder
        self._workspace = workspace
        self._queue = PartQueue(capacity=queue_size, newest_wins=recipe.mode == "free_run", limit=max_parts)
        self._taken = 0
        self._tally = Tally()
        self._latency = LatencyMeter()
        self._times = StageTimes()
        self._latest: Latest | None = None
        self._lock = threading.Lock()
        self._status = LineStatus()
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._grabber = Grabber(
            camera, recipe, self._queue, self._times, self._status, self._stopping, self._ready, back_off_s
        )
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"norma-{name}", daemon=True)
            for name, work in (("grab", self._grabber.run), ("detect", self._detect))
        ]
        self._working = len(self._threads)

    # --- what the owner calls -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; returns at once. What goes wrong is found in `state`, `reason` and `error`."""
        self._status.show(LineState.STARTING)
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Ask for an orderly end, in which parts in flight are finished; True once it is reached."""
        self._stopping.set()
        return self.wait(timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of the run; False where it did not come within `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def state(self) -> LineState:
        return self._status.state

    @property
    def reason(self) -> str:
        """Why the state is what it is, in words for the operator; may be empty."""
        return self._status.reason

    @property
    def error(self) -> BaseException | None:
        """What ended the line against its will."""
        return self._status.error

    @property
    def finished(self) -> bool:
        """Whether the run has ended; never true before `start`."""
        return self._working == 0

    @property
    def counts(self) -> Counts:
        """Committed parts only."""
        return self._tally.counts

    @property
    def seen(self) -> int:
        """Triggers noticed; equal to `counts.triggers` after an orderly end."""
        return self._queue.seen

    @property
    def rejects_in_a_row(self) -> int:
        return self._tally.rejects_in_a_row

    def acknowledge(self) -> None:
        """Begin to count rejects in a row afresh."""
        self._tally.acknowledge()

    def recent(self) -> list[Inspection]:
        """The last committed inspections, oldest first."""
        return self._tally.recent()

    def latest(self) -> Latest | None:
        """The newest inspected part; never waits and never holds up the line."""
        return self._latest

    @property
    def latency(self) -> LatencyMeter:
        """From a frame's arrival in the line until its verdict is its turn; parts that were scored only."""
        return self._latency

    @property
    def profile(self) -> dict[str, float]:
        """Mean milliseconds of each stage over the last parts; `grab` includes waiting for the camera.

        Grabbing and archiving run beside the other stages, which follow one another for each part.
        """
        return self._times.means()

    # --- the detector's thread ------------------------------------------------------------------------

    def _detect(self) -> None:
        try:
            engine = self._engine() if callable(self._engine) else self._engine
            mask = self.recipe.ignore_mask_path(self._workspace)
            reference = self.recipe.reference_path(self._workspace)
            inspectors = [PartInspector(self.recipe, engine, mask, self._times, reference)]
            while len(inspectors) < inspectors[0].lanes:
                inspectors.append(PartInspector(self.recipe, engine, mask, self._times, reference))
            engine.warm_up()
            self._grabber.opened.wait()
            if self._grabber.ending:
                return
            recorder = self._make_recorder(self._tally.commit)
            try:
                self._ready.set()
                model = engine.model.sha256
                run_lanes(
                    [partial(self._inspect, inspector, model) for inspector in inspectors],
                    self._take,
                    partial(self._record, recorder),
                    self._queue.close,
                    MOST_AHEAD,
                )
            except Exception as error:
                self._fail(error)
            finally:
                self._queue.close()
                recorder.close()
        finally:
            self._queue.close()
            self._ready.set()

    def _take(self) -> _Taken | None:
        part = self._queue.take()
        self._taken += 1
        return None if part is None else _Taken(part, self._taken, self.lot, self.operator)

    def _inspect(self, inspector: PartInspector, model: str, taken: _Taken) -> _Done:
        part = taken.part
        found = Finding.error(part.reason) if part.image is None else inspector.inspect(part.image)
        return _Done(self._inspection(taken, found, model), found.images, part.arrived)

    def _record(self, recorder: Recorder, done: _Done) -> None:
        latency_ms = (time.perf_counter() - done.arrived) * 1000  # with the wait for those before it
        inspection = replace(done.inspection, latency_ms=latency_ms)
        latest = Latest(inspection, done.images)
        try:
            with self._times.measure("record"):
                recorder.record(inspection, done.images)
        except Exception as error:
            reason = f"not recorded: {in_words(error)}"
            refused = replace(
                inspection, verdict=Verdict.ERROR, reason=reason, score=None, model_sha256="", defect_area=0
            )
            latest = Latest(refused, done.images)
            raise
        finally:
            self._latest = latest
        if inspection.score is not None:
            self._latency.add(inspection.latency_ms)

    def _inspection(self, taken: _Taken, finding: Finding, model: str) -> Inspection:
        part, thresholds = taken.part, self.recipe.thresholds
        return Inspection(
            part=taken.number,
            verdict=finding.judgement.verdict,
            score=finding.score,
            fail_threshold=thresholds.fail,
            review_threshold=thresholds.review,
            pixel_threshold=thresholds.pixel,
            recipe=self.recipe.name,
            recipe_version=self.recipe.version,
            model_sha256=model if finding.score is not None else "",
            latency_ms=0.0,  # known once it is its turn
            captured_at=part.captured_at,
            camera_id=part.camera_id,
            frame_id=part.frame_id,
            lost_before=part.lost_before,
            reason=finding.judgement.reason,
            defect_area=finding.judgement.defect_area,
            lot=taken.lot,
            operator=taken.operator,
            source=part.source,
        )

    # --- both -----------------------------------------------------------------------------------------

    def _run(self, work: Callable[[], None]) -> None:
        """Do one thread's work; whatever escapes it ends the line with a reason."""
        try:
            work()
        except Exception as error:
            self._fail(error)
        finally:
            with self._lock:
                if self._working == 1:  # before it counts as finished
                    self._status.end()
                self._working -= 1

    def _fail(self, error: BaseException) -> None:
        self._status.fail(error)
        self._stopping.set()

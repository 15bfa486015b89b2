"""The camera's thread of a line: every frame, and every fault of the camera, becomes a part that waits."""

import logging
import threading
import time

from inspector_core.cameras.camera import Camera, EndOfStream
from inspector_core.errors import CameraError, in_words
from inspector_core.inspection.latency import StageTimes
from inspector_core.inspection.line_state import LineState, LineStatus
from inspector_core.inspection.part_queue import Part, PartQueue
from inspector_core.inspection.recipe import Recipe

log = logging.getLogger(__name__)

FETCH_S = 0.2
"""One wait for a frame: what a stop may take longer while the camera is silent."""
LONGEST_BACK_OFF_S = 2.0


class Grabber:
    """Opens, reads and closes the camera.

    Args:
        stopping: set where the line is to end.
        ready: set once there is somebody to inspect the parts, or nobody ever will.
        back_off_s: first wait after a failed fetch; doubles up to `LONGEST_BACK_OFF_S`.

    Attributes:
        opened: set once the camera is open, or will not be.
    """

    def __init__(
        self,
        camera: Camera,
        recipe: Recipe,
        queue: PartQueue,
        times: StageTimes,
        status: LineStatus,
        stopping: threading.Event,
        ready: threading.Event,
        back_off_s: float,
    ) -> None:
        self._camera = camera
        self._recipe = recipe
        self._queue = queue
        self._times = times
        self._status = status
        self._stopping = stopping
        self._ready = ready
        self._back_off_s = back_off_s
        self.opened = threading.Event()

    @property
    def ending(self) -> bool:
        """Whether no further frame is to be fetched."""
        return self._stopping.is_set() or self._queue.closed

    def run(self) -> None:
        """Open the camera and, once the line is ready, fetch until the end; closes camera and queue."""
        try:
            self._camera.open()
            self.opened.set()
            self._ready.wait()
            if not self.ending:
                self._camera.start()
                self._status.show(LineState.WAITING)
                self._fetch_all()
        finally:
            self._queue.close()
            self.opened.set()
            for leave in (self._camera.stop, self._camera.close):
                try:
                    leave()
                except Exception:
                    log.exception("the camera did not stop cleanly")

    def _fetch_all(self) -> None:
        on_demand = bool(getattr(self._camera, "on_demand", False))
        last_frame, asked = time.monotonic(), time.perf_counter()
        lost_at_start, lost, failures = self._camera.counters.lost, 0, 0
        while not self.ending:
            part, failed = None, False
            try:
                frame = self._camera.fetch(min(FETCH_S, self._recipe.frame_timeout_s))
                if frame is not None:
                    part = Part.of(frame, time.perf_counter())
                    self._times.add("grab", (part.arrived - asked) * 1000)
                    lost += part.lost_before
            except EndOfStream:
                self._account_for(self._camera.counters.lost - lost_at_start - lost)
                self._status.show(self._status.state, "the camera has no further frames")
                return
            except Exception as error:
                part, failed = self._camera_fault(error), True
            if part is None:
                self._note_silence(time.monotonic() - last_frame)
                continue
            if on_demand:
                # Such a camera has its next frame ready at any time: the line sets the pace, and one part
                # lies ready for it.
                self._queue.wait_until_empty()
                part.on_demand = True
            self._queue.offer(part)
            asked = time.perf_counter()
            if failed:
                self._stopping.wait(min(LONGEST_BACK_OFF_S, self._back_off_s * 2 ** min(failures, 20)))
                failures += 1
            else:
                failures, last_frame = 0, time.monotonic()
                self._status.show(LineState.RUNNING)

    def _camera_fault(self, error: Exception) -> Part:
        if not isinstance(error, CameraError):
            log.error("the camera failed in an unforeseen way", exc_info=error)
        reason = in_words(error)
        self._status.show(LineState.NO_CAMERA, reason)
        return Part.fault(self._camera.id, reason, time.perf_counter())

    def _account_for(self, trailing: int) -> None:
        """Frames that were lost after the last delivered one have no part to be recorded with: make one."""
        if trailing > 0:
            reason = (
                f"the camera lost the last {trailing} frames" if trailing > 1 else "the last frame was lost"
            )
            self._queue.offer(Part.fault(self._camera.id, reason, time.perf_counter(), trailing - 1))

    def _note_silence(self, seconds: float) -> None:
        # A camera that failed is away until a frame proves otherwise: silence after it is no waiting.
        if seconds < self._recipe.frame_timeout_s or self._status.state is LineState.NO_CAMERA:
            return
        away = str(getattr(self._camera, "fault", ""))
        if away:
            self._status.show(LineState.NO_CAMERA, away)
        elif self._recipe.mode == "triggered":
            self._status.show(LineState.WAITING, "waiting for a trigger")
        else:
            self._status.show(LineState.NO_CAMERA, f"no frame for {self._recipe.frame_timeout_s:g} s")

"""A camera for a screen: opened, driven and closed in one thread, looked at by a timer.

The camera never waits for the screen: its thread takes every frame and keeps the newest, and the timer shows
that one at the screen's own rate.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from inspector_core.cameras.camera import Camera, CameraCounters, EndOfStream
from inspector_core.cameras.frame import Frame
from inspector_core.errors import CameraError

log = logging.getLogger(__name__)

SHOW_MS = 45
FETCH_S = 0.05
RATE_FRAMES = 30
Answer = Callable[[Any], object]


class CameraFeed(QObject):
    """At most one camera at a time, with its newest frame about 20 times a second.

    Signals:
        opened(features): the camera is connected; list of Feature.
        frame_shown(Frame): the newest one; those in between are not shown.
        failed(error): it can't be opened, or a fault while it delivers; then it reconnects by itself.
        state_changed(state): "closed", "opening", "live" or "paused".
    """

    opened = Signal(list)
    frame_shown = Signal(object)
    failed = Signal(object)
    state_changed = Signal(str)
    _told = Signal(object, str, object)

    def __init__(self, owner: QObject, *, show_ms: int = SHOW_MS) -> None:
        super().__init__(owner)
        self.state = "closed"
        self._session: _Session | None = None
        self._ended: _Session | None = None
        self._last: Frame | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(show_ms)
        self._timer.timeout.connect(self._look)
        self._told.connect(self._hear, Qt.ConnectionType.QueuedConnection)

    @property
    def counters(self) -> CameraCounters:
        """Since the camera was opened; zeros while there is none."""
        return CameraCounters() if self._session is None else self._session.counters

    @property
    def rate(self) -> float:
        """Frames a second that arrive from the camera, lately."""
        return 0.0 if self._session is None else self._session.rate()

    @property
    def fault(self) -> str:
        """Why the camera is being reconnected; empty while all is well."""
        return "" if self._session is None else self._session.fault

    def open(self, make: Callable[[], Camera], *, live: bool = True) -> None:
        """Connect the camera that `make` gives, in its thread, in place of the one before."""
        self._end_session()
        self._last = None
        self._session = _Session(make, self._tell, self._ended, live)
        self._session.start()
        self._timer.start()
        self._show("opening")

    def close(self) -> None:
        """Let go of the camera; its thread closes it by itself."""
        self._end_session()
        self._timer.stop()
        self._show("closed")

    def set_live(self, live: bool) -> None:
        """Deliver frames, or pause so that settings which a stream locks can be changed."""
        if self._session is not None:
            self._session.set_live(live)

    def ask(self, work: Callable[[Camera], Any], done: Answer | None = None,
            failed: Answer | None = None) -> None:  # fmt: skip
        """Do `work(camera)` in the camera's thread; then `done(result)` or `failed(error)` in this one."""
        if self._session is not None:
            self._session.orders.put((work, done, failed or self.failed.emit))

    def shut_down(self, timeout_s: float = 5.0) -> bool:
        """Close the camera and wait for it; True where it closed in time."""
        self._end_session()
        self._timer.stop()
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 5.0) -> bool:
        """Wait, in any thread, for the camera that was closed last; True where it closed in time."""
        ended = self._ended
        if ended is not None:
            ended.join(timeout_s)
        return ended is None or not ended.is_alive()

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.end()
            self._ended = session

    def _look(self) -> None:
        newest = None if self._session is None else self._session.latest
        if newest is not None and newest is not self._last:
            self._last = newest
            self.frame_shown.emit(newest)

    def _tell(self, session: "_Session", kind: str, value: object) -> None:
        try:
            self._told.emit(session, kind, value)
        except RuntimeError:
            log.debug("the screen of a camera is gone")

    def _hear(self, session: "_Session", kind: str, value: Any) -> None:
        if session is not self._session:
            return
        if kind == "opened":
            self.opened.emit(value)
        elif kind == "state":
            self._show(value)
        elif kind == "failed":
            self.failed.emit(value)
        elif kind == "answer":
            callback, result = value
            if callback is not None:
                callback(result)

    def _show(self, state: str) -> None:
        if state == "closed" and self._session is not None:
            self._ended, self._session = self._session, None
            self._timer.stop()
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)


class _Session(threading.Thread):
    """One camera from opening to closing. All calls to the camera are made here."""

    def __init__(self, make: Callable[[], Camera], tell: Callable[["_Session", str, object], None],
                 before: "_Session | None", live: bool) -> None:  # fmt: skip
        super().__init__(name="camera-feed", daemon=True)
        self._make, self._tell, self._before = make, tell, before
        self._ending = threading.Event()
        self._wanted = live
        self.orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.latest: Frame | None = None
        self.counters = CameraCounters()
        self.fault = ""
        self._arrivals: deque[float] = deque(maxlen=RATE_FRAMES)

    def end(self) -> None:
        self._ending.set()
        self.orders.put(None)

    def set_live(self, live: bool) -> None:
        self._wanted = live
        self.orders.put(None)

    def rate(self) -> float:
        times = list(self._arrivals)
        if len(times) < 2 or time.monotonic() - times[-1] > 2.0:
            return 0.0
        return (len(times) - 1) / max(times[-1] - times[0], 1e-6)

    def run(self) -> None:
        if self._before is not None:
            self._before.join()  # the same camera can't be opened twice
            self._before = None
        camera: Camera | None = None
        try:
            if not self._ending.is_set():
                camera = self._make()
                camera.open()
                self._tell(self, "opened", camera.features())
                self._serve(camera)
        except Exception as error:
            log.warning("a camera on the screen failed: %s", error)
            self._tell(self, "failed", error)
        finally:
            if camera is not None:
                camera.close()
            self._tell(self, "state", "closed")

    def _serve(self, camera: Camera) -> None:
        streaming: bool | None = None
        while not self._ending.is_set():
            if streaming is not self._wanted:
                streaming = self._switch(camera, self._wanted)
            self._follow_orders(camera, wait=not streaming)
            if streaming:
                self._fetch(camera)
            self.counters = replace(camera.counters)

    def _switch(self, camera: Camera, on: bool) -> bool:
        try:
            camera.start() if on else camera.stop()
        except CameraError as error:
            self._wanted = on = False
            self._tell(self, "failed", error)
        self._arrivals.clear()
        self._tell(self, "state", "live" if on else "paused")
        return on

    def _follow_orders(self, camera: Camera, *, wait: bool) -> None:
        try:
            order = self.orders.get(timeout=0.2) if wait else self.orders.get_nowait()
        except queue.Empty:
            return
        if order is None:
            return
        work, done, failed = order
        try:
            self._tell(self, "answer", (done, work(camera)))
        except Exception as error:
            self._tell(self, "answer", (failed, error))

    def _fetch(self, camera: Camera) -> None:
        try:
            frame = camera.fetch(FETCH_S)
        except EndOfStream:
            self._wanted = False
            return
        except CameraError as error:
            self._tell(self, "failed", error)
            self._ending.wait(0.5)
            return
        self.fault = str(getattr(camera, "fault", ""))
        if frame is not None:
            self.latest = frame
            self._arrivals.append(time.monotonic())

"""A GenICam camera, from the application's side: supervises the camera process and counts losses."""

import itertools
import logging
import os
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspector_core.cameras.camera import CameraCounters, CameraInfo, Feature, FeatureValue
from inspector_core.cameras.discovery import discover
from inspector_core.cameras.frame import Frame
from inspector_core.cameras.frame_ring import FrameNote, FrameRing
from inspector_core.cameras.genicam_link import CameraLink, LinkLost
from inspector_core.cameras.genicam_process import CameraOrder
from inspector_core.cameras.loss_account import LossAccount
from inspector_core.cameras.pixel_formats import byte_count, to_rgb
from inspector_core.cameras.producers import VIKY, producer_search_path, resolve_producer, viky_path
from inspector_core.errors import CameraError

__all__ = ["GenicamCamera", "discover", "producer_search_path", "viky_path"]

_SLICE_S = 0.1  # so long is the longest single wait inside `fetch`
_LONGEST_PAUSE_S = 10.0  # between attempts to reconnect

_log = logging.getLogger(__name__)
_ring_numbers = itertools.count()


class GenicamCamera:
    """A camera behind a GenTL producer that runs in a process of its own.

    When that process dies, falls silent or reports a fault while frames flow, `fetch` raises one
    CameraError and starts another process with the same features. Until that one delivers, `fetch`
    returns None at its timeout, `fault` says why, and attempts go on with growing pauses.

    Args:
        producer: a `.cti` file, or `viky`.
        device: id, serial number or user-defined name; "" for the first.
        features: set after connecting, in this order.
        connect_timeout_s: for starting the process and opening the camera.
        silence_s: a process that shows no life for so long is replaced.
    """

    def __init__(
        self,
        producer: str = VIKY,
        device: str = "",
        features: Mapping[str, FeatureValue] | None = None,
        *,
        connect_timeout_s: float = 30.0,
        silence_s: float = 5.0,
    ) -> None:
        self._producer = producer
        self._device = device
        self._features = dict(features or {})
        self._connect_timeout_s = connect_timeout_s
        self._silence_s = silence_s
        self._lock = threading.RLock()  # guards all below
        self._link: CameraLink | None = None
        self._info: CameraInfo | None = None
        self._account = LossAccount(CameraCounters())
        self._untold = 0  # lost frames that no delivered one has told of yet
        self._streaming = False
        self._stream = 0
        self._ring: FrameRing | None = None
        self._ring_name = ""
        self._beat = (0, 0.0)  # heartbeat and when it was first seen
        self._fault = ""
        self._pause_s = 0.0
        self._retry_at = 0.0

    @property
    def id(self) -> str:
        return self._info.id if self._info else self._device or Path(self._producer).name

    @property
    def counters(self) -> CameraCounters:
        return self._account.counters

    @property
    def fault(self) -> str:
        """Why the camera is being reconnected; empty while all is well."""
        return self._fault

    @property
    def restored_features(self) -> dict[str, FeatureValue]:
        """What a restarted camera is set to, in this order."""
        return dict(self._features)

    @property
    def process_id(self) -> int | None:
        """Of the camera process, where one runs."""
        link = self._link
        return link.process.pid if link else None

    def open(self) -> None:
        """Connect and set the features; does nothing where it is connected.

        Raises:
            CameraError: the producer does not load, the camera is not there or in use, or a feature
                can't be set.
        """
        with self._lock:
            if self._link is not None:
                return
            link = self._spawn(self._device)
            try:
                answer = link.reply(self._connect_timeout_s)
                if answer is None:
                    raise LinkLost(f"its driver did not answer within {self._connect_timeout_s:g} s")
            except LinkLost as error:
                link.kill()
                raise CameraError(
                    f"the camera {self.id} can't be opened ({error})",
                    "try again, and if that is in vain reinstall the camera maker's driver",
                ) from error
            except CameraError:
                link.kill()
                raise
            self._link = link
            self._info = answer[0][0]
            self._account = LossAccount(CameraCounters())

    def start(self) -> None:
        """Begin to deliver, opening the camera where that was not done. Raises CameraError."""
        with self._lock:
            if self._streaming:
                return
            self.open()
            assert self._link is not None
            self._untold = 0
            self._next_stream()
            try:
                facts = self._link.command("start", self._stream, self._ring_name)
                self._attach(self._link, facts)
            except LinkLost as error:
                self._drop_link()
                raise self._lost(str(error), "check its cable and power, then start it again") from error
            except CameraError:
                self._end_stream()
                raise
            self._streaming = True

    def fetch(self, timeout_s: float) -> Frame | None:
        """See `Camera.fetch`. Frames passed over or incomplete stand in the next one's `lost_before`."""
        deadline = time.monotonic() + timeout_s
        while True:
            frame = self._advance(min(_SLICE_S, max(0.0, deadline - time.monotonic())))
            if frame is not None or time.monotonic() >= deadline:
                return frame

    def stop(self) -> None:
        """Cease to deliver; the camera stays open. Starting costs some 100 ms: not for every part."""
        with self._lock:
            if not self._streaming:
                return
            self._streaming = False
            self._end_stream()
            if self._fault:
                self._drop_link()
                self._fault = ""

    def close(self) -> None:
        with self._lock:
            self.stop()
            link, self._link = self._link, None
            if link is not None:
                link.close()

    def features(self) -> list[Feature]:
        """Every feature of the camera with its present value. Raises CameraError."""
        found: list[Feature] = self._command("features")
        return found

    def set_feature(self, name: str, value: FeatureValue) -> None:
        """Set it now, and again after every restart. Raises CameraError naming name, value and range."""
        if self._command("set", name, value):
            # Last set, last restored: a feature's range may hang on those set before it.
            self._features.pop(name, None)
            self._features[name] = value

    def _command(self, *command: object) -> Any:
        link = self._link
        if link is None or self._fault:
            raise CameraError(f"the camera {self.id} is not connected", "open it, or wait until it is back")
        try:
            return link.command(*command)
        except LinkLost as error:
            raise self._lost(str(error)) from error

    def _advance(self, wait_s: float) -> Frame | None:
        """One step of at most `wait_s`: wait for a frame, or get on with reconnecting."""
        link = self._link
        if not self._streaming:
            raise CameraError(f"the camera {self.id} is not started", "start it first")
        if link is None:
            time.sleep(max(0.0, min(wait_s, self._retry_at - time.monotonic())))
            with self._lock:
                if self._streaming and self._link is None and time.monotonic() >= self._retry_at:
                    self._respawn()
            return None
        if self._fault:
            self._reconnect(link, wait_s)
            return None
        try:
            note = link.note(wait_s)
            with self._lock:
                if link is not self._link or not self._streaming:
                    return None
                self._check_pulse(link)
                return self._take(link, note) if note is not None and note.stream == self._stream else None
        except LinkLost as error:
            with self._lock:
                if link is not self._link:
                    return None
                self.counters.restarts += 1
                self._fault = str(error)
                self._drop_link()
                self._pause_s = 0.0
                self._respawn()
            raise self._lost(str(error)) from error

    def _take(self, link: CameraLink, note: FrameNote) -> Frame:
        assert self._ring is not None
        self._untold += self._account.arrived(note)  # it came, even where it can't be converted
        raw = self._ring.view(note.slot, note.size)
        try:
            image = to_rgb(raw, note.width, note.height, note.pixel_format, note.stride)
        finally:
            del raw
            link.want(note.stream)
        taken = datetime.fromtimestamp(note.captured, UTC)
        lost_before, self._untold = self._untold, 0
        return Frame(image, self.id, note.frame_id, taken, lost_before)

    def _check_pulse(self, link: CameraLink) -> None:
        assert self._ring is not None
        beats, incomplete = self._ring.pulse()
        self._account.incomplete(incomplete)
        now = time.monotonic()
        if beats != self._beat[0] or link.busy:  # a command has its own limit
            self._beat = (beats, now)
        elif now - self._beat[1] > self._silence_s:
            raise LinkLost(f"its driver process has been silent for {self._silence_s:g} s")

    def _reconnect(self, link: CameraLink, wait_s: float) -> None:
        """Wait for a restarted process to report that it streams; try again where it can't."""
        try:
            answer = link.reply(wait_s)
            with self._lock:
                if link is not self._link:
                    return
                if answer is not None:
                    self._info, facts = answer[0]
                    self._attach(link, facts)
                    self._fault = ""
                    _log.info("the camera %s delivers again", self.id)
                elif time.monotonic() - link.started_at > self._connect_timeout_s:
                    raise LinkLost(f"its driver did not answer within {self._connect_timeout_s:g} s")
        except (LinkLost, CameraError) as error:
            with self._lock:
                if link is not self._link:
                    return
                self._retry_later(error)

    def _spawn(self, device: str, stream: int = 0, ring_name: str = "") -> CameraLink:
        producer = resolve_producer(self._producer)
        return CameraLink(CameraOrder(producer, device, dict(self._features), stream, ring_name))

    def _respawn(self) -> None:
        self._next_stream()
        try:
            # By its id: what was the first camera may not be the first any more.
            self._link = self._spawn(self.id, self._stream, self._ring_name)
        except (CameraError, OSError) as error:
            self._retry_later(error)

    def _retry_later(self, error: Exception) -> None:
        self._fault = error.problem if isinstance(error, CameraError) else str(error)
        self._drop_link()
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s or 0.5)
        self._retry_at = time.monotonic() + self._pause_s
        _log.warning("the camera %s is not back yet: %s", self.id, self._fault)

    def _next_stream(self) -> None:
        self._stream += 1
        self._ring_name = f"norma_{os.getpid()}_{next(_ring_numbers)}"

    def _attach(self, link: CameraLink, facts: tuple[int, int, str]) -> None:
        slots, slot_size, pixel_format = facts
        self._ring = FrameRing.attach(self._ring_name, slots, slot_size)
        byte_count(pixel_format, 1, 1)  # an unknown format is told now and not with every frame
        self._account.begin_stream()
        self._beat = (0, time.monotonic())
        link.want(self._stream)

    def _end_stream(self) -> None:
        """Stop the camera and let go of the shared memory."""
        if self._link is not None and not self._fault:
            try:
                self._link.command("stop")
            except (LinkLost, CameraError) as error:
                _log.warning("the camera %s did not stop: %s", self.id, error)
                self._drop_link()
        self._release_ring()

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.kill()
        self._release_ring()

    def _release_ring(self) -> None:
        ring, self._ring = self._ring, None
        if ring is not None:
            ring.close()
        elif self._ring_name:
            FrameRing.discard(self._ring_name)

    def _lost(
        self, reason: str, remedy: str = "check its cable and power; it returns by itself"
    ) -> CameraError:
        return CameraError(f"the camera {self.id} is lost ({reason})", remedy)

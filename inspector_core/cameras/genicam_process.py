"""The camera process: drivers of camera makers run here, so that none of them can take the line down.

Nothing heavy is imported at module level, since the process starts by importing this module.
"""

import faulthandler
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector_core.cameras.camera import FeatureValue
from inspector_core.cameras.frame_ring import FrameNote, FrameRing, SlotQueue
from inspector_core.errors import CameraError

if TYPE_CHECKING:
    from inspector_core.cameras.genicam_device import Device, RawImage

_CATCH_UP_S = 0.002
_GRAB_S = 0.02  # a command waits this long at most
_HUNG_S = 60.0  # longer than any driver takes to find and open a camera
_CLOSING_S = 3.0
_SHAPING = frozenset({"Width", "Height", "PixelFormat"})  # not every camera locks them by itself


@dataclass(frozen=True, slots=True)
class CameraOrder:
    """What the process is to open, and whether to stream at once (after a restart)."""

    producer: Path
    device: str
    features: dict[str, FeatureValue] = field(default_factory=dict)
    stream: int = 0
    ring_name: str = ""


def serve_camera(control: Connection, frames: Connection, order: CameraOrder) -> None:
    """Target of the camera process: open, answer commands on `control`, hand out notes on `frames`.

    Replies are `("ok", value)` or `("error", CameraError)`; the first one tells how opening went.
    """
    isolate()
    server = None
    try:
        try:
            server = _CameraServer(control, frames, order)
        except Exception as error:
            control.send(("error", as_camera_error(error)))
            return
        control.send(("ok", (server.device.info, server.stream_facts)))
        server.run()
    except (EOFError, OSError):
        pass  # the application is gone
    finally:
        guard(4 * _CLOSING_S)
        if server is not None:
            server.close()


def list_cameras(answer: Connection, producer: Path) -> None:
    """Target of a discovery process: send the producer's cameras or a CameraError."""
    isolate()
    from inspector_core.cameras.genicam_device import Producer

    try:
        loaded = Producer(producer)
        answer.send(("ok", loaded.devices()))
    except Exception as error:
        answer.send(("error", as_camera_error(error)))
    else:
        loaded.close()


def isolate() -> None:
    """Make this process end with its parent, deaf to Ctrl-C, and silent on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    guard(_HUNG_S)
    # Drivers print; what they print must not mix with the output of `--json`.
    if sys.__stdout__ is not None and sys.__stderr__ is not None:
        os.dup2(sys.__stderr__.fileno(), sys.__stdout__.fileno())
    logging.lastResort = None


def guard(limit_s: float) -> None:
    """End this process if `guard` is not called again within `limit_s`.

    A driver that hangs can hold the interpreter's lock for good, and then no Python thread runs any
    more; faulthandler's timer needs no lock.
    """
    stream = sys.__stderr__ if sys.__stderr__ is not None else open(os.devnull, "w")  # noqa: SIM115
    faulthandler.dump_traceback_later(limit_s, exit=True, file=stream)


def as_camera_error(error: Exception) -> CameraError:
    """The error itself, or what an SDK said, in one sentence."""
    if isinstance(error, CameraError):
        return error
    text = (
        (str(error).strip() or type(error).__name__).splitlines()[0].split(" (Message from")[0].rstrip(". ")
    )
    return CameraError(f"the camera's driver reports: {text}", "check the camera, or restart it")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # The main thread sees it too and lets go of the camera in good order, unless a driver hangs.
        time.sleep(_CLOSING_S)
        os._exit(0)


class _CameraServer:
    """Single-threaded: one loop serves the commands and the camera."""

    def __init__(self, control: Connection, frames: Connection, order: CameraOrder) -> None:
        # The SDK is imported here, in its own process, and nowhere else.
        from inspector_core.cameras.genicam_device import Producer
        from inspector_core.cameras.genicam_features import write_feature

        self._control, self._frames = control, frames
        self._producer = Producer(order.producer)
        self.device: Device = self._producer.open(order.device)
        # Creating an acquirer takes SIGINT's handler for itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._grabber: _Grabber | None = None
        self.stream_facts: tuple[int, int, str] | None = None
        for name, value in order.features.items():
            write_feature(self.device.node_map, name, value)
        if order.ring_name:
            self.stream_facts = self._start(order.stream, order.ring_name)

    def run(self) -> None:
        """Until told to close, or until the device fails. Raises EOFError where the application is gone."""
        guarded = 0.0
        while True:
            now = time.monotonic()
            if now - guarded > 1:
                guard(_HUNG_S)
                guarded = now
            ready = wait([self._control, self._frames], self._patience())
            if self._frames in ready:
                self._want(self._frames.recv())
                if self._grabber and self._grabber.queue.backlog:
                    continue  # a reader that fell behind catches up while the driver's buffers last
            if self._control in ready and not self._obey(self._control.recv()):
                return
            if self._grabber and not self._grab(self._grabber):
                return

    def close(self) -> None:
        self._stop()
        self.device.close()
        self._producer.close()

    def _patience(self) -> float:
        """Seconds to wait for the application before looking after the camera."""
        if self._grabber is None:
            return 1.0
        return _CATCH_UP_S if self._grabber.queue.backlog else 0.0

    def _want(self, stream: int) -> None:
        if self._grabber and stream == self._grabber.stream:
            self._grabber.queue.want()
            self._lend(self._grabber)

    def _obey(self, command: tuple[Any, ...]) -> bool:
        verb, *arguments = command
        try:
            value = self._execute(verb, arguments)
        except Exception as error:
            self._control.send(("error", as_camera_error(error)))
        else:
            self._control.send(("ok", value))
        return bool(verb != "close")

    def _execute(self, verb: str, arguments: list[Any]) -> Any:
        from inspector_core.cameras.genicam_features import list_features, write_feature

        if verb == "start":
            return self._start(*arguments)
        if verb == "stop":
            return self._stop()
        if verb == "features":
            return list_features(self.device.node_map)
        if verb == "set":
            if self._grabber and arguments[0] in _SHAPING:
                raise CameraError(f"{arguments[0]} can't be set while frames flow", "stop the camera first")
            return write_feature(self.device.node_map, *arguments)
        return None

    def _start(self, stream: int, ring_name: str) -> tuple[int, int, str]:
        """Returns slots, slot size in bytes, pixel format."""
        self._stop()
        ring = FrameRing.create(ring_name, self.device.largest_image())
        try:
            self.device.start()
        except Exception:
            ring.close()
            raise
        self._grabber = _Grabber(ring, stream, self.device)
        return ring.slots, ring.slot_size, self.device.pixel_format()

    def _stop(self) -> None:
        if self._grabber:
            grabber, self._grabber = self._grabber, None
            try:
                self.device.stop()
            finally:
                grabber.ring.close()

    def _grab(self, grabber: "_Grabber") -> bool:
        try:
            self.device.fetch(_GRAB_S, grabber.take)
        except Exception as error:
            self._frames.send(as_camera_error(error))
            return False
        grabber.ring.beat(grabber.incomplete)
        self._lend(grabber)
        return True

    def _lend(self, grabber: "_Grabber") -> None:
        note = grabber.queue.next_to_lend()
        if note is not None:
            self._frames.send(note)


class _Grabber:
    """One stream: from the driver's buffer into a slot of the ring."""

    def __init__(self, ring: FrameRing, stream: int, device: "Device") -> None:
        self.ring = ring
        self.stream = stream
        self.queue = SlotQueue(ring.slots)
        self._device = device
        self._incomplete_before = device.incomplete
        self._first_id: int | None = None
        self._taken = 0

    @property
    def incomplete(self) -> int:
        return self._device.incomplete - self._incomplete_before

    def take(self, image: "RawImage") -> None:
        """Copy the driver's view into a slot."""
        self._taken += 1
        frame_id = image.frame_id if image.frame_id >= 0 else self._taken
        if self._first_id is None:
            self._first_id = frame_id
        slot = self.queue.claim()
        try:
            self.ring.write(slot, image.data)
        except BaseException:
            self.queue.release(slot)
            raise
        self.queue.arrived(
            FrameNote(
                self.stream,
                slot,
                image.data.size,
                image.width,
                image.height,
                image.pixel_format,
                image.stride,
                frame_id,
                self._first_id,
                self.incomplete,
                time.time(),
            )
        )

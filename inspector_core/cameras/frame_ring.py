"""Slots of shared memory in which the camera process hands over raw images."""

import contextlib
import shutil
import struct
import sys
from collections import deque
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector_core.errors import CameraError

SLOTS = 8
_HEADER = 64  # bytes; two little-endian uint64: heartbeat, incomplete frames


class FrameNote(NamedTuple):
    """What the camera process tells of the image in a slot."""

    stream: int  # which start of the camera this belongs to
    slot: int
    size: int  # bytes
    width: int
    height: int
    pixel_format: str
    stride: int  # bytes from line to line, 0 where lines are not padded
    frame_id: int
    first_id: int  # of the first frame of this stream
    incomplete: int  # incomplete frames of this stream, up to this frame
    captured: float  # seconds since 1970


class FrameRing:
    """A shared memory of equal slots behind a header; one process writes, another reads.

    Who writes and who reads a slot is agreed in messages, so there is no lock that a killed process
    could keep.
    """

    def __init__(self, memory: SharedMemory, slots: int, slot_size: int) -> None:
        self.slots = slots
        self.slot_size = slot_size
        self._memory = memory
        assert memory.buf is not None
        self._buffer: memoryview[int] = memory.buf

    @classmethod
    def create(cls, name: str, slot_size: int) -> "FrameRing":
        """Raises CameraError where the system has too little shared memory for two slots."""
        slots = SLOTS
        free = _free_shared_memory()
        while slots > 2 and slots * slot_size + _HEADER > free:
            slots -= 1
        if slots * slot_size + _HEADER > free:
            raise CameraError(
                f"images of {slot_size / 1e6:.0f} MB exceed the {free / 1e6:.0f} MB of shared memory",
                "enlarge /dev/shm or reduce the camera's Width and Height",
            )
        return cls(SharedMemory(name, create=True, size=_HEADER + slots * slot_size), slots, slot_size)

    @classmethod
    def attach(cls, name: str, slots: int, slot_size: int) -> "FrameRing":
        """Map the ring and take its name away, so that nothing is left whichever process is killed."""
        memory = SharedMemory(name)
        memory.unlink()
        return cls(memory, slots, slot_size)

    @staticmethod
    def discard(name: str) -> None:
        """Remove a ring that was created but never attached."""
        try:
            memory = SharedMemory(name)
        except FileNotFoundError:
            return
        memory.close()
        memory.unlink()

    def beat(self, incomplete: int) -> None:
        """Writer: show that it lives, and how many incomplete frames it met."""
        (count,) = struct.unpack_from("<Q", self._buffer, 0)
        struct.pack_into("<QQ", self._buffer, 0, count + 1, incomplete)

    def pulse(self) -> tuple[int, int]:
        """Reader: (heartbeat, incomplete frames)."""
        beats, incomplete = struct.unpack_from("<QQ", self._buffer, 0)
        return beats, incomplete

    def write(self, slot: int, data: NDArray[np.uint8]) -> None:
        """Copy uint8 [bytes] into a slot. Raises CameraError where it is too large."""
        if data.size > self.slot_size:
            raise CameraError(
                f"the camera sent an image of {data.size} bytes where {self.slot_size} were announced",
                "stop the camera and start it again",
            )
        self.view(slot, data.size)[:] = data

    def view(self, slot: int, size: int) -> NDArray[np.uint8]:
        """The slot's bytes, uint8 [size]; let go of it before `close`."""
        return np.frombuffer(self._buffer, np.uint8, size, _HEADER + slot * self.slot_size)

    def close(self) -> None:
        # The traceback of an error may still hold a view; the memory then goes when that is dropped.
        with contextlib.suppress(BufferError):
            self._memory.close()


class SlotQueue:
    """The writer's account of its slots: free, waiting in the order of arrival, or lent to the reader.

    When the reader is slow the oldest waiting image gives way to the newest.
    """

    def __init__(self, slots: int) -> None:
        self._free = deque(range(slots))
        self._waiting: deque[FrameNote] = deque()
        self._lent: int | None = None
        self._wanted = False

    def claim(self) -> int:
        """A slot to write into."""
        return self._free.popleft() if self._free else self._waiting.popleft().slot

    def release(self, slot: int) -> None:
        """Give back a claimed slot that was not filled."""
        self._free.append(slot)

    def arrived(self, note: FrameNote) -> None:
        self._waiting.append(note)

    @property
    def backlog(self) -> int:
        """Images that wait for the reader."""
        return len(self._waiting)

    def want(self) -> None:
        """The reader asks for the next image and is done with the one before."""
        if self._lent is not None:
            self._free.append(self._lent)
            self._lent = None
        self._wanted = True

    def next_to_lend(self) -> FrameNote | None:
        """The image to hand to the reader now, if it waits for one and there is one."""
        if not self._wanted or not self._waiting:
            return None
        note = self._waiting.popleft()
        self._lent, self._wanted = note.slot, False
        return note


def _free_shared_memory() -> float:
    """Bytes; tmpfs kills the process that writes beyond them instead of refusing."""
    place = Path("/dev/shm")
    if sys.platform != "linux" or not place.is_dir():
        return float("inf")
    return 0.9 * shutil.disk_usage(place).free

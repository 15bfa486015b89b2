"""Where parts wait between the camera and the detector: bounded, and no part leaves it uncounted."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from inspector_core.cameras.frame import Frame

MAX_WAITING_FAULTS = 1000
OVERRUN = "overrun: parts arrive faster than they can be inspected"


@dataclass(slots=True)
class Part:
    """One trigger on its way to a verdict.

    Attributes:
        image: RGB uint8 [H, W, 3], None where there is none to inspect; `reason` then says why.
        arrived: `time.perf_counter()` when the line received it.
        on_demand: it was there before it was asked for, and arrives when it is taken.
        lost_before: triggers without a record of their own between the part before and this one.
    """

    image: NDArray[np.uint8] | None
    camera_id: str
    frame_id: int
    captured_at: datetime
    arrived: float
    lost_before: int = 0
    source: str = ""
    reason: str = ""
    on_demand: bool = False

    @classmethod
    def of(cls, frame: Frame, arrived: float) -> "Part":
        lost = max(0, frame.lost_before)
        return cls(
            frame.image, frame.camera_id, frame.frame_id, frame.captured_at, arrived, lost, frame.source
        )

    @classmethod
    def fault(cls, camera_id: str, reason: str, arrived: float, lost_before: int = 0) -> "Part":
        return cls(None, camera_id, 0, datetime.now(UTC), arrived, lost_before, reason=reason)


class PartQueue:
    """A bounded queue with one writer (grab) and one reader (detect) at a time.

    Args:
        capacity: frames that may wait when every frame is a part; one more becomes an overrun fault.
        newest_wins: at most one frame waits, and a newer one takes its place; what is passed over is added
            to `lost_before` of its successor.
        limit: parts after which the queue closes by itself, so that exactly so many are taken.
    """

    def __init__(self, *, capacity: int, newest_wins: bool, limit: int | None = None) -> None:
        self._capacity = capacity
        self._newest_wins = newest_wins
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[Part] = deque()
        self._closed = False
        self._taken = 0
        self._seen = 0

    @property
    def seen(self) -> int:
        """Triggers noticed so far: accepted parts and what was lost before them."""
        with self._changed:
            return self._seen

    @property
    def closed(self) -> bool:
        with self._changed:
            return self._closed

    def offer(self, part: Part) -> bool:
        """Hand a part in; False where the queue is closed or holds all that were asked for. Never blocks."""
        with self._changed:
            frames = [waiting for waiting in self._waiting if waiting.image is not None]
            passed_over = frames if self._newest_wins and part.image is not None else []
            rows = self._taken + len(self._waiting) - len(passed_over) + 1
            if self._closed or (self._limit is not None and rows > self._limit):
                return False
            if part.image is not None and not self._newest_wins and len(frames) >= self._capacity:
                part.image, part.reason = None, OVERRUN
            self._seen += 1 + part.lost_before
            self._waiting.append(part)
            for frame in passed_over:
                self._pass_over(frame)
            if len(self._waiting) > self._capacity + MAX_WAITING_FAULTS:
                self._pass_over(next(fault for fault in self._waiting if fault.image is None))
            self._changed.notify_all()
            return True

    def take(self) -> Part | None:
        """The next part, waiting for it; None once the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            self._taken += 1
            if self._taken == self._limit:
                self._closed = True
            self._changed.notify_all()
            part = self._waiting.popleft()
            if part.on_demand:
                part.arrived = time.perf_counter()
            return part

    def wait_until_empty(self) -> None:
        """Return once no part waits, or the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._waiting)

    def close(self) -> None:
        """Accept nothing more; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _pass_over(self, part: Part) -> None:
        place = next(i for i, waiting in enumerate(self._waiting) if waiting is part)
        self._waiting[place + 1].lost_before += 1 + part.lost_before
        del self._waiting[place]

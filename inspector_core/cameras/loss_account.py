"""How many frames a camera took but did not deliver, from what each frame tells of itself."""

from inspector_core.cameras.camera import CameraCounters
from inspector_core.cameras.frame_ring import FrameNote

_BLOCK_IDS = 0xFFFF  # GigE Vision 1.x counts 1..65535 and begins again at 1


class LossAccount:
    """Keeps `delivered`, `incomplete` and `lost`, such that the sum of what `arrived` returns is `lost`
    plus the incomplete frames before the last one that arrived. There is no counter to read in GenTL.
    """

    def __init__(self, counters: CameraCounters) -> None:
        self.counters = counters
        self._last: FrameNote | None = None
        self._incomplete_before = 0  # of earlier streams

    def begin_stream(self) -> None:
        """The camera is started anew, and counts from its beginning."""
        self._last = None
        self._incomplete_before = self.counters.incomplete

    def incomplete(self, count: int) -> None:
        """So many incomplete frames came in this stream so far."""
        self.counters.incomplete = self._incomplete_before + count

    def arrived(self, note: FrameNote) -> int:
        """Book a frame; returns how many before it were not delivered (lost or incomplete)."""
        before, self._last = self._last, note
        last_id = before.frame_id if before else note.first_id - 1
        passed = note.frame_id - last_id - 1
        if passed < 0 and 0 < last_id <= _BLOCK_IDS and passed + _BLOCK_IDS < _BLOCK_IDS // 2:
            passed += _BLOCK_IDS
        incomplete = note.incomplete - (before.incomplete if before else 0)
        # Not every producer numbers incomplete frames; of a camera that counts anew nothing can be told.
        lost_before = max(passed, incomplete, 0)
        self.counters.lost += lost_before - incomplete
        self.counters.delivered += 1
        return lost_before

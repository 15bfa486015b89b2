"""The shared memory and the account of its slots."""

from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.cameras import frame_ring
from inspector_core.cameras.frame_ring import FrameNote, FrameRing, SlotQueue
from inspector_core.errors import CameraError


def note(slot: int, frame_id: int) -> FrameNote:
    return FrameNote(1, slot, 10, 5, 2, "Mono8", 0, frame_id, 1, 0, 0.0)


def test_what_one_side_writes_the_other_reads_and_no_name_stays_behind() -> None:
    writer = FrameRing.create("norma_test_ring", 100)
    reader = FrameRing.attach("norma_test_ring", writer.slots, writer.slot_size)
    with pytest.raises(FileNotFoundError):
        SharedMemory("norma_test_ring")
    for slot in range(writer.slots):
        writer.write(slot, np.full(100 - slot, slot + 1, np.uint8))
    assert [int(reader.view(slot, 90).sum()) for slot in range(writer.slots)] == [
        90 * (slot + 1) for slot in range(writer.slots)
    ]
    writer.beat(3)
    writer.beat(4)
    assert reader.pulse() == (2, 4)
    writer.close()
    reader.close()


def test_an_image_beyond_the_slot_is_refused() -> None:
    ring = FrameRing.create("norma_test_large", 10)
    try:
        with pytest.raises(CameraError, match="11 bytes where 10 were announced"):
            ring.write(0, np.zeros(11, np.uint8))
    finally:
        ring.close()
        FrameRing.discard("norma_test_large")
    FrameRing.discard("norma_test_large")  # again: nothing to do


def test_scarce_shared_memory_takes_fewer_slots_and_then_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_ring, "_free_shared_memory", lambda: 3500.0)
    ring = FrameRing.create("norma_test_scarce", 1000)
    assert ring.slots == 3
    ring.close()
    FrameRing.discard("norma_test_scarce")
    with pytest.raises(CameraError, match="enlarge /dev/shm"):
        FrameRing.create("norma_test_scarce", 2000)


@given(slots=st.integers(2, 8), moves=st.lists(st.sampled_from(["frame", "want", "unreadable"]), max_size=80))
def test_images_come_in_order_the_oldest_gives_way_and_no_slot_is_used_twice(
    slots: int, moves: list[str]
) -> None:
    queue = SlotQueue(slots)
    waiting: list[int] = []  # the model: frame ids in a queue of slots - 1, or slots where none is lent
    held: FrameNote | None = None
    wanted, number = False, 0
    content: dict[int, int] = {}
    for move in moves:
        if move == "want":
            queue.want()
            held, wanted = None, True
        else:
            slot = queue.claim()
            assert held is None or slot != held.slot
            if len(waiting) == slots - (held is not None):
                waiting.pop(0)
            if move == "unreadable":
                queue.release(slot)
            else:
                number += 1
                content[slot] = number
                queue.arrived(note(slot, number))
                waiting.append(number)
        lent = queue.next_to_lend()
        assert (lent is not None) == (wanted and bool(waiting))
        if lent is not None:
            assert lent.frame_id == waiting.pop(0) == content[lent.slot]
            held, wanted = lent, False

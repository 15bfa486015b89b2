import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.cameras.frame import Frame
from inspector_core.inspection import part_queue
from inspector_core.inspection.part_queue import OVERRUN, Part, PartQueue

IMAGE = np.zeros((2, 2, 3), np.uint8)


def frame(number, lost=0):
    return Part.of(Frame(IMAGE, "cam", number, datetime.now(UTC), lost), 0.0)


def fault():
    return Part.fault("cam", "broken", 0.0)


def drained(queue):
    queue.close()
    parts = []
    while (part := queue.take()) is not None:
        parts.append(part)
    return parts


def test_in_free_run_the_newest_frame_takes_the_place_of_the_waiting_one():
    queue = PartQueue(capacity=3, newest_wins=True)
    for number in range(5):
        queue.offer(frame(number, lost=1 if number == 2 else 0))
    (part,) = drained(queue)
    assert (part.frame_id, part.lost_before) == (4, 5)
    assert queue.seen == 6


def test_a_fault_is_never_passed_over_by_a_frame_nor_passes_one_over():
    queue = PartQueue(capacity=3, newest_wins=True)
    for part in (frame(1), fault(), frame(2), frame(3)):
        queue.offer(part)
    parts = drained(queue)
    assert [(part.image is None, part.frame_id, part.lost_before) for part in parts] == [
        (True, 0, 1),
        (False, 3, 1),
    ]


def test_in_triggered_mode_a_part_too_many_becomes_an_overrun_in_its_place():
    queue = PartQueue(capacity=2, newest_wins=False)
    for number in range(4):
        queue.offer(frame(number))
    parts = drained(queue)
    assert [part.frame_id for part in parts] == [0, 1, 2, 3]
    assert [part.reason for part in parts] == ["", "", OVERRUN, OVERRUN]
    assert [part.image is None for part in parts] == [False, False, True, True]


def test_memory_is_bounded_even_where_nobody_takes_parts(monkeypatch):
    monkeypatch.setattr(part_queue, "MAX_WAITING_FAULTS", 5)
    queue = PartQueue(capacity=2, newest_wins=False)
    for number in range(50):
        queue.offer(frame(number))
    parts = drained(queue)
    assert len(parts) == 7
    assert [part.frame_id for part in parts[:2]] == [0, 1]
    assert sum(1 + part.lost_before for part in parts) == queue.seen == 50


@pytest.mark.parametrize("newest_wins", [True, False])
@given(
    steps=st.lists(st.one_of(st.integers(0, 3), st.sampled_from(["fault", "take"])), max_size=60),
    limit=st.none() | st.integers(1, 10),
)
def test_every_accepted_trigger_comes_out_or_is_counted(newest_wins, steps, limit):
    queue = PartQueue(capacity=2, newest_wins=newest_wins, limit=limit)
    waiting, out, accepted = 0, [], 0
    for step in steps:
        if step == "take":
            if waiting:
                out.append(queue.take())
                waiting = len(queue._waiting)
            continue
        part = fault() if step == "fault" else frame(0, lost=step)
        triggers = 1 + part.lost_before
        if queue.offer(part):
            accepted += triggers
        waiting = len(queue._waiting)
    out += drained(queue)
    assert sum(1 + part.lost_before for part in out) == accepted == queue.seen
    if limit is not None:
        assert len(out) <= limit


def test_a_queue_with_a_limit_closes_after_the_last_part():
    queue = PartQueue(capacity=8, newest_wins=False, limit=2)
    assert [queue.offer(frame(number)) for number in range(3)] == [True, True, False]
    assert queue.take().frame_id == 0
    assert not queue.closed
    assert queue.take().frame_id == 1
    assert queue.closed
    assert queue.take() is None
    assert queue.seen == 2


def test_the_writer_is_held_while_a_part_lies_ready():
    queue = PartQueue(capacity=8, newest_wins=True)
    queue.wait_until_empty()  # nothing lies there yet
    queue.offer(frame(1))
    empty = threading.Event()
    writer = threading.Thread(target=lambda: (queue.wait_until_empty(), empty.set()))
    writer.start()
    assert not empty.wait(0.05)
    assert queue.take().frame_id == 1
    assert empty.wait(5)
    writer.join(5)
    queue.offer(frame(2))
    queue.close()
    queue.wait_until_empty()  # returns at once on a closed queue


def test_a_part_on_demand_arrives_when_it_is_taken():
    queue = PartQueue(capacity=8, newest_wins=False)
    queue.offer(replace(frame(1), arrived=1.0))
    queue.offer(replace(frame(2), arrived=1.0, on_demand=True))
    before = time.perf_counter()
    assert queue.take().arrived == 1.0
    assert queue.take().arrived >= before

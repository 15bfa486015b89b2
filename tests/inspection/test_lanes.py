"""What is finished in any order is handed on in the order in which it was begun."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.inspection.lanes import InOrder, run_lanes


@given(st.permutations(range(1, 13)))
def test_whatever_the_order_of_arrival(numbers):
    out = []
    order = InOrder(out.append, most_ahead=12)
    for number in numbers:
        assert order.put(number, number)
        arrived = set(numbers[: numbers.index(number) + 1])
        together = next(k for k in range(1, 14) if k not in arrived)
        assert out == list(range(1, together)), "everything that can go goes"


def test_many_threads_never_hand_on_together():
    out, inside = [], threading.Lock()

    def hand_on(item):
        assert inside.acquire(blocking=False), "two at a time"
        time.sleep(0.0005)
        out.append(item)
        inside.release()

    order = InOrder(hand_on, most_ahead=3)
    numbers, taking = iter(range(1, 201)), threading.Lock()

    def work(seed):
        while True:
            with taking:
                number = next(numbers, None)
            if number is None:
                return
            time.sleep(0.001 * (number * 7919 % (seed + 3)) / 3)
            order.put(number, number)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, seed) for seed in range(4)]:
            done.result(30)
    assert out == list(range(1, 201))


def test_who_is_too_far_ahead_waits():
    out = []
    order = InOrder(out.append, most_ahead=1)
    ahead = threading.Thread(target=order.put, args=(3, 3))
    order.put(2, 2)
    ahead.start()
    ahead.join(0.05)
    assert ahead.is_alive()
    order.put(1, 1)
    ahead.join(10)
    assert out == [1, 2, 3]


def test_giving_up_lets_go_of_all_that_wait():
    out = []
    order = InOrder(out.append, most_ahead=1)
    waiting = ThreadPoolExecutor(1).submit(order.put, 3, 3)
    assert order.put(2, 2)
    order.give_up()
    assert waiting.result(10) is False
    assert order.put(1, 1) is False
    assert out == []


class Stream:
    """1, 2, 3 and so on, until it is stopped."""

    def __init__(self, length):
        self.left, self.stopped = list(range(1, length + 1)), 0

    def take(self):
        return None if self.stopped or not self.left else self.left.pop(0)

    def stop(self):
        self.stopped += 1


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_all_results_go_on_in_order(lanes):
    out, stream, threads = [], Stream(100), set()

    def lane(item):
        threads.add(threading.current_thread().name)
        time.sleep(0.0002 * (item * 7 % 11))
        return item * 10

    run_lanes([lane] * lanes, stream.take, out.append, stream.stop, most_ahead=8)
    assert out == list(range(10, 1010, 10))
    assert len(threads) == lanes
    assert not stream.stopped


def test_lanes_work_at_the_same_time():
    both = threading.Barrier(2, timeout=10)
    stream = Stream(6)
    run_lanes([lambda item: both.wait()] * 2, stream.take, lambda _: None, stream.stop, most_ahead=8)


@pytest.mark.parametrize("failing", ["take", "lane", "hand_on"])
def test_a_failure_anywhere_ends_all_lanes_and_is_raised(failing):
    """Also where others are as far ahead of it as they may be."""
    out, stream, ahead = [], Stream(500), threading.Event()

    def take():
        item = stream.take()
        if failing == "take" and item == 5:
            raise OSError("take")
        return item

    def lane(item):
        if item == 5:
            assert ahead.wait(10) or failing == "take"
            if failing == "lane":
                raise OSError("lane")
        if item >= 8:
            ahead.set()
        return item

    def hand_on(item):
        if failing == "hand_on" and item == 5:
            raise OSError("hand_on")
        out.append(item)

    with pytest.raises(OSError, match=failing):
        run_lanes([lane] * 3, take, hand_on, stream.stop, most_ahead=4)
    assert out == [1, 2, 3, 4]
    assert stream.stopped

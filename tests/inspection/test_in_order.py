"""What is finished in any order is handed on in the order in which it was begun."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.inspection.in_order import InOrder


@given(st.permutations(range(1, 13)))
def test_whatever_the_order_of_arrival(numbers):
    out = []
    order = InOrder(out.append, most=12)
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

    order = InOrder(hand_on, most=4)
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
    order = InOrder(out.append, most=2)
    ahead = threading.Thread(target=order.put, args=(3, 3))
    order.put(2, 2)
    ahead.start()
    ahead.join(0.05)
    assert ahead.is_alive()
    order.put(1, 1)
    ahead.join(10)
    assert out == [1, 2, 3]


def test_a_failure_is_raised_once_and_lets_go_of_all_that_wait():
    def refuse(item):
        raise OSError(f"no room for {item}")

    order = InOrder(refuse, most=2)
    waiting = ThreadPoolExecutor(1).submit(order.put, 3, 3)
    assert order.put(2, 2)
    with pytest.raises(OSError, match="no room for 1"):
        order.put(1, 1)
    assert waiting.result(10) is False
    assert order.put(4, 4) is False

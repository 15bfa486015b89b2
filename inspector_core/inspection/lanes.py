"""Several threads that work on one stream, whose results go on in the order in which the stream came."""

import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_lanes(
    lanes: Sequence[Callable[[Item], Result]],
    take: Callable[[], Item | None],
    hand_on: Callable[[Result], None],
    stop: Callable[[], None],
    most_ahead: int,
) -> None:
    """Give each item to a lane that is free, and hand its result on after those of all earlier items.

    The first lane works in the calling thread, the others in threads of their own.

    Args:
        lanes: what makes a result of an item; each is called by one thread.
        take: gives the next item, waiting for it, and None at the end; called by one thread at a time.
        hand_on: called with one result at a time, by the thread that brought what was missing.
        stop: called after a failure; makes `take` come to its end.
        most_ahead: results that may wait for an earlier one.

    Raises:
        Exception: the first that `take`, a lane or `hand_on` raised, once all lanes have ended. Nothing is
            handed on after it.
    """
    order: InOrder[Result] = InOrder(hand_on, most_ahead)
    numbers, taking = count(1), threading.Lock()
    failures: list[Exception] = []

    def work(lane: Callable[[Item], Result]) -> None:
        try:
            while True:
                with taking:
                    item, number = take(), next(numbers)
                if item is None or not order.put(number, lane(item)):
                    return
        except Exception as error:
            failures.append(error)
            order.give_up()
            stop()

    helpers = [
        threading.Thread(
            target=work, args=(lane,), name=f"{threading.current_thread().name}-{k}", daemon=True
        )
        for k, lane in enumerate(lanes[1:], 2)
    ]
    for helper in helpers:
        helper.start()
    work(lanes[0])
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]


class InOrder(Generic[Result]):
    """Hands on items by number, 1, 2, 3 and so on; whichever thread brings what was missing hands it on.

    Args:
        hand_on: called with one item after another, never by two threads at once.
        most_ahead: items that may wait for an earlier one; who brings one more waits, too.
    """

    def __init__(self, hand_on: Callable[[Result], None], most_ahead: int) -> None:
        self._hand_on = hand_on
        self._most_ahead = most_ahead
        self._changed = threading.Condition()
        self._waiting: dict[int, Result] = {}
        self._next = 1
        self._handing_on = False
        self._given_up = False

    def put(self, number: int, item: Result) -> bool:
        """Bring an item; each number once. Raises what `hand_on` raises.

        Returns:
            False once it was given up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or number <= self._next + self._most_ahead)
            self._waiting[number] = item
            if self._handing_on or self._given_up:
                return not self._given_up
            self._handing_on = True
        while (ready := self._take()) is not None:
            self._hand_on(ready)
        return True

    def give_up(self) -> None:
        """Hand nothing on any more, and let go of all that wait."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def _take(self) -> Result | None:
        with self._changed:
            ready = None if self._given_up else self._waiting.pop(self._next, None)
            if ready is None:
                self._handing_on = False
            else:
                self._next += 1
                self._changed.notify_all()
            return ready

"""What several threads finish in any order, handed on in the order in which it was begun."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class InOrder(Generic[T]):
    """Hands on items by number, 1, 2, 3 and so on; whichever thread brings what was missing hands it on.

    Args:
        hand_on: called with one item after another, never by two threads at once.
        most: items that may wait for an earlier one; who brings one more waits, too.
    """

    def __init__(self, hand_on: Callable[[T], None], most: int) -> None:
        self._hand_on = hand_on
        self._most = most
        self._changed = threading.Condition()
        self._waiting: dict[int, T] = {}
        self._next = 1
        self._handing_on = False
        self._failed = False

    def put(self, number: int, item: T) -> bool:
        """Bring an item; each number once. Raises what `hand_on` raises.

        Returns:
            False once `hand_on` has raised: nothing is handed on any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failed or number < self._next + self._most)
            self._waiting[number] = item
            if self._handing_on or self._failed:
                return not self._failed
            self._handing_on = True
        while (ready := self._take()) is not None:
            try:
                self._hand_on(ready)
            except BaseException:
                with self._changed:
                    self._failed = True
                    self._changed.notify_all()
                raise
        return True

    def _take(self) -> T | None:
        with self._changed:
            ready = self._waiting.pop(self._next, None)
            if ready is None:
                self._handing_on = False
            else:
                self._next += 1
                self._changed.notify_all()
            return ready

"""Work that takes time, off the GUI thread, with its result or its error brought back to it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

log = logging.getLogger(__name__)


class Background(QObject):
    """Runs functions in threads for its owner; the callbacks run in the GUI thread.

    A callback is not called any more once this object, which dies with its owner, is gone.
    """

    _finished = Signal(int, object, object)

    def __init__(self, owner: QObject, failed: Callable[[BaseException], object] | None = None) -> None:
        """`failed` receives the error of any work that names no handler of its own."""
        super().__init__(owner)
        self._failed = failed
        self._waiting: dict[
            int, tuple[Callable[[Any], object] | None, Callable[[BaseException], object] | None]
        ] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._next = 0
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether anything is still to be delivered."""
        return bool(self._waiting)

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], object] | None = None,
        failed: Callable[[BaseException], object] | None = None,
    ) -> int:
        """Start `work()` in a thread; then `done(result)` or `failed(error)`. Returns the job's number.

        Work that was given up, which it says by CancelledError, is followed by neither.
        """
        self._next += 1
        job = self._next
        self._waiting[job] = (done, failed or self._failed)
        thread = threading.Thread(target=self._work, args=(job, work), name=f"background-{job}", daemon=True)
        self._threads[job] = thread
        thread.start()
        return job

    def forget(self, job: int) -> None:
        """Drop the result of `job`: newer work has replaced it."""
        if job in self._waiting:
            self._waiting[job] = (None, None)

    def wait(self, timeout_s: float = 5.0) -> bool:
        """Wait for all threads, at shutdown; True where none is left. Nothing is delivered meanwhile."""
        for thread in list(self._threads.values()):
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads.values())

    def _work(self, job: int, work: Callable[[], Any]) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = work()
        except CancelledError as caught:
            error = caught
        except Exception as caught:
            log.exception("background work failed")
            error = caught
        try:
            self._finished.emit(job, result, error)
        except RuntimeError:
            log.debug("the owner of background work is gone")

    def _deliver(self, job: int, result: object, error: BaseException | None) -> None:
        self._threads.pop(job, None)
        done, failed = self._waiting.pop(job, (None, None))
        if isinstance(error, CancelledError):
            return
        if error is not None:
            if failed is not None:
                failed(error)
        elif done is not None:
            done(result)

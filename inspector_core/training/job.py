"""A training run in a process of its own: it may run out of memory or crash, and the line goes on."""

import logging
import multiprocessing
import os
import queue
import traceback
from enum import StrEnum
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

from inspector_core.errors import NormaError
from inspector_core.training.request import Progress, TrainingCancelled, TrainingRequest

NICENESS = 14
"""The line's threads go first; those that give way to a screen get three times as much of a core."""

log = logging.getLogger(__name__)


class JobState(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TrainingJob:
    """Starts a run, and tells how it goes whenever `poll` is called; never blocks its caller.

    Starting a new job with the same request takes up the checkpoint that a cancelled or crashed one left.
    """

    def __init__(self, request: TrainingRequest) -> None:
        context = multiprocessing.get_context("spawn")
        self._messages: Queue[Any] = context.Queue()
        self._cancel: Event = context.Event()
        self._process = context.Process(
            target=_work,
            args=(request, self._messages, self._cancel, os.getpid()),
            name="norma-training",
            daemon=True,
        )
        self.request = request
        self.state = JobState.RUNNING
        self.error = ""

    def start(self) -> None:
        self._process.start()

    def poll(self) -> list[Progress]:
        """What was told since the last call; `state` and `error` are up to date afterwards."""
        ended = not self._process.is_alive()  # asked first: whatever it still told is in the queue by then
        told = self._drain(wait_s=0.2 if ended else 0.0)
        if ended and self.state == JobState.RUNNING:
            self.state = JobState.FAILED
            self.error = (
                f"The training process ended without a word (exit status {self._process.exitcode}): "
                "free some memory and start again; it takes up its last checkpoint."
            )
        return told

    def cancel(self) -> None:
        """Ask the run to store its state and stop; takes up to one step."""
        self._cancel.set()

    def close(self, timeout_s: float = 30.0) -> None:
        """Cancel, and wait for the process; one that does not stop by itself is ended."""
        self.cancel()
        if self._process.pid is not None:
            self._process.join(timeout_s)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        self._messages.close()

    def _drain(self, wait_s: float) -> list[Progress]:
        told: list[Progress] = []
        while True:
            try:
                message = self._messages.get(timeout=wait_s) if wait_s else self._messages.get_nowait()
            except queue.Empty:
                return told
            if isinstance(message, Progress):
                told.append(message)
            elif isinstance(message, str):
                log.error("the training process failed\n%s", message)
            else:
                self.state, self.error = message


def _work(request: TrainingRequest, messages: "Queue[Any]", cancel: Event, parent: int) -> None:
    """The child's whole life."""
    os.nice(NICENESS)

    def stopped() -> bool:
        return cancel.is_set() or os.getppid() != parent

    try:
        from inspector_core.training.run import run_training

        run_training(request, messages.put, stopped)
        messages.put((JobState.DONE, ""))
    except TrainingCancelled:
        messages.put((JobState.CANCELLED, ""))
    except NormaError as error:
        messages.put((JobState.FAILED, str(error)))
    except Exception as error:
        messages.put(traceback.format_exc())  # into the application's log: this process has none
        messages.put((JobState.FAILED, f"Training failed ({error}): see the log file for the whole report."))

"""Finding cameras, each producer in a process of its own."""

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from inspector_core.cameras.camera import CameraInfo
from inspector_core.cameras.genicam_process import list_cameras
from inspector_core.cameras.producers import VIKY, resolve_producer
from inspector_core.errors import CameraError


def discover(producers: Sequence[str] = (VIKY,), timeout_s: float = 20.0) -> list[CameraInfo]:
    """Ask every producer for its cameras, all at the same time.

    Args:
        producers: `.cti` files, or `viky`.
        timeout_s: for all of them together.

    Returns:
        The cameras in the order of `producers`. A producer that is missing, does not load, crashes or
        hangs gives one entry with an empty `id` and, in `details`, `problem`, `remedy` and both as `error`.
    """
    deadline = time.monotonic() + timeout_s
    searches = [_Search(name) for name in producers]
    return [info for search in searches for info in search.result(deadline)]


class _Search:
    def __init__(self, producer: str) -> None:
        self._producer = producer
        self._error: CameraError | None = None
        self._process: BaseProcess | None = None
        try:
            file = resolve_producer(producer)
        except CameraError as error:
            self._error = error
            return
        context = multiprocessing.get_context("spawn")
        self._answer, answer = context.Pipe(duplex=False)
        self._process = context.Process(
            target=list_cameras, args=(answer, file), name="norma-discovery", daemon=True
        )
        self._process.start()
        answer.close()

    def result(self, deadline: float) -> list[CameraInfo]:
        if self._process is None:
            assert self._error is not None
            return [self._failure(self._error)]
        try:
            return self._receive(self._process, self._answer, deadline)
        except CameraError as error:
            return [self._failure(error)]
        finally:
            self._answer.close()
            self._process.join(2.0)
            self._process.kill()
            self._process.join(5.0)

    def _receive(self, process: BaseProcess, answer: Connection, deadline: float) -> list[CameraInfo]:
        remedy = "reinstall the camera maker's driver, or take this producer off the search path"
        try:
            if not answer.poll(max(0.0, deadline - time.monotonic())):
                process.kill()
                raise CameraError(f"the GenTL producer {self._producer} hangs", remedy)
            kind, value = answer.recv()
        except (EOFError, OSError):
            raise CameraError(f"the GenTL producer {self._producer} crashes", remedy) from None
        if kind == "error":
            raise value
        found: list[CameraInfo] = value
        return found

    def _failure(self, error: CameraError) -> CameraInfo:
        details = {"error": str(error), "problem": error.problem, "remedy": error.remedy}
        return CameraInfo(id="", vendor="", model="", producer=self._producer, details=details)

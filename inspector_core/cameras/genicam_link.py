"""The application's end of one camera process."""

import logging
import multiprocessing
import threading
import time
from typing import Any

from inspector_core.cameras.frame_ring import FrameNote
from inspector_core.cameras.genicam_process import CameraOrder, serve_camera
from inspector_core.errors import CameraError

_log = logging.getLogger(__name__)


class LinkLost(Exception):
    """The camera process has ended, or does not answer; the text says which."""


class CameraLink:
    """A running camera process and the two pipes to it. Every wait has a limit."""

    def __init__(self, order: CameraOrder) -> None:
        # Spawned, not forked: a fork would copy the threads' locks and the GPU's state.
        context = multiprocessing.get_context("spawn")
        self._control, control = context.Pipe()
        self._frames, frames = context.Pipe()
        self.process = context.Process(
            target=serve_camera, args=(control, frames, order), name="norma-camera", daemon=True
        )
        self.process.start()
        self.started_at = time.monotonic()
        # While this process held them too, the other's death would not be seen.
        control.close()
        frames.close()
        self._commands = threading.Lock()

    def reply(self, timeout_s: float) -> Any | None:
        """The value of the next reply (wrapped in a 1-tuple), or None where none came in time.

        Raises:
            CameraError: the reply was an error.
            LinkLost: the process has ended.
        """
        try:
            if not self._control.poll(timeout_s):
                return None
            kind, value = self._control.recv()
        except (EOFError, OSError) as error:
            raise LinkLost(self._how_it_ended()) from error
        if kind == "error":
            raise value
        return (value,)

    @property
    def busy(self) -> bool:
        """Whether the process works on a command, and so can't look after the camera."""
        return self._commands.locked()

    def command(self, *command: Any, timeout_s: float = 20.0) -> Any:
        """Send a command and wait for its answer. Raises CameraError or LinkLost."""
        with self._commands:
            try:
                self._control.send(command)
            except OSError as error:
                raise LinkLost(self._how_it_ended()) from error
            answer = self.reply(timeout_s)
            if answer is None:
                # Its answer could come later and be taken for another's, so the process must go.
                self.kill()
                raise LinkLost(f"its driver did not answer within {timeout_s:g} s")
            return answer[0]

    def want(self, stream: int) -> None:
        """Ask for the next image and give back the slot of the one before."""
        try:
            self._frames.send(stream)
        except OSError as error:
            raise LinkLost(self._how_it_ended()) from error

    def note(self, timeout_s: float) -> FrameNote | None:
        """The next image's note, or None where none came in time.

        Raises:
            LinkLost: the process has ended or its driver reported a fault.
        """
        try:
            if not self._frames.poll(timeout_s):
                return None
            message = self._frames.recv()
        except (EOFError, OSError) as error:
            raise LinkLost(self._how_it_ended()) from error
        if isinstance(message, CameraError):
            raise LinkLost(message.problem)
        assert isinstance(message, FrameNote)
        return message

    def close(self, timeout_s: float = 5.0) -> None:
        """Let the process release the camera and end; kill it where it does not."""
        try:
            self.command("close", timeout_s=timeout_s)
            self.process.join(timeout_s)
        except (LinkLost, CameraError) as error:
            _log.warning("the camera process did not close: %s", error)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        if self.process.is_alive():
            self.process.kill()
            self.process.join(5.0)
        self._control.close()
        self._frames.close()

    def _how_it_ended(self) -> str:
        self.process.join(1.0)
        status = self.process.exitcode
        if status is None:
            return "its driver process closed the connection"
        if status < 0:
            return f"its driver process was ended by signal {-status}"
        return f"its driver process ended with status {status}"

"""Graphs that OpenVINO compiled, kept on disk.

To trace a detector, convert it and compile it takes most of the time in which a model opens (`paper`: 23 s
on two cores); to read what came of it, a tenth.
"""

import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from inspector_core.engines.choice import machine
from inspector_core.images import write_bytes

log = logging.getLogger(__name__)

Settings = Mapping[str, object]
MOST_BYTES = 2 * 2**30
"""That all kept graphs may take; those not used for the longest time go."""
SHARE_OF_FREE = 0.1
"""Of the free disk that one graph may take: pictures of parts need it more."""
ROOMS = ("detectors", "diffusion", "engines")
"""Whose code says what a graph computes."""
_DIGEST = hashlib.sha256().digest_size


class KeptGraphs:
    """The compiled graphs of one model. A graph is found again by model, settings, libraries, processor and
    Norma's own code; one that is damaged or can't be kept costs only the time to make it.

    Args:
        folder: for the graphs of all models.
        model: the model's SHA-256; of a model without one nothing is kept.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self._folder, self._model = folder, model
        self._made: list[tuple[Path, openvino.CompiledModel]] = []
        self._read: list[Path] = []
        self._trusted = True

    def compiled(
        self, name: str, make: Callable[[], openvino.Model], settings: Settings, lanes: int
    ) -> list[openvino.CompiledModel]:
        """The graph `name` for a CPU, once for each lane, as it was kept or else as `make` makes it.

        Raises:
            RuntimeError: OpenVINO can't take it.
        """

        def in_lanes(open_one: Callable[..., openvino.CompiledModel], what: object) -> list[Any]:
            # with two streams in place of two graphs OpenVINO 2026.4 gets the features' distance wrong
            with ThreadPoolExecutor(lanes) as pool:
                return list(pool.map(lambda _: open_one(what, "CPU", settings), range(lanes)))

        path, core = self._path(name, settings), openvino.Core()
        if (kept := self._sound(path)) is not None:
            try:
                models = in_lanes(core.import_model, kept)
                self._read.append(path)
                return models
            except RuntimeError:
                log.warning("a kept graph can't be used; it is made again", exc_info=True)
        models = in_lanes(core.compile_model, make())
        if self._model:
            self._made.append((path, models[0]))
        return models

    def keep(self) -> None:
        """What had to be made, for the next time."""
        if self._made:
            while self._made:
                self._keep(*self._made.pop())
            self._make_room()

    def forget(self) -> bool:
        """Take what was read for bad, and read no more; returns whether anything was."""
        self._trusted, forgotten = False, bool(self._read)
        while self._read:
            with suppress(OSError):
                self._read.pop().unlink()
        return forgotten

    def _sound(self, path: Path) -> openvino.Tensor | None:
        if not (self._model and self._trusted):
            return None
        try:
            stored = np.fromfile(path, np.uint8)
        except OSError:
            return None
        graph, digest = stored[:-_DIGEST], stored[-_DIGEST:]
        if hashlib.sha256(graph.data).digest() != digest.tobytes():
            return None
        with suppress(OSError):  # the folder may be another user's
            os.utime(path)
        return openvino.Tensor(graph)

    def _keep(self, path: Path, compiled: openvino.CompiledModel) -> None:
        try:
            graph = compiled.export_model().getbuffer()
            self._folder.mkdir(parents=True, exist_ok=True)
            if len(graph) <= min(SHARE_OF_FREE * shutil.disk_usage(self._folder).free, MOST_BYTES):
                write_bytes(path, graph, hashlib.sha256(graph).digest())
        except (OSError, RuntimeError, MemoryError):
            log.warning("a compiled graph can't be kept in %s", self._folder, exc_info=True)

    def _make_room(self) -> None:
        there: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for file in self._folder.iterdir():
                with suppress(OSError):  # another process may have made room meanwhile
                    about = file.stat()
                    there.append((about.st_mtime, about.st_size, file))
        taken = 0
        for _, size, file in sorted(there, reverse=True):
            taken += size
            if taken > MOST_BYTES:
                with suppress(OSError):
                    file.unlink()

    def _path(self, name: str, settings: Settings) -> Path:
        about = json.dumps([self._model, name, dict(settings), *_whereabouts()])
        return self._folder / hashlib.sha256(about.encode()).hexdigest()


@cache
def _whereabouts() -> tuple[str, ...]:
    return (machine(), _processor(), _code())


def _processor() -> str:
    core = openvino.Core()
    return str([core.get_property("CPU", of) for of in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")])


def _code() -> str:
    """Which code this is; its files, or, in a folder application, the program."""
    above = Path(__file__).parents[1]
    files = sorted(file for room in ROOMS for file in (above / room).rglob("*.py"))
    if not files:
        program = Path(sys.executable).stat()
        return f"{program.st_size} {program.st_mtime_ns}"
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()

"""One engine for several lines: what they ask for at the same time goes through it in one run."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import Engine, Ignore, IgnoreMask, Image, masks_of, tiles_of
from inspector_core.engines.registered import RegisteredEngine
from inspector_core.engines.tiled import TiledEngine


@dataclass(frozen=True, slots=True)
class _Asked:
    images: Sequence[Image]
    masks: Sequence[IgnoreMask | None]
    tiles: Sequence[int]
    answer: Future[list[Detection]] = field(default_factory=Future)


class SharedEngine:
    """An engine that lives in a thread of its own and that several threads may call.

    No call waits for company: a run takes what has come while the one before was at work, in the order in
    which it came, and no more than the engine takes at once. A line therefore never waits for more than the
    run at work and those that asked before it.

    Args:
        open_engine: opens the engine; called for the first line, in the engine's thread, which also warms it
            up.
    """

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._open = open_engine
        self._opened: Future[Engine] = Future()
        self._asked: deque[_Asked] = deque()
        self._changed = Condition()
        self._closing = False
        self._thread = Thread(target=self._run, name="norma-engine", daemon=True)

    def for_line(self) -> Engine:
        """What one line calls, once the engine is open: the line's own thread finds poses and cuts tiles.

        Raises:
            Exception: what opening the engine raised.
        """
        return _around(self._engine(), self)

    @property
    def name(self) -> str:
        return self._engine().name

    @property
    def model(self) -> ModelMetadata:
        return self._engine().model

    @property
    def at_once(self) -> int:
        return _innermost(self._engine()).at_once

    @property
    def lanes(self) -> int:
        return 1

    def warm_up(self) -> None:
        self._engine()

    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        """As `Engine.infer`; raises RuntimeError after `close`."""
        self._engine()
        asked = _Asked(images, masks_of(ignore, len(images)), tiles_of(tiles, len(images)))
        with self._changed:
            if self._closing:
                raise RuntimeError("the shared engine is closed")
            self._asked.append(asked)
            self._changed.notify()
        return asked.answer.result()

    def close(self) -> None:
        """Let the thread end once it has answered what was asked; does not wait for it."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def _engine(self) -> Engine:
        """The opened engine, waiting for it; raises what opening it raised."""
        with self._changed:
            if self._thread.ident is None:
                self._thread.start()
        return self._opened.result()

    def _run(self) -> None:
        try:
            engine = self._open()
            engine.warm_up()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(engine)
        inner = _innermost(engine)
        while run := self._next_run(inner.at_once):
            _answer(inner, run)

    def _next_run(self, at_once: int) -> list[_Asked]:
        """The oldest question, and those after it that fit into the same run; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._asked or self._closing)
            run: list[_Asked] = []
            count = 0
            while self._asked and (not run or count + len(self._asked[0].images) <= at_once):
                run.append(self._asked.popleft())
                count += len(run[-1].images)
            return run


def _answer(engine: Engine, run: Sequence[_Asked]) -> None:
    images = [image for asked in run for image in asked.images]
    masks = [mask for asked in run for mask in asked.masks]
    tiles = [tile for asked in run for tile in asked.tiles]
    try:
        found = engine.infer(images, masks, tiles)
        if len(found) != len(images):
            raise RuntimeError(f"the engine gave {len(found)} detections for {len(images)} images")
    except Exception as error:
        if len(run) == 1:
            run[0].answer.set_exception(error)
            return
        for asked in run:  # one line's fault is not another's
            _answer(engine, [asked])
        return
    for asked in run:
        asked.answer.set_result(found[: len(asked.images)])
        found = found[len(asked.images) :]


def _around(opened: Engine, inner: Engine) -> Engine:
    """`inner` in the place of what the opened engine's registration and tiles have in their middle."""
    if isinstance(opened, RegisteredEngine):
        return RegisteredEngine(_around(opened.engine, inner), opened.registration)
    if isinstance(opened, TiledEngine):
        return TiledEngine(_around(opened.engine, inner), opened.tiling)
    return inner


def _innermost(engine: Engine) -> Engine:
    while isinstance(engine, RegisteredEngine | TiledEngine):
        engine = engine.engine
    return engine

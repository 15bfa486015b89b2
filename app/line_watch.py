"""What the screen sees of a run beyond the line's own figures."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector_core.inspection.verdict import Inspection, PartImages, Verdict

if TYPE_CHECKING:
    from inspector_core.engines.engine import Engine

KEPT_REJECTS = 32


class Archiving(Protocol):
    """How the archive of pictures fares; may be read from any thread."""

    @property
    def dropped_images(self) -> int: ...
    @property
    def archive_error(self) -> str: ...


class LineWatch:
    """Told by the line's threads, read by the screen.

    Attributes:
        engine_name: e.g. `torch-cpu-bf16`; empty until the engine is open.
        normal_scores: those of the model's calibration; empty where it has none.
    """

    def __init__(self) -> None:
        self.engine_name = ""
        self.normal_scores: tuple[float, ...] = ()
        self._recorder: Archiving | None = None
        self._lock = threading.Lock()
        self._rejects: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    @property
    def dropped_images(self) -> int:
        """Parts whose pictures should have been archived and were not."""
        return self._recorder.dropped_images if self._recorder else 0

    @property
    def archive_error(self) -> str:
        """Why pictures can't be archived, in words; empty while they can."""
        return self._recorder.archive_error if self._recorder else ""

    def opened(self, engine: "Engine") -> None:
        """Note the engine that inspects."""
        self.engine_name = engine.name
        calibration = engine.model.calibration
        self.normal_scores = () if calibration is None else calibration.scores

    def recorded_by(self, recorder: Archiving) -> None:
        """Note whose archive takes the pictures."""
        self._recorder = recorder

    def saw(self, inspection: Inspection, images: PartImages | None) -> None:
        """Keep the picture of a part that did not pass, by its number; the oldest falls out."""
        if inspection.verdict is Verdict.PASS or images is None:
            return
        with self._lock:
            self._rejects[inspection.part] = images.image
            if len(self._rejects) > KEPT_REJECTS:
                self._rejects.popitem(last=False)

    def picture(self, part: int) -> NDArray[np.uint8] | None:
        """The picture of a rejected part, once; None where it is no longer kept."""
        with self._lock:
            return self._rejects.pop(part, None)

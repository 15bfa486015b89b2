"""Verdicts, and the record of one inspected part."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Verdict(StrEnum):
    """What the line decides about a part. ERROR rejects."""

    PASS = "pass"
    FAIL = "fail"
    REVIEW = "review"
    ERROR = "error"

    @property
    def shown(self) -> str:
        """The word on the screen."""
        return {"pass": "OK", "fail": "NG", "review": "REVIEW", "error": "ERROR"}[self.value]


@dataclass(frozen=True, slots=True)
class Inspection:
    """The record of one part; what history, tuning and outputs read.

    Attributes:
        part: running number of the part in its session, from 1.
        score: raw image score; None where the verdict is ERROR.
        fail_threshold, review_threshold, pixel_threshold: as the recipe version had them.
        recipe, recipe_version: the recipe's name and version.
        model_sha256: hash of the model that scored it, empty where none did.
        latency_ms: from the frame's arrival in the line to the verdict, and until it is this part's turn.
        lost_before: frames lost between the part before and this one.
        reason: for ERROR, what happened, in words for the operator.
        defect_area: pixels of the region at or above the pixel threshold, in areas of the least size or more.
        image_path, map_path, reconstruction_path: relative to the workspace; empty where not archived.
        id: the database's row number; 0 before the commit.
    """

    part: int
    verdict: Verdict
    score: float | None
    fail_threshold: float
    review_threshold: float | None
    pixel_threshold: float
    recipe: str
    recipe_version: int
    model_sha256: str
    latency_ms: float
    captured_at: datetime
    camera_id: str
    frame_id: int
    lost_before: int = 0
    reason: str = ""
    defect_area: int = 0
    lot: str = ""
    operator: str = ""
    source: str = ""
    image_path: str = ""
    map_path: str = ""
    reconstruction_path: str = ""
    label: str = ""
    note: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class PartImages:
    """The pictures of one part, for the archive and the screen, all of the region's size H x W.

    `image` and `reconstruction` are uint8 RGB [H, W, 3], `anomaly_map` float32 [H, W] 0..1; the last two are
    None where the part could not be scored. `compact` is the reconstruction in fewer pixels, as in
    `Detection`.
    """

    image: NDArray[np.uint8]
    reconstruction: NDArray[np.uint8] | None = None
    anomaly_map: NDArray[np.float32] | None = None
    compact: NDArray[np.uint8] | None = None

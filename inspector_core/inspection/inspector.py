"""From one image to a judged part, whatever goes wrong on the way."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.engines.engine import Engine
from inspector_core.engines.tiled import tiled
from inspector_core.errors import NormaError, RecipeError, in_words
from inspector_core.images import read_mask, read_rgb
from inspector_core.inspection.alignment import Aligner
from inspector_core.inspection.judge import Judgement, judge, prepare
from inspector_core.inspection.latency import StageTimes
from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.verdict import PartImages, Verdict

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """A judged part; `score` is None and `images` may be None where the verdict is ERROR."""

    judgement: Judgement
    score: float | None
    images: PartImages | None

    @classmethod
    def error(cls, reason: str, images: PartImages | None = None) -> "Finding":
        return cls(Judgement(Verdict.ERROR, 0, reason), None, images)


class PartInspector:
    """Crops, scores and judges one image after another by one recipe. Not for several threads.

    Raises:
        RecipeError: the recipe cuts parts into other tiles than the model knows.
        RecipeError, ImageError: the recipe's ignore mask or reference image can't be read.
    """

    def __init__(
        self,
        recipe: Recipe,
        engine: Engine,
        ignore_mask: Path | None,
        times: StageTimes,
        reference: Path | None = None,
    ) -> None:
        self._recipe = recipe
        _check_tiling(recipe, engine)
        self._engine = engine if recipe.tiling is None else tiled(engine, recipe.tiling)
        self._times = times
        self._aligner = None
        if recipe.alignment is not None and reference is not None:
            self._aligner = Aligner(recipe.alignment, read_rgb(reference))
        self._ignore = None if ignore_mask is None else read_mask(ignore_mask)

    @property
    def lanes(self) -> int:
        """Inspectors of one engine that gain by working at the same time."""
        return self._engine.lanes

    def inspect(self, frame_image: NDArray[np.uint8]) -> Finding:
        """Inspect one frame, RGB uint8 [H, W, 3]; never raises: what fails is an ERROR with its reason."""
        images = None
        try:
            with self._times.measure("prepare"):
                if self._aligner is not None:
                    images = PartImages(frame_image)
                    frame_image = self._aligner.align(frame_image)
                image = prepare(frame_image, self._recipe)
                images = PartImages(image)
                self._check_mask(image)
            with self._times.measure("detect"):
                detection = self._detect(image)
            with self._times.measure("judge"):
                judgement = judge(detection, self._recipe.thresholds, self._ignore)
        except NormaError as error:
            return Finding.error(str(error), images)
        except Exception as error:
            log.exception("a part could not be inspected")
            return Finding.error(f"the part could not be inspected ({in_words(error)})", images)
        if judgement.verdict is Verdict.ERROR:
            return Finding(judgement, None, images)
        images = PartImages(image, detection.reconstruction, detection.anomaly_map, detection.compact)
        return Finding(judgement, float(detection.score), images)

    def _detect(self, image: NDArray[np.uint8]) -> Detection:
        (detection,) = self._engine.infer([image], [self._ignore])
        if detection.anomaly_map.shape != image.shape[:2]:
            shape = detection.anomaly_map.shape
            raise ValueError(f"an anomaly map of {shape} for an image of {image.shape[:2]}")
        return detection

    def _check_mask(self, image: NDArray[np.uint8]) -> None:
        if self._ignore is not None and self._ignore.shape != image.shape[:2]:
            (height, width), (rows, columns) = image.shape[:2], self._ignore.shape
            raise RecipeError(
                f"the ignore mask of {self._recipe.name} has {columns} x {rows} pixels, the region "
                f"{width} x {height}",
                "draw the ignore mask again for this region",
            )


def _check_tiling(recipe: Recipe, engine: Engine) -> None:
    """What is usual for one tile says nothing of one that is cut elsewhere."""
    if recipe.tiling is None or not engine.model.knows_tiles:
        return
    asked, known = recipe.tiling, engine.model.tiling
    if asked == known:
        return
    problem = f"the recipe {recipe.name} cuts parts into {asked}, its model knows them in {known}"
    raise RecipeError(problem, "leave the tiling out of the recipe, or train the model with these tiles")

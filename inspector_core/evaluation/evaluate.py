"""The benchmark: one detector over the test images of one category."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.engines.engine import Engine
from inspector_core.engines.registered import RegisteredEngine
from inspector_core.engines.tiled import TiledEngine
from inspector_core.errors import DataError, ImageError, ModelFileError
from inspector_core.evaluation.dataset import GOOD, Category, TestPart, read_category
from inspector_core.evaluation.pixel_scores import EXACT_PIXELS, PixelScores
from inspector_core.evaluation.regions import Labels, label_regions, resize_regions
from inspector_core.evaluation.report import Case, Report, figures
from inspector_core.images import RGB

Progress = Callable[[int, int], None]
"""Called with the parts done and the parts in all."""

Watcher = Callable[[TestPart, RGB, Detection], None]
"""Called with each scored part, for who wants its pictures."""

Clock = Callable[[], float]
"""Seconds, from any origin."""


@dataclass(slots=True)
class _Run:
    """What has been gathered so far."""

    pixels: PixelScores
    cases: list[Case] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    without_mask: list[str] = field(default_factory=list)


def evaluate(
    engine: Engine,
    category: Path,
    progress: Progress | None = None,
    watch: Watcher | None = None,
    clock: Clock = time.perf_counter,
    exact_pixels: int = EXACT_PIXELS,
) -> Report:
    """Score every test image of `category` alone, in its own call, and measure what comes out.

    Images are read, scored and let go one by one. Pixel figures are taken at the model's size: map bilinear,
    regions of the mask labelled first and then nearest; they are exact up to `exact_pixels` in all, and
    beyond that counted in bins, so that memory grows no more. Images that can't be read are left out and
    named.

    Raises:
        DataError: the folder is no category, a mask does not fit its image, or no image could be read.
        ModelFileError: the model gives a score that is no number.
    """
    data = read_category(category)
    engine.warm_up()
    run = _Run(PixelScores(exact_pixels))
    for done, part in enumerate(data.parts, start=1):
        _add(run, engine, part, watch, clock)
        if progress is not None:
            progress(done, len(data.parts))
    if not run.cases:
        raise DataError(f"no test image of {category} can be read ({run.unreadable[0]})", "replace the files")
    return _report(run, data, engine)


def _add(run: _Run, engine: Engine, part: TestPart, watch: Watcher | None, clock: Clock) -> None:
    try:
        image = part.image()
    except ImageError as error:
        run.unreadable.append(error.problem)
        return
    mask = _mask(run, part, image)
    started = clock()
    detection = engine.infer([image])[0]
    milliseconds = (clock() - started) * 1e3
    if not (np.isfinite(detection.score) and np.isfinite(detection.anomaly_map).all()):
        raise ModelFileError(f"the model gives no finite score for {part.path}", "train the model again")
    run.cases.append(Case(part.path, part.defect, detection.score, milliseconds))
    _tally(run, part, detection, mask, _map_side(engine))
    if watch is not None:
        watch(part, image, detection)


def _map_side(engine: Engine) -> int:
    """Side of the maps that pixel figures are taken on: the model's size, that of all tiles together."""
    if isinstance(engine, RegisteredEngine):
        engine = engine.engine
    if not isinstance(engine, TiledEngine):
        return engine.model.size
    return engine.model.size * max(engine.tiling.rows, engine.tiling.columns)


def _mask(run: _Run, part: TestPart, image: RGB) -> NDArray[np.bool_] | None:
    try:
        return part.mask(image.shape[0], image.shape[1])
    except ImageError as error:
        run.unreadable.append(error.problem)
        return None


def _tally(
    run: _Run, part: TestPart, detection: Detection, mask: NDArray[np.bool_] | None, size: int
) -> None:
    """Count the pixels of a good part, or of a defective one with a mask, at the model's size."""
    regions: Labels | None = None
    if not part.is_good:
        if mask is None or not mask.any():
            run.without_mask.append(part.path.name)
            return
        regions = resize_regions(label_regions(mask), size)
    anomaly_map = cv2.resize(detection.anomaly_map, (size, size), interpolation=cv2.INTER_LINEAR)
    # rounding in the resize can step over 1 by a bit
    run.pixels.add(part.defect, np.clip(anomaly_map, 0, 1, dtype=np.float32), regions)


def _report(run: _Run, data: Category, engine: Engine) -> Report:
    calibration = engine.model.calibration
    threshold = None if calibration is None else calibration.threshold
    by_defect = {
        name: figures(
            [case for case in run.cases if case.defect in (GOOD, name)],
            run.pixels.measure(GOOD, name),
            threshold,
            only=name,
        )
        for name in data.defects
    }
    all_pixels = run.pixels.measure()
    return Report(
        category=data.folder,
        overall=figures(run.cases, all_pixels, threshold),
        defects=by_defect,
        cases=tuple(run.cases),
        unreadable=tuple(run.unreadable),
        without_mask=tuple(run.without_mask),
        pixel_error_bounds=all_pixels.error_bounds,
    )

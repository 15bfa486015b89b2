"""From a detection to a verdict."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.errors import RecipeError
from inspector_core.inspection.recipe import Recipe, Thresholds
from inspector_core.inspection.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the pixels that speak for it, and for ERROR the reason in words."""

    verdict: Verdict
    defect_area: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DefectRegion:
    """One connected area of the map at or above the pixel threshold.

    Attributes:
        area: pixels.
        box: x, y, width, height in pixels of the map.
        peak: highest map value inside, 0..1.
        contour: int32 [N, 2] outline points (x, y).
    """

    area: int
    box: tuple[int, int, int, int]
    peak: float
    contour: NDArray[np.int32]


def prepare(frame_image: NDArray[np.uint8], recipe: Recipe) -> NDArray[np.uint8]:
    """The recipe's region of a frame, RGB uint8 [H, W, 3], contiguous; the whole frame where it names none.

    Raises:
        RecipeError: the region lies outside the frame, or the frame is no RGB image.
    """
    if frame_image.ndim != 3 or frame_image.shape[2] != 3 or frame_image.dtype != np.uint8:
        shape = "x".join(str(side) for side in frame_image.shape)
        raise RecipeError(
            f"the camera delivered {frame_image.dtype} {shape} instead of RGB", "choose another pixel format"
        )
    height, width = frame_image.shape[:2]
    region = recipe.region
    if region is None:
        return np.ascontiguousarray(frame_image)
    right, bottom = region.x + region.width, region.y + region.height
    if right > width or bottom > height:
        raise RecipeError(
            f"the region of {recipe.name} ends at {right}, {bottom} in a frame of {width} x {height} pixels",
            "draw the region again or correct the camera's image size",
        )
    return np.ascontiguousarray(frame_image[region.y : bottom, region.x : right])


def judge(detection: Detection, thresholds: Thresholds, ignore: NDArray[np.bool_] | None = None) -> Judgement:
    """Compare the raw score with the raw thresholds (equal is above).

    Where `least_area` is set and no single defective area reaches it, a FAIL becomes REVIEW, never PASS.
    A score or map that is not finite is ERROR.

    Args:
        ignore: bool [H, W]; True pixels count for no area. The engine keeps them out of the score.
    """
    peak, least = detection.anomaly_map.max(), detection.anomaly_map.min()  # NaN where any pixel is
    if not all(map(math.isfinite, (detection.score, peak, least))):
        return Judgement(Verdict.ERROR, 0, "the detector gave no finite score for this part")
    defect_area = 0
    if peak >= thresholds.pixel:  # most parts have no such pixel, and need not be searched for areas
        defective = _defective(detection.anomaly_map, thresholds.pixel, ignore)
        if thresholds.least_area <= 1:  # each area counts; to tell them apart takes 50 times as long
            defect_area = int(np.count_nonzero(defective))
        else:
            defect_area = int(_components(defective, thresholds.least_area)[1].sum())
    if detection.score >= thresholds.fail:
        too_small = thresholds.least_area > 0 and defect_area == 0
        return Judgement(Verdict.REVIEW if too_small else Verdict.FAIL, defect_area)
    if thresholds.review is not None and detection.score >= thresholds.review:
        return Judgement(Verdict.REVIEW, defect_area)
    return Judgement(Verdict.PASS, defect_area)


def defect_regions(
    anomaly_map: NDArray[np.float32],
    pixel_threshold: float,
    least_area: int = 0,
    ignore: NDArray[np.bool_] | None = None,
) -> list[DefectRegion]:
    """Connected areas (8 neighbours) of at least `least_area` pixels, the largest first, with outlines.

    Args:
        anomaly_map: float32 [H, W], 0..1.
        ignore: bool [H, W]; True pixels belong to no area.
    """
    defective = _defective(anomaly_map, pixel_threshold, ignore)
    labels, areas, boxes, numbers = _components(defective, least_area)
    regions = []
    for area, (x, y, width, height), number in zip(areas, boxes, numbers, strict=True):
        inside = labels[y : y + height, x : x + width] == number
        outlines, _ = cv2.findContours(
            inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(int(x), int(y))
        )
        contour = np.asarray(outlines[0], dtype=np.int32).reshape(-1, 2)
        peak = float(anomaly_map[y : y + height, x : x + width][inside].max())
        regions.append(DefectRegion(int(area), (int(x), int(y), int(width), int(height)), peak, contour))
    return sorted(regions, key=lambda region: -region.area)


def _defective(
    anomaly_map: NDArray[np.float32], threshold: float, ignore: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    defective = anomaly_map >= threshold
    return defective if ignore is None else defective & ~ignore


def _components(
    defective: NDArray[np.bool_], least_area: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Labels [H, W] and, of the areas that are large enough, their sizes [N], boxes [N, 4] and labels [N]."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(defective.astype(np.uint8), connectivity=8)
    large = np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= max(1, least_area)) + 1  # label 0 is the background
    return (
        np.asarray(labels, dtype=np.int32),
        np.asarray(stats[large, cv2.CC_STAT_AREA], dtype=np.int32),
        np.asarray(stats[large, :4], dtype=np.int32),
        large.astype(np.int32),
    )

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.detectors.detection import Detection
from inspector_core.errors import RecipeError
from inspector_core.inspection.judge import defect_regions, judge, prepare
from inspector_core.inspection.recipe import CameraSettings, Recipe, Region, Thresholds
from inspector_core.inspection.verdict import Verdict

BAND = Thresholds(fail=0.6, review=0.4)


def detection(score, anomaly_map=None):
    anomaly_map = np.zeros((8, 10), np.float32) if anomaly_map is None else anomaly_map
    return Detection(score, anomaly_map, np.zeros((*anomaly_map.shape, 3), np.uint8))


def spots(*boxes):
    anomaly_map = np.zeros((20, 30), np.float32)
    for x, y, width, height in boxes:
        anomaly_map[y : y + height, x : x + width] = 0.9
    return anomaly_map


def recipe(**changes):
    parts = {"name": "r", "camera": CameraSettings(), "model": "m", "thresholds": BAND} | changes
    return Recipe(**parts)


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (0.0, Verdict.PASS),
        (math.nextafter(0.4, 0), Verdict.PASS),
        (0.4, Verdict.REVIEW),
        (math.nextafter(0.6, 0), Verdict.REVIEW),
        (0.6, Verdict.FAIL),
        (1.0, Verdict.FAIL),
        (math.nan, Verdict.ERROR),
        (math.inf, Verdict.ERROR),
        (-math.inf, Verdict.ERROR),
    ],
)
def test_the_raw_score_decides_and_equal_is_above(score, verdict):
    assert judge(detection(score), BAND).verdict is verdict


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("elsewhere", [0.0, 0.9])
def test_a_map_that_is_not_finite_is_an_error(value, elsewhere):
    broken = np.full((4, 4), elsewhere, np.float32)
    broken[1, 2] = value
    judgement = judge(detection(0.1, broken), BAND)
    assert judgement.verdict is Verdict.ERROR
    assert judgement.reason


@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.9])
def test_the_strongest_pixel_counts_where_it_is_the_threshold_in_float32(threshold):
    """0.7 in float32 is less than 0.7."""
    anomaly_map = np.zeros((6, 6), np.float32)
    anomaly_map[2, 3] = threshold
    limits = Thresholds(fail=0.5, pixel=threshold)
    assert judge(detection(0.1, anomaly_map), limits).defect_area == 1
    assert [region.area for region in defect_regions(anomaly_map, threshold)] == [1]


@given(
    score=st.floats(0, 1),
    fail=st.floats(0, 1),
    share=st.one_of(st.none(), st.floats(0, 1)),
    least_area=st.integers(0, 50),
)
def test_nothing_at_or_above_fail_ever_passes(score, fail, share, least_area):
    review = None if share is None else fail * share
    thresholds = Thresholds(fail=fail, review=review, least_area=least_area)
    verdict = judge(detection(score, spots((2, 3, 4, 4))), thresholds).verdict
    assert (verdict is Verdict.PASS) == (score < (fail if review is None else review))


def test_a_fail_without_a_large_enough_area_becomes_review():
    two_small = spots((1, 1, 3, 3), (10, 10, 3, 3))
    thresholds = Thresholds(fail=0.6, least_area=10)
    assert judge(detection(0.9, two_small), thresholds).verdict is Verdict.REVIEW
    assert judge(detection(0.9, spots((1, 1, 5, 2))), thresholds).verdict is Verdict.FAIL


def test_defect_area_counts_only_areas_of_the_least_size():
    anomaly_map = spots((1, 1, 3, 3), (10, 10, 4, 5))
    assert judge(detection(0.9, anomaly_map), Thresholds(fail=0.6)).defect_area == 29
    assert judge(detection(0.9, anomaly_map), Thresholds(fail=0.6, least_area=10)).defect_area == 20


def test_ignored_pixels_belong_to_no_area():
    ignore = np.zeros((20, 30), bool)
    ignore[:, :15] = True
    thresholds = Thresholds(fail=0.6, least_area=5)
    judgement = judge(detection(0.9, spots((1, 1, 6, 6))), thresholds, ignore)
    assert (judgement.verdict, judgement.defect_area) == (Verdict.REVIEW, 0)


def test_regions_come_largest_first_with_box_peak_and_outline():
    anomaly_map = spots((1, 2, 3, 3), (10, 10, 4, 5))
    anomaly_map[11, 11] = 0.95
    large, small = defect_regions(anomaly_map, 0.5)
    assert (large.area, large.box, small.area, small.box) == (20, (10, 10, 4, 5), 9, (1, 2, 3, 3))
    assert large.peak == pytest.approx(0.95)
    assert large.contour.min(axis=0).tolist() == [10, 10]
    assert large.contour.max(axis=0).tolist() == [13, 14]
    assert [region.area for region in defect_regions(anomaly_map, 0.5, least_area=10)] == [20]
    assert defect_regions(anomaly_map, 0.99) == []


def test_diagonal_neighbours_are_one_area():
    anomaly_map = np.zeros((5, 5), np.float32)
    anomaly_map[[1, 2, 3], [1, 2, 3]] = 1
    assert [region.area for region in defect_regions(anomaly_map, 0.5)] == [3]


def test_the_region_is_cropped_from_the_frame():
    frame = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    cropped = prepare(frame, recipe(region=Region(x=2, y=1, width=5, height=4)))
    assert np.array_equal(cropped, frame[1:5, 2:7])
    assert cropped.flags.c_contiguous
    assert np.array_equal(prepare(frame, recipe()), frame)


def test_a_region_outside_the_frame_is_refused_with_both_sizes():
    with pytest.raises(RecipeError, match=r"ends at 9, 4 in a frame of 8 x 6"):
        prepare(np.zeros((6, 8, 3), np.uint8), recipe(region=Region(x=4, y=0, width=5, height=4)))


@pytest.mark.parametrize("frame", [np.zeros((6, 8), np.uint8), np.zeros((6, 8, 3), np.float32)])
def test_a_frame_that_is_not_rgb_is_refused(frame):
    with pytest.raises(RecipeError, match="instead of RGB"):
        prepare(frame, recipe())

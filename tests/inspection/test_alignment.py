"""Alignment: known moves are found and undone, what is no part is refused."""

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inspector_core.demo import draw_part
from inspector_core.errors import RecipeError
from inspector_core.inspection.alignment import Aligner, Alignment

SETTINGS = Alignment(reference="reference.png")


def moved(image, turn, dx, dy):
    height, width = image.shape[:2]
    pose = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1.0)
    pose[:, 2] += (dx, dy)
    return cv2.warpAffine(image, pose, (width, height), borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def part():
    return draw_part(5, None, 384).image


@settings(max_examples=15, deadline=None)
@given(st.floats(-8, 8), st.floats(-25, 25), st.floats(-25, 25))
@example(0.0, 1.25, 15.125)  # one phase correlation a turn chose a turn of 0.4 degrees here
def test_a_moved_part_comes_back_to_a_pixel(part, turn, dx, dy):
    aligner = Aligner(SETTINGS, part)
    pose, confidence = aligner.find(moved(part, turn, dx, dy))
    assert confidence > 0.9
    height, width = part.shape[:2]
    expected = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1.0)
    expected[:, 2] += (dx, dy)
    corners = np.array([[80, 80, 1], [300, 80, 1], [190, 300, 1]], float)
    assert np.abs(corners @ (pose - expected).T).max() < 1.0


def test_a_part_that_may_not_turn_is_only_shifted(part):
    settings = SETTINGS.model_copy(update={"most_turn": 0.0})
    pose, confidence = Aligner(settings, part).find(moved(part, 0, 9, -14))
    assert confidence > 0.9
    assert np.abs(pose[:, 2] - (9, -14)).max() < 1.0
    assert Aligner(settings, part).find(moved(part, 20, 0, 0))[1] < 0.9


def test_another_specimen_in_other_light_is_aligned(part):
    other = draw_part(9, None, 384).image
    pose, confidence = Aligner(SETTINGS, part).find(other)
    assert confidence > 0.9
    again, _ = Aligner(SETTINGS, part).find(moved(other, 4, 12, -9))
    turn = cv2.getRotationMatrix2D((191.5, 191.5), 4, 1.0)
    turn[:, 2] += (12, -9)
    corners = np.array([[80, 80], [300, 80], [190, 300]], float)
    expected = (corners @ pose[:, :2].T + pose[:, 2]) @ turn[:, :2].T + turn[:, 2]
    assert np.abs(corners @ again[:, :2].T + again[:, 2] - expected).max() < 1.5


def test_an_unmoved_part_stays_as_it_is(part):
    assert np.abs(Aligner(SETTINGS, part).align(part).astype(int) - part.astype(int)).mean() < 0.5


@pytest.mark.parametrize("kind", ["black", "noise", "far away"])
def test_what_is_no_part_in_reach_is_refused_in_words(part, kind):
    frame = {
        "black": np.zeros_like(part),
        "noise": np.random.default_rng(0).integers(0, 255, part.shape, np.uint8),
        "far away": moved(part, 0, 150, 0),
    }[kind]
    with pytest.raises(RecipeError, match="could not be aligned"):
        Aligner(SETTINGS, part).align(frame)


def test_another_frame_size_is_refused(part):
    with pytest.raises(RecipeError, match="200 x 100 pixels, the reference of the alignment 384 x 384"):
        Aligner(SETTINGS, part).align(np.zeros((100, 200, 3), np.uint8))

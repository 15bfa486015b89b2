"""The gauge study: closed forms, and changes that are as large as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.detectors.detection import Detection
from inspector_core.evaluation.gauge import CONDITIONS, LEVEL, SLOPE, gauge, grained, relit, shifted, spread

scores = st.lists(st.floats(0, 1), min_size=2, max_size=30)


class Brightness:
    """An engine whose score is the mean grey value."""

    class model:
        class calibration:
            threshold = 0.5

    def infer(self, images):
        return [Detection(float(i.mean()) / 255, np.zeros(i.shape[:2], np.float32), i) for i in images]


@pytest.fixture
def image():
    picture = np.full((64, 96, 3), 100, np.uint8)
    picture[20:40, 30:60] = 160
    return picture


def test_two_scores_about_a_mean():
    found = spread(0.4, [0.3, 0.5], 0.6)
    assert found.mean == pytest.approx(0.4)
    assert found.deviation == pytest.approx(0.1 * 2**0.5)
    assert found.share == pytest.approx(6 * 0.1 * 2**0.5 / 0.2)
    assert found.changed == 0


def test_a_score_at_the_threshold_is_the_threshold_side():
    assert spread(0.5, [0.5, 0.49], 0.5).changed == 1
    assert spread(0.5, [0.5, 0.49], 0.5).share == float("inf")
    assert spread(0.5, [0.5, 0.5], 0.5).share == 0.0
    assert spread(0.5, [0.1, 0.9], None).share is None


@given(scores, st.floats(0, 1))
def test_equal_scores_have_no_spread_to_the_last_bit(many, own):
    assert spread(own, [own] * 7, 0.5).deviation == 0
    found = spread(own, many, 0.5)
    assert found.lowest <= found.mean + 1e-12
    assert found.mean <= found.highest + 1e-12
    assert 0 <= found.changed <= len(many)


def test_every_condition_is_measured_and_repeats_by_its_seed(image):
    first, second, other = (gauge(Brightness(), image, 5, seed) for seed in (1, 1, 2))
    assert list(first) == list(CONDITIONS)
    assert first == second
    assert first["light"] != other["light"]
    assert first["same image"].deviation == 0
    assert first["light"].deviation > first["noise"].deviation > 0


def test_one_look_is_no_spread(image):
    with pytest.raises(ValueError, match="at least 2"):
        gauge(Brightness(), image, 1, 0)


@given(st.integers(0, 1000))
def test_the_light_changes_within_its_bounds(seed):
    flat = np.full((32, 32, 3), 100, np.uint8)
    lit = relit(flat, np.random.default_rng(seed)).astype(float)
    bound = ((1 + LEVEL) * (1 + SLOPE) * 1.06) ** 0.5
    assert 100 / bound / 1.02 <= lit.min()
    assert lit.max() <= 100 * bound * 1.02


def test_noise_is_of_the_stated_strength_and_a_shift_keeps_grey_values(image):
    flat = np.full((128, 128, 3), 100, np.uint8)
    assert 1.1 < grained(flat, np.random.default_rng(0)).astype(float).std() < 2.3
    moved = shifted(image, np.random.default_rng(0))
    assert moved.shape == image.shape
    assert abs(float(moved.mean()) - float(image.mean())) < 2
    assert not np.array_equal(moved, image)

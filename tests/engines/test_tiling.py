"""Tiles: every pixel seen, no seams, the worst tile decides."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.tiling import Tiling, blend
from inspector_core.engines.engine import masks_of
from inspector_core.engines.tiled import TiledEngine, tiled

tilings = st.builds(Tiling, rows=st.integers(1, 6), columns=st.integers(1, 6), overlap=st.floats(0, 0.5))
sides = st.integers(8, 90)


class Brightness:
    """Score: the brightest pixel. Map: red. Counts its calls."""

    name, model = "brightness", None

    def __init__(self):
        self.calls = []

    def warm_up(self):
        pass

    def infer(self, images, ignore=None, tiles=None):
        self.calls.append(len(images))
        assert list(tiles) == list(range(len(images))), "each is told which tile it is"
        found = []
        for image, mask in zip(images, masks_of(ignore, len(images)), strict=True):
            values = image[..., 0].astype(np.float32) / 255
            if mask is not None:
                values = np.where(mask, 0, values).astype(np.float32)
            found.append(Detection(float(values.max()), values, image))
        return found


@given(tilings, sides, sides)
def test_tiles_are_equal_and_cover_every_pixel(tiling, height, width):
    windows = tiling.windows(height, width)
    assert len(windows) == tiling.count
    assert len({(w.bottom - w.top, w.right - w.left) for w in windows}) == 1
    seen = np.zeros((height, width), bool)
    for w in windows:
        assert 0 <= w.top < w.bottom <= height
        seen[w.top : w.bottom, w.left : w.right] = True
    assert seen.all()


@given(st.integers(2, 6), st.floats(0.05, 0.5), st.integers(200, 900))
def test_neighbours_overlap_by_the_share_asked_for(rows, overlap, height):
    windows = Tiling(rows=rows, columns=1, overlap=overlap).windows(height, 10)
    side = windows[0].bottom - windows[0].top
    for upper, lower in pairwise(windows):
        assert upper.bottom - lower.top == pytest.approx(overlap * side, abs=2)


@given(tilings, sides, sides, st.integers(0, 9))
def test_blending_pieces_of_a_field_gives_the_field(tiling, height, width, seed):
    field = np.random.default_rng(seed).random((height, width, 2), np.float32)
    windows = tiling.windows(height, width)
    pieces = [field[w.top : w.bottom, w.left : w.right] for w in windows]
    assert np.allclose(blend(pieces, windows, height, width), field, atol=1e-6)


def test_two_tiles_that_disagree_fade_into_each_other():
    windows = Tiling(rows=1, columns=2, overlap=0.5).windows(1, 60)  # 0 to 40 and 20 to 60
    whole = blend([np.zeros((1, 40), np.float32), np.ones((1, 40), np.float32)], windows, 1, 60)[0]
    assert whole[:20].max() == 0
    assert whole[40:].min() == 1
    steps = np.diff(whole)
    assert steps.min() >= 0
    assert steps.max() < 0.06


def test_all_tiles_go_through_one_call_and_the_worst_decides():
    image = np.zeros((64, 96, 3), np.uint8)
    image[50, 80] = 200
    inner = Brightness()
    (found,) = TiledEngine(inner, Tiling(rows=2, columns=3)).infer([image])
    assert inner.calls == [6]
    assert found.score == pytest.approx(200 / 255)
    assert np.allclose(found.anomaly_map, image[..., 0] / 255, atol=1e-6)
    assert np.array_equal(found.reconstruction, image)


def test_what_is_ignored_is_ignored_in_its_tile():
    image = np.zeros((64, 64, 3), np.uint8)
    image[5, 5] = 200
    image[60, 60] = 100
    ignore = np.zeros((64, 64), bool)
    ignore[:10, :10] = True
    (found,) = TiledEngine(Brightness(), Tiling(rows=2, columns=2)).infer([image], [ignore])
    assert found.score == pytest.approx(100 / 255)


def test_tiles_without_a_picture_are_shown_as_they_are_and_a_part_of_none_but_such_has_none():
    class Lean(Brightness):
        def infer(self, images, ignore=None, tiles=None):
            return [
                replace(one, reconstruction=None if one.score < 0.5 else one.reconstruction // 2)
                for one in super().infer(images, ignore, tiles)
            ]

    engine = TiledEngine(Lean(), Tiling(rows=2, columns=2, overlap=0))
    image = np.full((64, 64, 3), 100, np.uint8)
    assert engine.infer([image])[0].reconstruction is None
    image[40, 40] = 200
    picture = engine.infer([image])[0].reconstruction
    expected = image.copy()
    expected[32:, 32:] //= 2
    assert np.array_equal(picture, expected)


def test_a_tiling_is_replaced_and_one_tile_is_none():
    inner = Brightness()
    first = tiled(inner, Tiling(rows=2, columns=2))
    second = tiled(first, Tiling(rows=3, columns=3))
    assert isinstance(second, TiledEngine)
    assert second.engine is inner
    assert tiled(second, None) is inner
    assert tiled(inner, Tiling()) is inner


def test_a_tile_is_not_cut_into_tiles():
    engine = TiledEngine(Brightness(), Tiling(rows=2, columns=2))
    image = np.zeros((8, 8, 3), np.uint8)
    assert len(engine.infer([image], tiles=[0])) == 1
    with pytest.raises(ValueError, match="can't be cut"):
        engine.infer([image], tiles=[3])


def test_an_image_smaller_than_its_grid_is_refused():
    with pytest.raises(ValueError, match="3 x 2 pixels can't be cut into 4 x 1 tiles"):
        Tiling(rows=4).windows(2, 3)

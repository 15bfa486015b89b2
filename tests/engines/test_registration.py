"""Registration: a part is found in any pose, and what the engine says of it lies on the image as it came."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_core.demo import draw_part
from inspector_core.detectors.detection import Detection
from inspector_core.detectors.tiling import Tiling
from inspector_core.engines.engine import masks_of
from inspector_core.engines.registered import RegisteredEngine
from inspector_core.engines.registration import Registration, move, picture_of, turn_of
from inspector_core.engines.tiled import TiledEngine, tiled

SIDE = 256
CORNERS = np.array([[70, 70, 1], [180, 90, 1], [120, 190, 1]], float)


class Brightness:
    """Score: the brightest pixel. Map: green. Keeps what it saw."""

    name, model = "brightness", None

    def __init__(self):
        self.seen = []

    def warm_up(self):
        pass

    def infer(self, images, ignore=None, tiles=None):
        found = []
        for image, mask in zip(images, masks_of(ignore, len(images)), strict=True):
            self.seen.append(image)
            values = image[..., 1].astype(np.float32) / 255
            if mask is not None:
                values = np.where(mask, 0, values).astype(np.float32)
            found.append(Detection(float(values.max()), values, 255 - image))
        return found


def pose_of(turn, dx=0.0, dy=0.0, shape=(SIDE, SIDE)):
    pose = cv2.getRotationMatrix2D(((shape[1] - 1) / 2, (shape[0] - 1) / 2), turn, 1.0)
    pose[:, 2] += (dx, dy)
    return pose


def turned(image, turn, dx=0.0, dy=0.0):
    height, width = image.shape[:2]
    pose = pose_of(turn, dx, dy, image.shape)
    return cv2.warpAffine(image, pose, (width, height), borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def part():
    return draw_part(0, None, SIDE).image


@pytest.fixture(scope="module")
def registration(part):
    return Registration(picture_of(part))


@settings(max_examples=25, deadline=None)
@given(st.floats(-180, 180), st.floats(-20, 20), st.floats(-20, 20))
def test_any_turn_and_shift_is_found_to_a_pixel(part, registration, turn, dx, dy):
    pose, confidence = registration.find(turned(part, turn, dx, dy))
    assert confidence > 0.9
    assert np.abs(CORNERS @ (pose - pose_of(turn, dx, dy)).T).max() < 1.0


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 50), st.floats(-180, 180))
def test_another_specimen_is_found_alike_in_every_turn(registration, seed, turn):
    other = draw_part(seed, None, SIDE).image
    straight, _ = registration.find(other)
    pose, confidence = registration.find(turned(other, turn))
    assert confidence > 0.8
    here = CORNERS @ straight.T
    expected = np.column_stack([here, np.ones(3)]) @ pose_of(turn).T
    assert np.abs(CORNERS @ pose.T - expected).max() < 3.0


def test_an_image_of_another_size_has_its_own_pixels(part, registration):
    large = cv2.resize(turned(part, 130, 8, -5), (512, 512), interpolation=cv2.INTER_CUBIC)
    pose, _ = registration.find(large)
    centres = np.column_stack([2 * CORNERS[:, :2] + 0.5, np.ones(3)])
    expected = 2 * (CORNERS @ pose_of(130, 8, -5).T) + 0.5
    assert np.abs(centres @ pose.T - expected).max() < 2.0


def test_more_than_the_allowed_turn_or_shift_is_not_found(part):
    narrow = Registration(picture_of(part), most_turn=10, most_shift=0.05)
    assert narrow.find(turned(part, 8))[1] > 0.9
    assert narrow.find(turned(part, 25))[1] < 0.9
    assert narrow.find(turned(part, 0, 40, 0))[1] < 0.9


@pytest.mark.parametrize("shift", [50, 65, 97])
def test_a_part_beyond_the_allowed_shift_is_judged_as_it_lies(part, registration, shift):
    image = turned(part, 0, shift, 0)
    inner = Brightness()
    RegisteredEngine(inner, registration).infer([image])
    assert registration.find(image)[1] == 0
    assert np.array_equal(inner.seen[0], image), "nothing is moved out of view"


def test_every_ignored_pixel_stays_ignored(part, registration):
    ignore = np.zeros((SIDE, SIDE), bool)
    ignore[60:196:7, 60:196:7] = True
    for turn in (10, 45):
        inner = Brightness()
        masks = []
        inner.infer = lambda images, masks_=None, tiles=None, masks=masks: (
            masks.extend(masks_) or [Detection(0.0, i[..., 0] / np.float32(255), i) for i in images]
        )
        image = turned(part, turn)
        RegisteredEngine(inner, registration).infer([image], [ignore])
        pose, _ = registration.find(image)
        rows, columns = np.nonzero(ignore)
        here = np.linalg.inv(np.vstack([pose, [0, 0, 1]])) @ np.stack([columns, rows, np.ones(len(rows))])
        touched = cv2.dilate(masks[0].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert touched[here[1].round().astype(int), here[0].round().astype(int)].all()


@pytest.mark.parametrize("shape", [(40, 40), (40, 40, 1), (0, 40, 3)])
def test_what_is_no_rgb_image_is_said_to_be_none(registration, shape):
    with pytest.raises(ValueError, match="expected an RGB image"):
        RegisteredEngine(Brightness(), registration).infer([np.zeros(shape, np.uint8)])


@pytest.mark.parametrize("level", [0, 90])
def test_an_even_image_has_no_pose(registration, level):
    pose, confidence = registration.find(np.full((SIDE, SIDE, 3), level, np.uint8))
    assert confidence == 0
    assert pose.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_moving_back_undoes_a_turn(part):
    back = move(turned(part, 77, 4, 6), pose_of(77, 4, 6))
    middle = (slice(80, 176), slice(80, 176))
    assert np.abs(back[middle].astype(int) - part[middle]).mean() < 3


def test_the_turn_of_a_pose_is_told():
    assert turn_of(pose_of(-120)) == pytest.approx(-120)


def test_the_engine_sees_the_reference_pose_and_its_map_lies_on_the_image(part, registration):
    inner = Brightness()
    image = turned(part, 100, 10, -6)
    cv2.circle(image, (150, 110), 6, (255, 255, 255), -1)
    (found,) = RegisteredEngine(inner, registration).infer([image])
    seen = inner.seen[0]
    assert np.median(np.abs(seen[100:156, 100:156].astype(int) - part[100:156, 100:156])) < 3
    assert found.anomaly_map.shape == image.shape[:2]
    inside = (slice(70, 186), slice(70, 186))
    assert np.abs(found.anomaly_map[inside] * 255 - image[inside][..., 1]).mean() < 4
    assert found.anomaly_map[110, 150] > 0.9
    assert np.abs(found.reconstruction[inside].astype(int) - (255 - image[inside].astype(int))).mean() < 4


def test_out_of_view_the_map_is_zero_and_the_picture_is_the_image(part, registration):
    image = turned(part, 45)
    (found,) = RegisteredEngine(Brightness(), registration).infer([image])
    assert found.anomaly_map[0, 0] == 0
    assert (found.reconstruction[0, 0] == image[0, 0]).all()


def test_the_ignore_mask_lies_on_the_image(part, registration):
    image = turned(part, -60)
    ignore = np.zeros(image.shape[:2], bool)
    ignore[90:120, 140:170] = True
    engine = RegisteredEngine(Brightness(), registration)
    plain, masked = (engine.infer([image], [mask])[0].anomaly_map for mask in (None, ignore))
    assert masked[95:115, 145:165].max() == 0
    assert (masked[~cv2.dilate(ignore.astype(np.uint8), np.ones((7, 7))).astype(bool)] > 0).any()
    far = (slice(150, 190), slice(70, 110))
    assert (masked[far] == plain[far]).all()


def test_a_part_is_turned_first_and_cut_then(registration):
    inner = Brightness()
    engine = tiled(RegisteredEngine(inner, registration), Tiling(rows=2, columns=2))
    assert isinstance(engine, RegisteredEngine)
    assert isinstance(engine.engine, TiledEngine)
    assert engine.engine.engine is inner
    assert tiled(engine, None).engine is inner

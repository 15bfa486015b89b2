"""Training finds out by itself whether parts lie turned, and brings them into one pose where that helps."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector_core.demo import draw_part
from inspector_core.detectors.model_file import load_model
from inspector_core.detectors.tiling import Tiling
from inspector_core.engines.factory import open_engine
from inspector_core.engines.registered import RegisteredEngine
from inspector_core.engines.registration import REFERENCE, picture_of, turn_of
from inspector_core.engines.tiled import TiledEngine
from inspector_core.images import read_rgb, write_png
from inspector_core.training.pose import find_registration
from inspector_core.training.run import run_training

PARTS, SIDE = 24, 160


def parts(turns):
    made = []
    for k, turn in enumerate(turns):
        image = draw_part(k, None, SIDE).image
        pose = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), float(turn), 1.0)
        made.append(cv2.warpAffine(image, pose, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE))
    return made


TURNED = np.random.default_rng(3).uniform(-180, 180, PARTS)


def grain(k):
    noise = np.random.default_rng(k).normal(128, 40, (SIDE, SIDE, 3))
    return cv2.GaussianBlur(noise, (0, 0), 3).astype(np.uint8)


@pytest.fixture(scope="module")
def lying_anyhow(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("turned")
    for k, image in enumerate(parts(TURNED)):
        write_png(folder / f"{k:02d}.png", image)
    return folder


def test_parts_that_lie_alike_are_left_so():
    assert find_registration([picture_of(image) for image in parts(np.zeros(PARTS))]) is None


def test_a_texture_has_no_pose():
    assert find_registration([picture_of(grain(k)) for k in range(PARTS)]) is None


def test_even_pictures_have_no_pose(recwarn):
    pictures = [np.full((SIDE, SIDE), level / 30, np.float32) for level in range(PARTS)]
    assert find_registration(pictures) is None
    assert find_registration(pictures, asked_for=True) is not None
    assert not recwarn.list


def lit_from_one_side(k, gain):
    """Parts that lie alike and differ by their light, as castings do."""
    rng = np.random.default_rng(k)
    heading = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    light = gain * (np.cos(heading) * columns + np.sin(heading) * rows)
    return np.clip(draw_part(k, None, SIDE).image + light[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("black", [0, 7])
def test_a_missed_exposure_decides_nothing(black):
    pictures = [picture_of(lit_from_one_side(k, 60)) for k in range(16)]
    turned = [picture_of(image) for image in parts(TURNED)]
    assert find_registration(pictures) is None
    assert find_registration(turned) is not None
    pictures[black], turned[black] = np.zeros_like(pictures[0]), np.zeros_like(turned[0])
    assert find_registration(pictures) is None
    registration = find_registration(turned)
    assert registration is not None
    assert np.median([registration.find_in(picture)[1] for picture in turned]) > 0.9


def test_what_is_asked_for_is_done():
    assert find_registration([picture_of(image) for image in parts(np.zeros(8))], asked_for=True) is not None


def test_turned_parts_come_into_one_pose():
    pictures = [picture_of(image) for image in parts(TURNED)]
    registration = find_registration(pictures)
    assert registration is not None
    assert np.median([registration.find_in(picture)[1] for picture in pictures]) > 0.9


def test_the_pose_of_the_model_that_training_starts_from_is_kept():
    pictures = [picture_of(image) for image in parts(TURNED)]
    first = find_registration(pictures)
    later = [picture_of(image) for image in parts(TURNED + 40)]
    again = find_registration(later, first=first.reference)
    other = find_registration(later)
    assert abs(turn_of(first.find_in(again.reference)[0])) < 1
    assert abs(turn_of(first.find_in(other.reference)[0])) > 5


def test_a_model_of_turned_parts_judges_a_part_alike_in_every_pose(lying_anyhow, request_for):
    request = request_for(data=lying_anyhow)
    told = []
    metadata = run_training(request, told.append)
    assert metadata.registered
    assert any("turned" in progress.message for progress in told)
    reference = load_model(request.out)[1][REFERENCE]
    assert tuple(reference.shape) == (SIDE, SIDE)
    engine = open_engine(request.out)
    assert isinstance(engine, RegisteredEngine)
    image = draw_part(40, None, SIDE).image
    other = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    straight, quarter = (found.score for found in engine.infer([image, other]))
    assert straight == pytest.approx(quarter, abs=0.05)
    assert straight < metadata.calibration.threshold + 0.1


def test_parts_are_taken_as_they_lie_where_that_is_asked_for(lying_anyhow, request_for):
    request = request_for(data=lying_anyhow, registration="off", steps=1)
    assert not run_training(request).registered


def test_parts_are_turned_and_then_cut_into_tiles(lying_anyhow, request_for):
    request = request_for(data=lying_anyhow, tiling=Tiling(rows=2, columns=2), steps=1)
    assert run_training(request).registered
    engine = open_engine(request.out)
    assert isinstance(engine, RegisteredEngine)
    assert isinstance(engine.engine, TiledEngine)
    image = read_rgb(sorted(lying_anyhow.iterdir())[0])
    assert engine.infer([image])[0].anomaly_map.shape == (SIDE, SIDE)


def test_discs_that_look_alike_in_every_turn_are_left_so(request_for):
    request = request_for()
    assert not run_training(request).registered
    assert REFERENCE not in load_model(request.out)[1]

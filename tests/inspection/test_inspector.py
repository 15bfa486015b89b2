"""One frame to one finding: alignment and tiles on the way."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from inspector_core.demo import draw_part
from inspector_core.detectors.detection import Detection
from inspector_core.detectors.tiling import Tiling
from inspector_core.errors import ImageError, RecipeError
from inspector_core.images import write_png
from inspector_core.inspection.alignment import Alignment
from inspector_core.inspection.inspector import PartInspector
from inspector_core.inspection.latency import StageTimes
from inspector_core.inspection.recipe import (
    CameraSettings,
    Recipe,
    Region,
    Thresholds,
    parse_recipe,
    recipe_toml,
)
from inspector_core.inspection.verdict import Verdict


class Looking:
    """Finds nothing and keeps what it was shown."""

    name = "looking"

    def __init__(self, tiling=None):
        self.seen = []
        self.model = SimpleNamespace(tiling=tiling, knows_tiles=tiling is not None)
        self.lanes = 1

    def infer(self, images, ignore=None, tiles=None):
        self.seen += images
        return [Detection(0.1, np.zeros(i.shape[:2], np.float32), i, i[::2, ::2]) for i in images]


@pytest.fixture
def recipe():
    return Recipe(
        name="Flange",
        camera=CameraSettings(),
        region=Region(x=40, y=40, width=200, height=160),
        alignment=Alignment(reference="reference.png"),
        tiling=Tiling(rows=2, columns=2),
        model="m.safetensors",
        thresholds=Thresholds(fail=0.5),
    )


@pytest.fixture
def part():
    return draw_part(5, None, 256).image


def inspector(recipe: Recipe, engine: Looking, part, tmp_path: Path) -> PartInspector:
    write_png(tmp_path / "reference.png", part)
    return PartInspector(recipe, engine, None, StageTimes(), tmp_path / "reference.png")


def test_a_moved_part_is_inspected_where_the_reference_lies(recipe, part, tmp_path):
    engine = Looking()
    pose = np.array([[1, 0, 9], [0, 1, -6]], float)
    finding = inspector(recipe, engine, part, tmp_path).inspect(cv2.warpAffine(part, pose, (256, 256)))
    assert finding.judgement.verdict is Verdict.PASS
    assert len(engine.seen) == 4, "two by two tiles"
    assert finding.images is not None
    region = part[40:200, 40:240].astype(int)
    assert np.abs(finding.images.image.astype(int) - region).mean() < 2
    assert finding.images.anomaly_map.shape == (160, 200)


def test_an_empty_belt_is_an_error_in_words_with_its_picture(recipe, part, tmp_path):
    engine = Looking()
    finding = inspector(recipe, engine, part, tmp_path).inspect(np.zeros_like(part))
    assert finding.judgement.verdict is Verdict.ERROR
    assert "could not be aligned" in finding.judgement.reason
    assert finding.images is not None
    assert not engine.seen


def test_a_missing_reference_is_said_before_the_first_part(recipe, tmp_path):
    with pytest.raises(ImageError):
        PartInspector(recipe, Looking(), None, StageTimes(), tmp_path / "nowhere.png")


def test_other_tiles_than_the_model_knows_are_refused_before_the_first_part(recipe):
    plain = recipe.model_copy(update={"alignment": None})
    PartInspector(plain, Looking(Tiling(rows=2, columns=2)), None, StageTimes())
    with pytest.raises(RecipeError, match="2 x 2 tiles, its model knows them in 4 x 4 tiles") as refused:
        PartInspector(plain, Looking(Tiling(rows=4, columns=4)), None, StageTimes())
    assert "train" in str(refused.value)
    with pytest.raises(RecipeError, match="knows them in 2 x 2 tiles that overlap by 20%"):
        PartInspector(plain, Looking(Tiling(rows=2, columns=2, overlap=0.2)), None, StageTimes())


def test_alignment_and_tiles_survive_the_file(recipe):
    assert parse_recipe(recipe_toml(recipe), "recipe") == recipe


def test_a_whole_frame_goes_through_the_line_without_a_copy(recipe, part):
    plain = recipe.model_copy(update={"region": None, "alignment": None, "tiling": None})
    engine = Looking()
    finding = PartInspector(plain, engine, None, StageTimes()).inspect(part)
    assert engine.seen[0] is part, "the engine sees the camera's own array"
    assert finding.images is not None
    assert finding.images.image is part, "and so do the records"
    assert np.array_equal(finding.images.compact, part[::2, ::2])


def test_a_part_seen_in_tiles_is_kept_with_the_cameras_pixels(recipe, part):
    """Tiles that are not reconstructed are shown as they are."""
    finding = PartInspector(
        recipe.model_copy(update={"alignment": None}), Looking(), None, StageTimes()
    ).inspect(part)
    assert finding.images is not None
    assert finding.images.reconstruction is not None
    assert finding.images.compact is None


def test_a_region_is_copied_out_of_its_frame_once(recipe, part):
    plain = recipe.model_copy(update={"alignment": None, "tiling": None})
    engine = Looking()
    finding = PartInspector(plain, engine, None, StageTimes()).inspect(part)
    assert not np.shares_memory(engine.seen[0], part), "a kept region must not keep its whole frame"
    assert finding.images is not None
    assert finding.images.image is engine.seen[0]

"""A whole benchmark run over drawn data, with an engine that reads its answers from the pictures."""

import json
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from inspector_core.detectors.detection import Detection
from inspector_core.errors import DataError, ModelFileError
from inspector_core.evaluation.evaluate import evaluate
from inspector_core.evaluation.line_metrics import Rate
from inspector_core.evaluation.regions import label_regions, resize_regions
from inspector_core.images import write_bytes, write_png

KEYS = [
    "image_auroc",
    "pixel_auroc",
    "pro",
    "ap",
    "false_reject_at_zero_escape",
    "threshold",
    "overkill",
    "escape",
    "ms_per_image",
    "images",
    "false_reject_at_zero_escape_interval",
    "overkill_interval",
    "escape_interval",
]
SIDE = 16


@dataclass
class Calibration:
    threshold: float


@dataclass
class Model:
    size: int = SIDE
    calibration: Calibration | None = None


class RedIsAnomalous:
    """The map is the red channel, the score its maximum, and NaN where green is 255."""

    def __init__(self, threshold: float | None = None, size: int = SIDE) -> None:
        self.model = Model(size, None if threshold is None else Calibration(threshold))
        self.warm = False
        self.calls: list[int] = []

    def warm_up(self) -> None:
        self.warm = True

    def infer(self, images, ignore=None):
        assert self.warm
        self.calls.append(len(images))
        return [self._one(image) for image in images]

    def _one(self, image) -> Detection:
        anomaly_map = image[..., 0].astype(np.float32) / np.float32(255)
        score = float("nan") if (image[..., 1] == 255).any() else float(anomaly_map.max())
        return Detection(score, anomaly_map, image)


def part(folder: Path, kind: str, name: str, red: int, mask: bool | None = None, side: int = SIDE) -> None:
    """One part, `red` in its upper left quarter; `mask` True covers that quarter, False is empty."""
    image = np.zeros((side, side, 3), dtype=np.uint8)
    image[: side // 2, : side // 2, 0] = red
    write_png(folder / "test" / kind / f"{name}.png", image)
    if mask is not None:
        pixels = np.zeros((side, side), dtype=np.uint8)
        pixels[: side // 2, : side // 2] = 255 * mask
        write_png(folder / "ground_truth" / kind / f"{name}_mask.png", pixels)


@pytest.fixture
def category(tmp_path) -> Path:
    for name, red in [("a", 10), ("b", 20), ("c", 90), ("d", 60)]:
        part(tmp_path, "good", name, red)
    part(tmp_path, "crack", "a", 200, mask=True)
    part(tmp_path, "crack", "b", 250, mask=True)
    part(tmp_path, "stain", "a", 70)
    part(tmp_path, "stain", "b", 100)
    return tmp_path


def test_the_figures_of_a_small_set_are_those_counted_by_hand(category):
    report = evaluate(RedIsAnomalous(threshold=80 / 255), category)
    overall = report.overall
    assert overall.image_auroc == 15 / 16
    assert overall.false_reject_at_zero_escape == Rate(1, 4)
    assert overall.overkill == Rate(1, 4)
    assert overall.escape == Rate(1, 4)
    assert (overall.pixel_auroc, overall.ap, overall.pro) == (1, 1, 1)
    assert overall.images == 8
    assert overall.threshold == 80 / 255


def test_each_defect_type_stands_against_all_good_parts(category):
    found = evaluate(RedIsAnomalous(threshold=80 / 255), category).defects
    assert list(found) == ["crack", "stain"]
    assert found["crack"].image_auroc == 1
    assert found["crack"].false_reject_at_zero_escape == Rate(0, 4)
    assert found["crack"].escape == Rate(0, 2)
    assert found["stain"].image_auroc == 7 / 8
    assert found["stain"].escape == Rate(1, 2)
    assert found["stain"].overkill == found["crack"].overkill == Rate(1, 4)
    assert found["stain"].images == found["crack"].images == 2


def test_a_type_without_masks_has_no_pixel_figures_and_the_rest_keep_theirs(category):
    report = evaluate(RedIsAnomalous(), category)
    stain = report.defects["stain"]
    assert (stain.pixel_auroc, stain.pro, stain.ap) == (None, None, None)
    assert report.defects["crack"].pro == 1
    assert report.without_mask == ("a.png", "b.png")


def test_the_json_has_exactly_the_stated_keys_and_survives_a_round_trip(category):
    found = json.loads(json.dumps(evaluate(RedIsAnomalous(0.5), category).as_json(), allow_nan=False))
    assert list(found) == [*KEYS, "defects", "pixel_error_bounds", "without_mask", "left_out"]
    assert {name: list(figures) for name, figures in found["defects"].items()} == {
        "crack": KEYS,
        "stain": KEYS,
    }
    assert found["overkill"] == 0
    assert found["overkill_interval"] == [0, pytest.approx(1 - 0.025 ** (1 / 4), abs=1e-9)]
    assert found["escape"] == 0.5
    assert found["pixel_error_bounds"] == {"pixel_auroc": 0, "ap": 0, "pro": 0}
    assert found["without_mask"] == ["a.png", "b.png"]


def test_a_model_without_calibration_has_no_threshold_and_no_rates_at_it(category):
    overall = evaluate(RedIsAnomalous(), category).overall
    assert (overall.threshold, overall.overkill, overall.escape) == (None, None, None)
    assert overall.false_reject_at_zero_escape is not None


def test_without_good_images_what_needs_them_is_null(tmp_path):
    part(tmp_path, "crack", "a", 200, mask=True)
    overall = evaluate(RedIsAnomalous(0.5), tmp_path).overall
    assert (overall.image_auroc, overall.overkill, overall.false_reject_at_zero_escape) == (None, None, None)
    assert overall.escape == Rate(0, 1)
    assert overall.pixel_auroc == 1


def test_without_defective_images_what_needs_them_is_null(tmp_path):
    part(tmp_path, "good", "a", 200)
    report = evaluate(RedIsAnomalous(0.5), tmp_path)
    overall = report.overall
    assert (overall.image_auroc, overall.escape, overall.pixel_auroc, overall.pro) == (None, None, None, None)
    assert overall.overkill == Rate(1, 1)
    assert report.as_json()["defects"] == {}


def test_an_empty_mask_counts_as_no_mask(category):
    part(category, "crack", "z", 255, mask=False)
    report = evaluate(RedIsAnomalous(), category)
    assert "z.png" in report.without_mask
    assert report.overall.pixel_auroc == 1


def test_unreadable_images_and_masks_are_left_out_and_named(category):
    write_bytes(category / "test/good/broken.png", b"no picture")
    write_bytes(category / "ground_truth/crack/a_mask.png", b"no mask")
    report = evaluate(RedIsAnomalous(), category)
    assert report.overall.images == 8
    assert [("broken.png" in line, "a_mask.png" in line) for line in report.unreadable] == [
        (True, False),
        (False, True),
    ]
    assert "a.png" in report.without_mask


def test_a_category_of_unreadable_images_only_is_refused(tmp_path):
    write_bytes(tmp_path / "test/good/broken.png", b"no picture")
    with pytest.raises(DataError, match=r"no test image .*broken\.png"):
        evaluate(RedIsAnomalous(), tmp_path)


def test_a_mask_of_another_size_stops_the_run(category):
    write_png(category / "ground_truth/crack/a_mask.png", np.full((4, 4), 255, dtype=np.uint8))
    with pytest.raises(DataError, match="4x4"):
        evaluate(RedIsAnomalous(), category)


def test_a_score_that_is_no_number_names_the_image(category):
    image = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    write_png(category / "test/good/blown.png", image)
    with pytest.raises(ModelFileError, match=r"blown\.png"):
        evaluate(RedIsAnomalous(), category)


def test_pixels_are_compared_at_the_size_of_the_model(tmp_path):
    part(tmp_path, "good", "a", 0, side=64)
    part(tmp_path, "crack", "a", 200, mask=True, side=48)
    report = evaluate(RedIsAnomalous(size=SIDE), tmp_path)
    assert report.overall.pixel_auroc == 1
    assert report.overall.pro == 1


def test_every_image_goes_through_the_engine_alone_and_is_reported(category):
    engine = RedIsAnomalous()
    steps, watched = [], []
    evaluate(
        engine,
        category,
        progress=lambda done, total: steps.append((done, total)),
        watch=lambda part, image, detection: watched.append((part.path.parent.name, image.shape)),
    )
    assert engine.calls == [1] * 8
    assert steps == [(i, 8) for i in range(1, 9)]
    assert watched == [(kind, (SIDE, SIDE, 3)) for kind in ["good"] * 4 + ["crack"] * 2 + ["stain"] * 2]


def test_the_time_is_the_median_of_the_engine_alone(category):
    now = 0.0

    class Timed(RedIsAnomalous):
        def infer(self, images, ignore=None):
            nonlocal now
            now += 0.2 if len(self.calls) == 3 else 0.005
            return super().infer(images)

    def elsewhere(done, total):
        nonlocal now
        now += 7

    report = evaluate(Timed(), category, progress=elsewhere, clock=lambda: now)
    assert report.overall.ms_per_image == pytest.approx(5)
    assert max(case.milliseconds for case in report.cases) == pytest.approx(200)


def test_the_worst_cases_come_worst_first(category):
    report = evaluate(RedIsAnomalous(), category)
    assert [case.path.stem for case in report.strangest_good(2)] == ["c", "d"]
    assert [(c.defect, c.path.stem) for c in report.plainest_defective(3)] == [
        ("stain", "a"),
        ("stain", "b"),
        ("crack", "a"),
    ]


def test_memory_grows_by_four_bytes_a_pixel_and_beyond_the_exact_pixels_no_more(tmp_path):
    for i in range(60):
        part(tmp_path, "good", f"{i:03}", i, side=SIDE)
    image = 64 * 64
    held = {}

    def at(done, total):
        held[done] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    evaluate(RedIsAnomalous(size=64), tmp_path, progress=at, exact_pixels=20 * image)
    tracemalloc.stop()
    assert held[20] - held[10] == pytest.approx(10 * 4 * image, rel=0.1)
    assert held[60] - held[21] < 100_000


def test_a_thin_scratch_is_one_region_whatever_the_size_of_the_model(tmp_path):
    part(tmp_path, "good", "a", 0, side=64)
    image, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
    for i in range(64):
        mask[i, (3 * i) // 4] = 255  # one pixel wide; a quarter of the size shows only some of them
    mask[60:, 4:8] = 255
    image[..., 0] = np.where(mask > 0, 200, 0)
    write_png(tmp_path / "test/crack/a.png", image)
    write_png(tmp_path / "ground_truth/crack/a_mask.png", mask)
    run = evaluate(RedIsAnomalous(size=SIDE), tmp_path)
    assert run.overall.pro is not None
    labels = resize_regions(label_regions(mask > 0), SIDE)
    assert set(np.unique(labels)) == {0, 1, 2}

"""Pictures are kept as the policy says, and a row names only files that stand."""

import contextlib
import errno
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inspector_core.engines.preprocess import compact_image, unfit_image
from inspector_core.images import read_rgb, write_png
from inspector_core.inspection.recipe import ArchivePolicy, Recipe
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.records import Records
from inspector_core.records.archive import ArchivedPaths, ImageArchive, map_to_grey, stem
from inspector_core.workspace import Workspace


def paths_of(part: Inspection) -> list[str]:
    return [path for path in (part.image_path, part.map_path, part.reconstruction_path) if path]


def test_every_reject_has_its_pictures_after_close(
    workspace: Workspace, records: Records, recipe: Recipe, make_part, pictures: PartImages
):
    writer = records.writer(records.start_session(recipe), lambda _parts: None, ArchivePolicy())
    verdicts = [*Verdict] * 25
    for number, verdict in enumerate(verdicts, start=1):
        writer.record(make_part(number, verdict), pictures)
    writer.close()
    recorded = records.find(limit=1000)
    assert len(recorded) == 100
    for part in recorded:
        assert len(paths_of(part)) == (0 if part.verdict is Verdict.PASS else 3)
        assert all((workspace.root / path).is_file() for path in paths_of(part))
    named = {path for part in recorded for path in paths_of(part)}
    on_disk = {path.relative_to(workspace.root).as_posix() for path in workspace.archive.rglob("*.*")}
    assert on_disk == named
    assert (writer.dropped_images, writer.archive_error) == (0, "")


def test_pictures_come_back_as_they_were(records: Records, recipe: Recipe, make_part, pictures: PartImages):
    writer = records.writer(records.start_session(recipe), lambda _parts: None, ArchivePolicy())
    writer.record(make_part(1, Verdict.FAIL), pictures)
    writer.record(make_part(2, Verdict.ERROR, reason="overrun"), PartImages(pictures.image))
    writer.record(make_part(3, Verdict.ERROR, reason="no frame"), None)
    writer.close()
    without, unscored, scored = records.find()
    back = records.images(scored)
    assert back is not None
    assert back.reconstruction is not None
    assert back.anomaly_map is not None
    assert np.array_equal(back.image, pictures.image)
    assert np.array_equal(back.reconstruction, pictures.reconstruction)
    assert back.anomaly_map.dtype == np.float32
    assert np.abs(back.anomaly_map - pictures.anomaly_map).max() <= 0.5 / 255 + 1e-6
    only_image = records.images(unscored)
    assert only_image is not None
    assert (only_image.reconstruction, only_image.anomaly_map) == (None, None)
    assert records.images(without) is None


@pytest.mark.parametrize("height", [24, 33, 48])
def test_a_compact_reconstruction_is_kept_and_comes_back_as_it_was_shown(
    workspace: Workspace, records: Records, recipe: Recipe, make_part, height: int
):
    """What is interpolated takes a disk and a core for nothing."""
    seen = np.random.default_rng(3).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    shown, compact = unfit_image(seen, height, height), compact_image(seen, height, height)
    image, anomaly_map = np.zeros((height, height, 3), np.uint8), np.zeros((height, height), np.float32)
    writer = records.writer(records.start_session(recipe), lambda _parts: None, ArchivePolicy())
    writer.record(make_part(1, Verdict.FAIL), PartImages(image, shown, anomaly_map, compact))
    writer.close()
    (part,) = records.find()
    assert np.array_equal(read_rgb(workspace.root / part.reconstruction_path), seen)
    back = records.images(part)
    assert back is not None
    assert back.reconstruction is not None
    assert np.array_equal(back.reconstruction, shown), "to the bit: History shows the difference times three"


def test_pictures_removed_from_the_archive_are_none(
    workspace: Workspace, records: Records, recipe: Recipe, make_part, pictures: PartImages
):
    writer = records.writer(records.start_session(recipe), lambda _parts: None, ArchivePolicy())
    writer.record(make_part(1, Verdict.FAIL), pictures)
    writer.close()
    (part,) = records.find()
    (workspace.root / part.image_path).write_bytes(b"\x89PNG and no more")
    assert records.images(part) is None


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (ArchivePolicy(what="rejects"), {7}),
        (ArchivePolicy(what="all"), set(range(1, 13))),
        (ArchivePolicy(what="sample", one_in=5), {1, 6, 7, 11}),
    ],
)
def test_the_policy_decides_whose_pictures_are_kept(
    records: Records, recipe: Recipe, make_part, pictures: PartImages, policy, kept
):
    writer = records.writer(records.start_session(recipe), lambda _parts: None, policy)
    for number in range(1, 13):
        writer.record(make_part(number, Verdict.FAIL if number == 7 else Verdict.PASS), pictures)
    writer.close()
    assert {part.part for part in records.find() if part.image_path} == kept


class Disk:
    """A disk that can be full."""

    def __init__(self) -> None:
        self.full = False
        self.go_on = threading.Event()
        self.go_on.set()

    def write(self, path: Path, image: np.ndarray) -> None:
        self.go_on.wait(10)
        if self.full and path.name.endswith("map.png"):  # the image still fitted
            raise OSError(errno.ENOSPC, "No space left on device")
        write_png(path, image)


def test_a_full_disk_is_a_state_that_ends_with_space(tmp_path: Path, pictures: PartImages):
    disk = Disk()
    archive = ImageArchive(tmp_path, write=disk.write)
    stood: list[ArchivedPaths] = []
    with contextlib.closing(archive):
        disk.full = True
        archive.offer("archive/one", pictures, stood.append)
        wait_until(lambda: archive.failed == 1)
        assert archive.error.endswith(
            "can't be written to {} (No space left on device)".format(tmp_path / "archive")
        )
        assert list(tmp_path.rglob("*.png")) == []
        disk.full = False
        archive.offer("archive/two", pictures, stood.append)
        wait_until(lambda: bool(stood))
        assert archive.error == ""
    assert stood[0].map == "archive/two_map.png"
    assert len(list(tmp_path.rglob("*.png"))) == 3


def test_rows_of_refused_pictures_name_none(
    workspace: Workspace, records: Records, recipe: Recipe, make_part, pictures: PartImages
):
    workspace.archive.rmdir()
    workspace.archive.write_text("in the way")
    committed: list[Inspection] = []
    writer = records.writer(records.start_session(recipe), committed.extend, ArchivePolicy())
    for number in range(1, 6):
        writer.record(make_part(number, Verdict.FAIL), pictures)
    writer.close()
    assert len(committed) == 5
    assert writer.dropped_images == 5
    assert "can't be written" in writer.archive_error
    assert [paths_of(part) for part in records.find()] == [[]] * 5


def test_what_has_no_room_is_dropped_and_counted_and_samples_go_first(tmp_path: Path, pictures: PartImages):
    disk = Disk()
    disk.go_on.clear()
    one = 24 * 32 * (3 + 3 + 4)
    archive = ImageArchive(tmp_path, max_bytes=4 * one, write=disk.write)
    stood: list[ArchivedPaths] = []
    samples = [archive.offer(f"archive/s{n}", pictures, stood.append, spare=True) for n in range(4)]
    rejects = [archive.offer(f"archive/r{n}", pictures, stood.append) for n in range(4)]
    assert samples == [True, True, False, False]
    assert rejects == [True, True, False, False]
    assert archive.dropped == 4
    disk.go_on.set()
    archive.close()
    assert [paths.image for paths in stood] == [f"archive/{n}_image.png" for n in ("s0", "s1", "r0", "r1")]


def test_a_part_larger_than_all_the_room_is_still_kept(tmp_path: Path, pictures: PartImages):
    stood: list[ArchivedPaths] = []
    archive = ImageArchive(tmp_path, max_bytes=1)
    assert archive.offer("archive/huge", pictures, stood.append)
    archive.close()
    assert len(stood) == 1


def test_files_lie_by_the_hour_in_utc_and_name_the_part(make_part):
    late = datetime(2026, 4, 1, 0, 59, 58, 42, tzinfo=timezone(timedelta(hours=2)))
    part = make_part(345, Verdict.REVIEW, captured_at=late)
    assert stem(part, 12) == "archive/2026/03/31/22/5958-000042_s12_p345_review"


@given(arrays(np.float32, (5, 7), elements=st.floats(-2, 2, width=32) | st.just(float("nan"))))
def test_a_map_keeps_its_values_to_half_a_step_and_never_hides_a_broken_one(anomaly_map):
    grey = map_to_grey(anomaly_map)
    broken = np.isnan(anomaly_map)
    assert (grey[broken] == 255).all()
    error = grey[~broken] / 255.0 - np.clip(anomaly_map[~broken], 0, 1)
    assert np.abs(error).max(initial=0) <= 0.5 / 255 + 1e-6


def wait_until(holds) -> None:
    patience = threading.Event()
    for _ in range(500):
        if holds():
            return
        patience.wait(0.01)
    raise AssertionError("it never came true")

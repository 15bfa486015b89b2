from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.detectors.tiling import Tiling
from inspector_core.errors import DataError, ImageError
from inspector_core.training.dataset import ALWAYS, FOLDS, load_normals, split_in_folds


def write(folder: Path, count: int, size: tuple[int, int] = (40, 40), first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(first, first + count):
        image = np.random.default_rng(k).integers(0, 256, (*size, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{k:03d}.png"), image)


def test_a_plain_folder_and_a_category_give_the_same_images(tmp_path: Path) -> None:
    write(tmp_path / "plain", 9)
    write(tmp_path / "category" / "train" / "good", 9)
    write(tmp_path / "category" / "test" / "bad", 3, first=50)
    plain, category = load_normals(tmp_path / "plain", 32), load_normals(tmp_path / "category", 32)
    assert np.array_equal(plain.images, category.images)
    assert plain.fingerprint == category.fingerprint
    assert len(plain) == 9


def test_another_image_changes_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, 9)
    before = load_normals(tmp_path, 32).fingerprint
    write(tmp_path, 1, first=77)
    assert load_normals(tmp_path, 32).fingerprint != before


def test_images_are_read_as_rgb(tmp_path: Path) -> None:
    for k in range(8):
        red = np.zeros((16, 16, 3), np.uint8)
        red[..., 2] = 200 + k
        cv2.imwrite(str(tmp_path / f"{k}.png"), red)
    assert load_normals(tmp_path, 16).images[0, 0, 0].tolist() == [200, 0, 0]


def test_crops_of_differing_size_are_taken_in_mvtec_layout_only(tmp_path: Path) -> None:
    for folder in (tmp_path / "plain", tmp_path / "category" / "train" / "good"):
        write(folder, 8)
        write(folder, 1, (20, 30), first=20)
    assert len(load_normals(tmp_path / "category", 32)) == 9
    with pytest.raises(DataError, match=r"differ in size \(000.png 40x40, 020.png 30x20\)"):
        load_normals(tmp_path / "plain", 32)


def test_a_missing_an_empty_and_a_small_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing"):
        load_normals(tmp_path / "nowhere", 32)
    with pytest.raises(DataError, match="holds no images"):
        load_normals(tmp_path, 32)
    write(tmp_path, 7)
    with pytest.raises(DataError, match="holds 7 images"):
        load_normals(tmp_path, 32)


def test_copies_of_one_image_are_no_training_set(tmp_path: Path) -> None:
    write(tmp_path, 1)
    for k in range(10):
        (tmp_path / f"copy{k}.png").write_bytes((tmp_path / "000.png").read_bytes())
    with pytest.raises(DataError, match="only 1 of the 11 images"):
        load_normals(tmp_path, 32)


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    write(tmp_path, 9)
    victim = tmp_path / "004.png"
    victim.write_bytes(victim.read_bytes()[:60])
    with pytest.raises(ImageError, match=r"004\.png is damaged"):
        load_normals(tmp_path, 32)


@given(count=st.integers(8, 3000), seed=st.integers(0, 99))
def test_a_fifth_is_held_out_and_the_rest_spread_evenly(count: int, seed: int) -> None:
    sizes = np.bincount(split_in_folds(count, seed), minlength=FOLDS)
    assert sizes.sum() == count
    assert sizes[0] == min(max(round(count / 5), 4), 300)
    assert sizes[1:].max() - sizes[1:].min() <= 1
    assert sizes.min() >= 1


def test_added_parts_belong_to_no_fold_and_tiles_to_that_of_their_part(tmp_path: Path) -> None:
    write(tmp_path / "good", 10)
    write(tmp_path / "rejected", 3, first=50)
    tiling = Tiling(rows=1, columns=2)
    normals = load_normals(tmp_path / "good", 32, tiling, tmp_path / "rejected")
    assert (len(normals), normals.added) == (13, 3)
    folds = normals.folds(0).reshape(13, 2)
    assert (folds[:, 0] == folds[:, 1]).all()
    assert (folds[10:] == ALWAYS).all()
    assert list(folds[:10, 0]) == list(split_in_folds(10, 0)), "the same parts as without"
    names, images = normals.of_fold(0, 0, 100)
    assert names == [f"{k:03d}.png" for k in np.flatnonzero(folds[:10, 0] == 0)]
    assert np.array_equal(images, normals.images[normals.folds(0) == 0])
    assert normals.of_fold(0, 0, 3)[0] == [names[0], names[1], names[3]]


def test_an_empty_folder_of_added_parts_is_said(tmp_path: Path) -> None:
    write(tmp_path / "good", 10)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        load_normals(tmp_path / "good", 32, added=tmp_path / "none")

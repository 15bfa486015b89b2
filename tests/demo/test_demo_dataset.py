"""The demo data set on disk: whole or absent, repeatable, and never at another's expense."""

import numpy as np
import pytest

from inspector_core.demo import DEFECTS, Split, draw_part, part_seed, write_dataset
from inspector_core.demo import dataset as dataset_module
from inspector_core.errors import DataError
from inspector_core.images import read_mask, read_rgb

SMALL = {"train": 3, "good": 2, "per_defect": 1, "size": 64}


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_layout_is_mvtecs(tmp_path):
    folder = write_dataset(tmp_path / "flange", **SMALL)
    expected = {f"train/good/{i:04}.png" for i in range(3)} | {f"test/good/{i:04}.png" for i in range(2)}
    expected |= {f"test/{d}/0000.png" for d in DEFECTS}
    expected |= {f"ground_truth/{d}/0000_mask.png" for d in DEFECTS}
    assert set(contents(folder)) - {"demo.json"} == expected


def test_the_files_hold_what_was_drawn(tmp_path):
    folder = write_dataset(tmp_path / "flange", seed=5, **SMALL)
    train = draw_part(part_seed(5, Split.TRAIN, 1), None, 64)
    assert np.array_equal(read_rgb(folder / "train/good/0001.png"), train.image)
    dent = draw_part(part_seed(5, Split.TEST, 2 + DEFECTS.index("dent")), "dent", 64)
    assert np.array_equal(read_rgb(folder / "test/dent/0000.png"), dent.image)
    assert np.array_equal(read_mask(folder / "ground_truth/dent/0000_mask.png"), dent.mask)


def test_no_two_images_are_alike(tmp_path):
    files = contents(write_dataset(tmp_path / "flange", **SMALL))
    images = [data for name, data in files.items() if not name.startswith(("ground_truth", "demo"))]
    assert len(set(images)) == len(images)


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    a, b, c = (
        contents(write_dataset(tmp_path / name, seed=seed, **SMALL))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert a == b
    assert a["train/good/0000.png"] != c["train/good/0000.png"]


def test_a_complete_data_set_is_not_drawn_again(tmp_path):
    folder = write_dataset(tmp_path / "flange", **SMALL)
    calls = []
    write_dataset(folder, **SMALL, progress=lambda done, total: calls.append(done))
    assert calls == []


def test_other_numbers_replace_the_data_set(tmp_path):
    folder = write_dataset(tmp_path / "flange", **SMALL)
    write_dataset(folder, **{**SMALL, "train": 1})
    assert len(list((folder / "train/good").iterdir())) == 1


def test_progress_counts_up_to_the_total(tmp_path):
    calls = []
    write_dataset(tmp_path / "flange", **SMALL, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 10) for i in range(1, 11)]


def test_an_interrupted_write_leaves_no_data_set_and_is_made_good(tmp_path):
    folder = tmp_path / "flange"

    def interrupt(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(folder, **SMALL, progress=interrupt)
    assert not folder.exists()
    write_dataset(folder, **SMALL)
    assert contents(folder) == contents(write_dataset(tmp_path / "other", **SMALL))
    assert {p.name for p in tmp_path.iterdir()} == {"flange", "other"}


def test_an_interrupted_replacement_leaves_the_old_data_set(tmp_path, monkeypatch):
    folder = write_dataset(tmp_path / "flange", **SMALL)
    before = contents(folder)

    def full(path, image):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset_module, "write_png", full)
    with pytest.raises(DataError, match="No space left"):
        write_dataset(folder, **{**SMALL, "seed": 9})
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["notes.txt", "train/good/mine.txt", "train/bad/0000.png"])
def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, name):
    folder = tmp_path / "mine"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("kept")
    with pytest.raises(DataError, match="no demo parts"):
        write_dataset(folder, **SMALL)
    assert contents(folder) == {name: b"kept"}


@pytest.mark.parametrize("name", ["notes.txt", "train/good/mine.jpg", "train/bad/0000.png"])
def test_a_file_added_to_a_data_set_is_never_lost(tmp_path, name):
    folder = write_dataset(tmp_path / "flange", **SMALL)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("kept")
    with pytest.raises(DataError, match="no demo parts"):
        write_dataset(folder, **{**SMALL, "seed": 1})
    assert (folder / name).read_text() == "kept"


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "flange").write_text("")
    with pytest.raises(DataError, match="flange is a file"):
        write_dataset(tmp_path / "flange", **SMALL)


def test_negative_numbers_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="negative"):
        write_dataset(tmp_path / "flange", train=-1)
    assert not any(tmp_path.iterdir())

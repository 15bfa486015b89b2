"""Reading a category in MVTec layout, and every way in which it can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from inspector_core.errors import DataError
from inspector_core.evaluation.dataset import find_categories, read_category
from inspector_core.images import write_png


def picture(path: Path, height: int = 6, width: int = 8) -> Path:
    write_png(path, np.full((height, width, 3), 128, dtype=np.uint8))
    return path


def mask(path: Path, height: int = 6, width: int = 8) -> Path:
    pixels = np.zeros((height, width), dtype=np.uint8)
    pixels[1:3, 1:3] = 255
    write_png(path, pixels)
    return path


def test_parts_come_good_first_with_their_masks(tmp_path):
    picture(tmp_path / "test/good/000.png")
    picture(tmp_path / "test/crack/000.png")
    picture(tmp_path / "test/crack/001.png")
    picture(tmp_path / "test/bent/007.png")
    suffixed = mask(tmp_path / "ground_truth/crack/000_mask.png")
    plain = mask(tmp_path / "ground_truth/bent/007.png")
    category = read_category(tmp_path)
    found = [(p.defect, p.path.name, p.mask_path) for p in category.parts]
    assert found == [
        ("good", "000.png", None),
        ("bent", "007.png", plain),
        ("crack", "000.png", suffixed),
        ("crack", "001.png", None),
    ]
    assert category.defects == ("bent", "crack")


def test_a_mask_is_read_as_what_is_above_zero(tmp_path):
    picture(tmp_path / "test/crack/a.png")
    pixels = np.array([[0, 1], [2, 255]], dtype=np.uint8)
    write_png(tmp_path / "ground_truth/crack/a_mask.png", pixels)
    part = read_category(tmp_path).parts[0]
    assert part.mask(2, 2).tolist() == [[False, True], [True, True]]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere does not exist"):
        read_category(tmp_path / "nowhere")


def test_a_folder_without_test_is_named(tmp_path):
    picture(tmp_path / "train/good/0.png")
    with pytest.raises(DataError, match="no folder named test"):
        read_category(tmp_path)


def test_an_empty_test_folder_is_named(tmp_path):
    (tmp_path / "test/good").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no image"):
        read_category(tmp_path)


@pytest.mark.parametrize("orphan", ["crack/009_mask.png", "dent/000_mask.png", "crack/009.png"])
def test_a_mask_without_its_image_is_named(tmp_path, orphan):
    picture(tmp_path / "test/crack/000.png")
    mask(tmp_path / "ground_truth" / orphan)
    with pytest.raises(DataError, match=r"00[09](_mask)?.png has no image test/(crack|dent)/00[09]"):
        read_category(tmp_path)


def test_a_mask_of_another_size_names_both_sizes(tmp_path):
    picture(tmp_path / "test/crack/000.png")
    mask(tmp_path / "ground_truth/crack/000_mask.png", height=5, width=9)
    with pytest.raises(DataError, match=r"is 9x5, its image .* is 8x6"):
        read_category(tmp_path).parts[0].mask(6, 8)


def test_a_data_set_folder_gives_its_categories_and_a_category_itself(tmp_path):
    picture(tmp_path / "b/test/good/0.png")
    picture(tmp_path / "a/test/good/0.png")
    picture(tmp_path / "notes/0.png")
    assert find_categories(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert find_categories(tmp_path / "a") == [tmp_path / "a"]
    with pytest.raises(DataError, match="holds none"):
        find_categories(tmp_path / "notes")
    with pytest.raises(DataError, match="does not exist"):
        find_categories(tmp_path / "c")

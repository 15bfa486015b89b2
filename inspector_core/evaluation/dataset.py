"""The test half of a category in MVTec layout: `test/good`, `test/<defect>`, `ground_truth/<defect>`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector_core.errors import DataError
from inspector_core.images import RGB, list_images, read_mask, read_rgb

GOOD = "good"


@dataclass(frozen=True, slots=True)
class TestPart:
    """One test image: its file, its defect type (`GOOD` for none) and its mask file, where there is one."""

    __test__ = False  # keeps pytest from collecting it by its name

    path: Path
    defect: str
    mask_path: Path | None

    @property
    def is_good(self) -> bool:
        return self.defect == GOOD

    def image(self) -> RGB:
        """The image as RGB uint8 [H, W, 3].

        Raises:
            ImageError: it can't be read.
        """
        return read_rgb(self.path)

    def mask(self, height: int, width: int) -> NDArray[np.bool_] | None:
        """The mask as bool [height, width], the image's size; None where there is no mask file.

        Raises:
            DataError: the mask is of another size than the image.
            ImageError: it can't be read.
        """
        if self.mask_path is None:
            return None
        mask = read_mask(self.mask_path)
        if mask.shape != (height, width):
            found = f"{mask.shape[1]}x{mask.shape[0]}"
            problem = f"mask {self.mask_path} is {found}, its image {self.path} is {width}x{height}"
            raise DataError(problem, "make the mask at the size of its image")
        return mask


@dataclass(frozen=True, slots=True)
class Category:
    """The test parts of one category, good ones first, then each defect type by name."""

    folder: Path
    parts: tuple[TestPart, ...]

    @property
    def defects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.defect for part in self.parts if not part.is_good))


def read_category(folder: Path) -> Category:
    """List the test parts of a category; files are not opened yet.

    Raises:
        DataError: the folder or its `test` folder is missing, it holds no test image, or a mask has no image.
    """
    test = folder / "test"
    if not folder.is_dir():
        raise DataError(f"folder {folder} does not exist", "give the folder of one category")
    if not test.is_dir():
        problem = f"{folder} has no folder named test"
        raise DataError(problem, "lay the images out as test/good and test/<defect>")
    types = sorted((f for f in test.iterdir() if f.is_dir()), key=lambda f: (f.name != GOOD, f.name))
    parts = tuple(part for type_folder in types for part in _parts_of(type_folder, folder / "ground_truth"))
    if not parts:
        raise DataError(
            f"{test} holds no image in a subfolder", "put images into test/good and test/<defect>"
        )
    _refuse_masks_without_image(folder / "ground_truth", parts)
    return Category(folder, parts)


def find_categories(folder: Path) -> list[Path]:
    """The categories at `folder`: itself where it has a `test` folder, else its subfolders that have one.

    Raises:
        DataError: the folder is missing or holds no category.
    """
    if not folder.is_dir():
        raise DataError(f"folder {folder} does not exist", "give a category or a folder of categories")
    if (folder / "test").is_dir():
        return [folder]
    found = sorted(f for f in folder.iterdir() if (f / "test").is_dir())
    if not found:
        problem = f"{folder} is no category in MVTec layout and holds none"
        raise DataError(problem, "lay the images out as <category>/test/good and <category>/test/<defect>")
    return found


def _parts_of(type_folder: Path, ground_truth: Path) -> Iterator[TestPart]:
    masks = _masks_by_stem(ground_truth / type_folder.name) if type_folder.name != GOOD else {}
    for path in list_images(type_folder):
        mask = masks.get(f"{path.stem}_mask") or masks.get(path.stem)
        yield TestPart(path, type_folder.name, mask)


def _masks_by_stem(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in list_images(folder)} if folder.is_dir() else {}


def _refuse_masks_without_image(ground_truth: Path, parts: tuple[TestPart, ...]) -> None:
    if not ground_truth.is_dir():
        return
    used = {part.mask_path for part in parts}
    for folder in sorted(f for f in ground_truth.iterdir() if f.is_dir() and f.name != GOOD):
        for mask in list_images(folder):
            if mask not in used:
                expected = f"test/{folder.name}/{mask.stem.removesuffix('_mask')}"
                raise DataError(f"mask {mask} has no image {expected}", "add the image or remove the mask")

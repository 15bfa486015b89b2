"""Photographs of good parts, read once and kept in memory at the detector's size."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.tiling import Tiling
from inspector_core.engines.preprocess import fit
from inspector_core.engines.registration import Picture, Registration, move, picture_of
from inspector_core.errors import DataError
from inspector_core.images import list_images, read_rgb

LEAST_IMAGES = 8
FOLDS = 5
ALWAYS = -1
"""Fold of a part that every fit may know."""
HELD_OUT_SHARE = 0.2
HELD_OUT_LEAST, HELD_OUT_MOST = 4, 300
PICTURES = 24
"""Parts, at most, of which a picture is kept for finding how they lie."""


@dataclass(frozen=True, slots=True)
class NormalImages:
    """Normal images ready for training.

    Attributes:
        images: RGB uint8 [N, S, S, 3], or the tiles of each part one after another, [N * tiles, S, S, 3].
        paths: where each part came from.
        fingerprint: SHA-256 over the files' contents in order.
        tiles: of each part.
        added: parts, the last ones, that were found to be good after all.
        pictures: of some parts as they lie, all of the first one's shape.
    """

    images: NDArray[np.uint8]
    paths: tuple[Path, ...]
    fingerprint: str
    tiles: int = 1
    added: int = 0
    pictures: tuple[Picture, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def folds(self, seed: int) -> NDArray[np.intp]:
        """For each of `images`, the fold of its part (`split_in_folds`); ALWAYS for what was added."""
        of_part = np.full(len(self), ALWAYS, dtype=np.intp)
        of_part[: len(self) - self.added] = split_in_folds(len(self) - self.added, seed)
        return np.repeat(of_part, self.tiles)

    def of_fold(self, fold: int, seed: int, most: int) -> tuple[list[str], NDArray[np.uint8]]:
        """File names of a fold's parts, and their images; of more than `most`, so many evenly spread."""
        parts = np.flatnonzero(self.folds(seed)[:: self.tiles] == fold)
        parts = parts[evenly(len(parts), most)]
        rows = (parts[:, None] * self.tiles + np.arange(self.tiles)).ravel()
        return [self.paths[part].name for part in parts], self.images[rows]


def evenly(count: int, most: int) -> NDArray[np.intp]:
    """Of so many rows at most so many, evenly spread: of tiles, those of all parts and all places."""
    return np.linspace(0, count - 1, min(most, count)).astype(np.intp)


def normal_folder(folder: Path) -> Path:
    """Where a folder's normal images are: `train/good` of an MVTec-layout category, or the folder itself.

    Raises:
        DataError: the folder is missing.
    """
    if not folder.is_dir():
        raise DataError(f"the folder {folder} is missing", "check the path")
    good = folder / "train" / "good"
    return good if good.is_dir() else folder


def load_normals(
    folder: Path,
    size: int,
    tiling: Tiling | None = None,
    added: Path | None = None,
    registration: Registration | None = None,
) -> NormalImages:
    """Read a folder of normal images, or an MVTec-layout category, at `size` x `size`, whole or in tiles.

    Photographs in a plain folder must be of one size, as a camera takes them: another size there is a stray
    file. A category in MVTec layout may hold crops of differing size.

    Args:
        added: folder of further normal images, of any number: confirmed false rejects.
        registration: brings each part into one pose; None takes parts as they lie.

    Raises:
        DataError: the folder is missing or empty, or has fewer than 8 images, several sizes, or only
            identical images.
        ImageError: a file is damaged or too large.
    """
    source = normal_folder(folder)
    paths = list_images(source)
    if not paths:
        raise DataError(f"the folder {source} holds no images", "put photographs of good parts there")
    if len(paths) < LEAST_IMAGES:
        raise DataError(
            f"the folder {source} holds {len(paths)} images", f"add photographs up to {LEAST_IMAGES} at least"
        )
    further = [] if added is None else _further(added)
    paths += further
    digest = hashlib.sha256()
    tiling = tiling or Tiling()
    images = np.empty((len(paths) * tiling.count, size, size, 3), dtype=np.uint8)
    sizes: dict[tuple[int, int], Path] = {}
    contents = set()
    pictures: list[Picture] = []
    pictured = set(evenly(len(paths), PICTURES).tolist())
    for k, path in enumerate(paths):
        image = read_rgb(path)
        content = hashlib.sha256(image.tobytes()).digest()
        digest.update(content)
        contents.add(content)
        sizes.setdefault((image.shape[1], image.shape[0]), path)
        if len(sizes) > 1 and source == folder and path not in further:
            (w1, h1), (w2, h2) = list(sizes)[:2]
            raise DataError(
                f"the images in {folder} differ in size ({paths[0].name} {w1}x{h1}, {path.name} {w2}x{h2})",
                "remove the strays, crop all to one size, or arrange crops in MVTec layout",
            )
        if image.shape[0] < tiling.rows or image.shape[1] < tiling.columns:
            problem = f"{path} is too small for {tiling} ({image.shape[1]} x {image.shape[0]} pixels)"
            raise DataError(problem, "choose fewer tiles")
        if k in pictured:
            pictures.append(picture_of(image, pictures[0].shape if pictures else None))
        if registration is not None:
            image = move(image, registration.find(image)[0])
        for tile, window in enumerate(tiling.windows(*image.shape[:2])):
            images[k * tiling.count + tile] = fit(window.of(image), size)
    if len(contents) < LEAST_IMAGES:
        raise DataError(
            f"only {len(contents)} of the {len(paths)} images in {source} differ from each other",
            f"add photographs of other parts, up to {LEAST_IMAGES} different ones at least",
        )
    return NormalImages(images, tuple(paths), digest.hexdigest(), tiling.count, len(further), tuple(pictures))


def _further(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"the folder {folder} is missing", "check the path")
    found = list_images(folder)
    if not found:
        raise DataError(
            f"the folder {folder} holds no images", "put the parts there that were good after all"
        )
    return found


def split_in_folds(count: int, seed: int) -> NDArray[np.intp]:
    """The fold of each part, [count]: 0, a fifth of them (4 to 300), is held out from all training.

    The others are trained on and spread evenly over folds 1 to 4: each is unknown to one fit of the evidence.
    """
    order = np.random.default_rng(seed).permutation(count)
    held_out = min(max(round(count * HELD_OUT_SHARE), HELD_OUT_LEAST), HELD_OUT_MOST)
    folds = np.empty(count, dtype=np.intp)
    folds[order] = np.concatenate(
        [np.zeros(held_out, np.intp), 1 + np.arange(count - held_out) % (FOLDS - 1)]
    )
    return folds

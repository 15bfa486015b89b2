"""The demo product on disk, in the layout of MVTec AD: train/good, test/good, test/<defect>, ground_truth."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from inspector_core.demo.defects import DEFECTS
from inspector_core.demo.parts import Split, draw_part, part_seed
from inspector_core.errors import DataError
from inspector_core.images import write_bytes, write_png

DRAWING = 5
"""Raised whenever the drawing changes, so that data written by an older one is written again."""

MARKER = "demo.json"
"""The file that says a data set is complete, and what it was written from."""

_KINDS = "|".join(("good", *DEFECTS))
_OURS = re.compile(rf"{MARKER}|(train|test)/({_KINDS})/\d+\.png|ground_truth/({_KINDS})/\d+_mask\.png")


def write_dataset(
    folder: Path,
    *,
    train: int = 300,
    good: int = 50,
    per_defect: int = 10,
    seed: int = 0,
    size: int = 512,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a data set of demo parts, all or nothing; one that is there already is left as it is.

    The images are written beside `folder`, which gets its name when the last of them stands. An interrupted
    write leaves no `folder`, and the next one starts afresh. Training and test parts share no seed.

    Args:
        folder: where to; missing, empty, or a data set that this function wrote.
        train: number of good parts in train/good.
        good: number of good parts in test/good.
        per_defect: number of parts in each test/<defect>, with masks in ground_truth/<defect>.
        seed: not negative; the same seed gives the same files.
        size: side of the images in pixels, a multiple of 4 from 64 on.
        progress: called with the number of images written and their total.

    Returns:
        `folder`.

    Raises:
        DataError: the folder holds something else, or can't be written.
        ValueError: a number is outside its range.
    """
    if min(train, good, per_defect) < 0:
        raise ValueError("the numbers of parts must not be negative")
    numbers = {"train": train, "good": good, "per_defect": per_defect, "seed": seed, "size": size}
    recipe = {"drawing": DRAWING, **numbers}
    if _written_from(folder) == recipe:
        return folder
    _refuse_foreign(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        total = train + good + per_defect * len(DEFECTS)
        for done, (path, own_seed, defect) in enumerate(_parts(train, good, per_defect, seed), 1):
            part = draw_part(own_seed, defect, size)
            write_png(partial / path, part.image)
            if defect is not None:
                mask = partial / "ground_truth" / defect / f"{path.stem}_mask.png"
                write_png(mask, part.mask.astype(np.uint8) * 255)
            if progress is not None:
                progress(done, total)
        write_bytes(partial / MARKER, json.dumps(recipe, indent=1).encode())
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    except OSError as error:
        problem = f"the demo parts can't be written to {folder} ({error.strerror or error})"
        raise DataError(
            problem, "free disk space, correct the permissions or choose another folder"
        ) from error
    return folder


def _parts(train: int, good: int, per_defect: int, seed: int) -> Iterator[tuple[Path, int, str | None]]:
    for i in range(train):
        yield Path("train/good") / f"{i:04}.png", part_seed(seed, Split.TRAIN, i), None
    for i in range(good):
        yield Path("test/good") / f"{i:04}.png", part_seed(seed, Split.TEST, i), None
    for kind, defect in enumerate(DEFECTS):
        for i in range(per_defect):
            number = good + kind * per_defect + i
            yield Path("test") / defect / f"{i:04}.png", part_seed(seed, Split.TEST, number), defect


def _written_from(folder: Path) -> dict[str, int] | None:
    """What a complete data set was written from; None where there is none."""
    try:
        content = json.loads((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _refuse_foreign(folder: Path) -> None:
    """Make sure that replacing the folder loses nothing but what was drawn here."""
    if not folder.exists():
        return
    remedy = "choose another folder, or move its content away"
    if not folder.is_dir():
        raise DataError(f"{folder} is a file", remedy)
    foreign = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not _OURS.fullmatch(path.relative_to(folder).as_posix())
    ]
    if foreign or (any(folder.iterdir()) and _written_from(folder) is None):
        raise DataError(f"{folder} holds files that are no demo parts", remedy)

"""The quality gate for pictures of good parts: blur, light, size, duplicates, and what looks unlike the rest.

Most of it is judged against the other pictures of the set, since only they show what is usual for this part
under this light. Nothing here knows Qt.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.errors import ImageError
from inspector_core.images import list_images, read_rgb

LEAST, RECOMMENDED, MOST_USEFUL = 8, 20, 300
THUMBNAIL = 160
SHARPNESS_SIDE = 512
SIGN_SIDE = 48
DARK, BRIGHT, FLAT = 12.0, 250.0, 2.0
BLURRED = 0.35
LIGHT_STEP = 45.0
SAME = 0.6
UNLIKE = 3.5


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture with what was measured on it.

    Attributes:
        size: width and height in pixels.
        thumbnail: RGB uint8, at most `THUMBNAIL` on its longer side; None where it can't be read.
        sharpness: variance of the Laplacian at a fixed scale; light: mean grey value, 0..255.
        sign: grey float32 [48, 48], to compare pictures by; content: hash of the pixels.
        fault: what is wrong with it alone; problem: what is wrong with it in its set.
        chosen: what the person said, None where they left it to the check.
    """

    path: Path
    size: tuple[int, int] = (0, 0)
    thumbnail: NDArray[np.uint8] | None = None
    sharpness: float = 0.0
    light: float = 0.0
    sign: NDArray[np.float32] = field(default_factory=lambda: np.zeros((SIGN_SIDE, SIGN_SIDE), np.float32))
    content: str = ""
    fault: str = ""
    problem: str = ""
    chosen: bool | None = None

    @property
    def readable(self) -> bool:
        return self.thumbnail is not None

    @property
    def used(self) -> bool:
        """Whether it is trained on."""
        return self.readable and (not self.problem if self.chosen is None else self.chosen)


def find_pictures(folder: Path) -> list[Path]:
    """Normal images of a folder: of `train/good` where it is an MVTec-layout category. May raise OSError."""
    return list_images(folder / "train" / "good" if is_category(folder) else folder)


def is_category(folder: Path) -> bool:
    """Whether the folder is in MVTec layout, where images may differ in size."""
    return (folder / "train" / "good").is_dir()


def read_picture(path: Path) -> Picture:
    """Read and measure one file; a damaged one comes back with its fault."""
    try:
        return measure(path, read_rgb(path))
    except ImageError as error:
        reason = error.problem.replace(str(path), "").strip()
        return Picture(path, fault=reason, problem=reason)


def measure(path: Path, image: NDArray[np.uint8]) -> Picture:
    """Measure RGB uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    light, spread = float(grey.mean()), float(grey.std())
    sign = cv2.resize(grey, (SIGN_SIDE, SIGN_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fault = ""
    if light < DARK:
        fault = "too dark"
    elif light > BRIGHT:
        fault = "overexposed"
    elif spread < FLAT:
        fault = "shows nothing"
    content = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
    return Picture(
        path, (width, height), _thumbnail(image), sharpness(grey), light, sign, content, fault, fault
    )


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian, at a scale that makes pictures of any size comparable."""
    scale = SHARPNESS_SIDE / max(grey.shape)
    if scale < 1.0:
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = np.asarray(small, dtype=np.uint8)
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)  # else the sensor's noise would count as detail
    return float(cv2.Laplacian(smooth, cv2.CV_32F).var())


def judge_set(pictures: Sequence[Picture], *, any_size: bool = False) -> list[Picture]:
    """The same pictures with `problem` as seen in the whole set.

    Args:
        any_size: sizes may differ (MVTec layout).
    """
    sound = [picture for picture in pictures if not picture.fault]
    if not sound:
        return list(pictures)
    usual_size = Counter(picture.size for picture in sound).most_common(1)[0][0]
    sharp = float(np.median([picture.sharpness for picture in sound]))
    light = float(np.median([picture.light for picture in sound]))
    middle = np.median(np.stack([picture.sign for picture in sound]), axis=0)
    distances = {id(picture): _distance(picture.sign, middle) for picture in sound}
    usual = float(np.median(list(distances.values())))
    judged: list[Picture] = []
    for picture in pictures:
        problem = picture.fault
        if not problem and not any_size and picture.size != usual_size:
            problem = f"{picture.size[0]} × {picture.size[1]} instead of {usual_size[0]} × {usual_size[1]}"
        problem = problem or _same_as(picture, judged)
        if not problem and abs(picture.light - light) > LIGHT_STEP:
            problem = f"{'darker' if picture.light < light else 'brighter'} than the others"
        if not problem and distances[id(picture)] > UNLIKE * usual + 4.0:
            problem = "unlike the others: is it the right part?"
        if not problem and picture.sharpness < BLURRED * sharp:
            problem = f"blurred: {picture.sharpness / sharp:.0%} of the usual sharpness"
        judged.append(replace(picture, problem=problem))
    return judged


def summary(pictures: Sequence[Picture]) -> str:
    """How many are used, and whether that is enough, as a sentence."""
    used = sum(picture.used for picture in pictures)
    text = f"{used} of {len(pictures)} pictures will be used."
    if used < LEAST:
        return f"{text} At least {LEAST} are needed, {RECOMMENDED} to {MOST_USEFUL} are recommended."
    if used < RECOMMENDED:
        return f"{text} That works; {RECOMMENDED} to {MOST_USEFUL} are recommended."
    return text


def _same_as(picture: Picture, before: Sequence[Picture]) -> str:
    for other in before:
        if other.fault or other.problem.startswith(("the same", "almost")):
            continue
        if other.content == picture.content:
            return f"the same picture as {other.path.name}"
        if other.size == picture.size and _distance(picture.sign, other.sign) < SAME:
            return f"almost the same as {other.path.name}"
    return ""


def _distance(sign: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Mean difference in grey values, apart from how light the pictures are as a whole."""
    change = sign - other
    return float(np.abs(change - change.mean()).mean())


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = THUMBNAIL / max(image.shape[:2])
    if scale >= 1.0:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)

"""Which of the held-out good parts the model finds strangest. Knows no Qt; takes seconds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector_core.images import list_images, read_rgb
from inspector_core.training.dataset import normal_folder, split_held_out

MOST_SCORED = 60


@dataclass(frozen=True, slots=True, eq=False)
class StrangePart:
    """A good part with its score; `image` is RGB uint8 [H, W, 3]."""

    path: Path
    score: float
    image: NDArray[np.uint8]


def strangest_parts(model: Path, normals: Path, seed: int = 0, most: int = 8) -> list[StrangePart]:
    """The held-out parts with the highest scores, highest first.

    Raises:
        NormaError: the model or a picture can't be used.
    """
    from inspector_core.engines.detector import Detector  # loads the networks' library

    paths = list_images(normal_folder(normals))
    _, held_out = split_held_out(len(paths), seed)
    detector = Detector.load(model, "cpu")
    parts = []
    for index in held_out[:MOST_SCORED]:
        image = read_rgb(paths[index])
        parts.append(StrangePart(paths[index], detector.inspect(image).score, image))
    return sorted(parts, key=lambda part: part.score, reverse=True)[:most]

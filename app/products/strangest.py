"""The good parts that a model found strangest as it was calibrated. Knows no Qt."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.model_file import Calibration
from inspector_core.errors import ImageError
from inspector_core.images import read_rgb
from inspector_core.training.dataset import normal_folder


@dataclass(frozen=True, slots=True, eq=False)
class StrangePart:
    """A good part with its score; `image` is RGB uint8 [H, W, 3], None where it can't be read."""

    path: Path
    score: float
    image: NDArray[np.uint8] | None


def strangest_parts(calibration: Calibration, normals: Path) -> list[StrangePart]:
    """Pictures of the parts with the highest scores, highest first.

    Args:
        normals: the folder that the model was trained on.

    Raises:
        DataError: the folder is missing.
    """
    folder = normal_folder(normals)
    return [
        StrangePart(folder / name, score, _picture(folder / name)) for name, score in calibration.strangest
    ]


def _picture(path: Path) -> NDArray[np.uint8] | None:
    try:
        return read_rgb(path)
    except ImageError:
        return None

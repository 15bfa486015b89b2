"""What a detector says of one image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Detection:
    """The result for one image of H x W pixels.

    Attributes:
        score: raw image score, higher is stranger; the mean of the top K pixels of the map at model
            resolution (DiffusionAD, section III-D), 0..1.
        anomaly_map: float32 [H, W], 0..1, raw: never normalised per image.
        reconstruction: uint8 RGB [H, W, 3], the part as it would look without a fault; None where the engine
            was opened to leave it out for such a part.
        compact: the reconstruction in the image's shape with no more pixels than the detector sees, uint8 RGB
            [h, w, 3]; None where that would not be fewer, or where it has pixels of the camera.
    """

    score: float
    anomaly_map: NDArray[np.float32]
    reconstruction: NDArray[np.uint8] | None
    compact: NDArray[np.uint8] | None = None

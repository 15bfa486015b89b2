"""What every engine offers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import ModelMetadata

Image = NDArray[np.uint8]
IgnoreMask = NDArray[np.bool_]
NO_PICTURES = 2.0
"""For `open_engine`: above any score, so that only suspicious parts are reconstructed."""


class Engine(Protocol):
    """A model made ready on a device. It belongs to the thread that first uses it."""

    @property
    def name(self) -> str:
        """Engine, device and number type, e.g. `torch-cpu-bf16`; scores repeat to the bit under one name."""

    @property
    def model(self) -> ModelMetadata: ...

    def infer(self, images: Sequence[Image], ignore: IgnoreMask | None = None) -> list[Detection]:
        """Detections of RGB uint8 images [H, W, 3], each of any size.

        An image's Detection does not depend on what stands beside it in the call.

        Args:
            ignore: bool [h, w] over the whole image; what is True there has probability 0.

        Raises:
            ValueError: an image is not uint8 [H, W, 3].
        """

    def warm_up(self) -> None:
        """Do the work that the first image would otherwise pay for."""

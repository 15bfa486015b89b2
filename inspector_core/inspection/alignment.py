"""Bringing a part to where the reference part lies, before the region is cut out."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from inspector_core.engines.registration import Pose, Registration, move, picture_of
from inspector_core.errors import RecipeError


class Alignment(BaseModel):
    """How a part is aligned.

    Attributes:
        reference: an image of a whole frame with a part in the right place, relative to the workspace.
        most_shift: of the frame's longer side; a part that lies further away is not found.
        most_turn: degrees, each way.
        least_confidence: correlation with the reference, 0..1, below which the part counts as not found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str = Field(min_length=1)
    most_shift: float = Field(default=0.1, gt=0, le=0.5)
    most_turn: float = Field(default=10.0, ge=0, le=180)
    least_confidence: float = Field(default=0.6, ge=0, le=1)


class Aligner:
    """Aligns frames to one reference.

    Args:
        reference: RGB uint8 [H, W, 3].
    """

    def __init__(self, settings: Alignment, reference: NDArray[np.uint8]) -> None:
        self._settings = settings
        self._shape = reference.shape[:2]
        self._registration = Registration(picture_of(reference), settings.most_turn, settings.most_shift)

    def align(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame, moved and turned so that its part lies where the reference's does.

        Args:
            image: RGB uint8 [H, W, 3].

        Raises:
            RecipeError: the part was not found, or the frame is of another size than the reference.
        """
        if image.shape[:2] != self._shape:
            (height, width), (rows, columns) = image.shape[:2], self._shape
            raise RecipeError(
                f"the frame has {width} x {height} pixels, the reference of the alignment {columns} x {rows}",
                "take the reference again, or correct the camera's image size",
            )
        pose, confidence = self.find(image)
        if confidence < self._settings.least_confidence:
            raise RecipeError(
                f"the part could not be aligned (confidence {confidence:.2f}, "
                f"needed {self._settings.least_confidence:.2f})",
                "look whether a part of this product lies in view",
            )
        return move(image, pose)

    def find(self, image: NDArray[np.uint8]) -> tuple[Pose, float]:
        """As `Registration.find`."""
        return self._registration.find(image)

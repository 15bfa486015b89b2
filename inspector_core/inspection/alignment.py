"""Bringing a part to where the reference part lies, before the region is cut out."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from inspector_core.errors import RecipeError

WORKING_SIDE = 192
"""Longer side, in pixels, of the pictures that are compared."""
COARSE = 2.0
"""Degrees between the turns that are tried first; halved REFINEMENTS times around the best."""
PASSES = 2
"""Phase correlations at each turn; the second sees the same part of the picture as the reference does."""
REFINEMENTS = 5


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
    most_turn: float = Field(default=10.0, ge=0, le=45)
    least_confidence: float = Field(default=0.6, ge=0, le=1)


class Aligner:
    """Aligns frames to one reference: phase correlation (Kuglin and Hines, 1975) at several turns.

    Args:
        reference: RGB uint8 [H, W, 3].
    """

    def __init__(self, settings: Alignment, reference: NDArray[np.uint8]) -> None:
        self._settings = settings
        self._shape = reference.shape[:2]
        self._scale = min(1.0, WORKING_SIDE / max(self._shape))
        self._reference = self._small(reference)
        rows, columns = self._reference.shape
        self._window = np.asarray(cv2.createHanningWindow((columns, rows), cv2.CV_32F), np.float32)
        self._centred = self._reference - self._reference.mean()
        self._windowed = self._centred * self._window

    def align(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame, moved and turned so that its part lies where the reference's does.

        What comes into view from outside repeats the border.

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
        height, width = self._shape
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(image, pose, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)

    def find(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
        """Where the part lies, and how sure that is.

        Returns:
            The matrix [2, 3] from the reference's pixels to the image's, and the correlation, 0..1; 0 where
            the search found nothing within the allowed shift and turn.
        """
        small = self._small(image)
        most = self._settings.most_turn
        turns = np.linspace(-most, most, 2 * int(np.ceil(most / COARSE)) + 1)
        best = max((self._at(small, float(turn)) for turn in turns), key=lambda found: found[0])
        step = COARSE
        for _ in range(REFINEMENTS):
            step /= 2
            beside = (self._at(small, best[1] + way * step) for way in (-1, 1))
            best = max(best, *beside, key=lambda found: found[0])
        confidence, _, pose = best
        # from the small pictures' pixel centres to the frame's: p = s / scale + c
        c = np.full(2, 0.5 / self._scale - 0.5)
        pose[:, 2] = pose[:, 2] / self._scale + c - pose[:, :2] @ c
        return pose, max(0.0, confidence)

    def _at(self, small: NDArray[np.float32], turn: float) -> tuple[float, float, NDArray[np.float64]]:
        """Correlation, turn and pose of the best shift at a turn in degrees; -1 where it is not allowed."""
        rows, columns = self._reference.shape
        middle = ((columns - 1) / 2, (rows - 1) / 2)
        pose = np.asarray(cv2.getRotationMatrix2D(middle, turn, 1.0), np.float64)
        reach = self._settings.most_shift * max(rows, columns)
        moved, total = self._warp(small, pose), np.zeros(2)
        for _ in range(PASSES):
            shift, _ = cv2.phaseCorrelate(self._windowed, (moved - moved.mean()) * self._window)
            total += shift
            if abs(turn) > self._settings.most_turn or float(np.hypot(*total)) > reach:
                return -1.0, turn, pose
            pose[:, 2] += pose[:, :2] @ np.array(shift)
            moved = self._warp(small, pose)
        return self._correlation(moved), turn, pose

    def _correlation(self, moved: NDArray[np.float32]) -> float:
        """Pearson's, of the middle of the reference and of a picture brought to it."""
        first, second = (picture * self._window for picture in (self._centred, moved - moved.mean()))
        norm = float(np.linalg.norm(first) * np.linalg.norm(second))
        return float((first * second).sum()) / norm if norm > 0 else 0.0

    def _warp(self, picture: NDArray[np.float32], pose: NDArray[np.float64]) -> NDArray[np.float32]:
        rows, columns = self._reference.shape
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(picture, pose, (columns, rows), flags=how, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    def _small(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        scaled = cv2.resize(grey, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(scaled, (0, 0), 1.5), np.float32)

"""Where a part lies: the turn and the shift that bring a reference picture onto an image.

All turns are tried at once on small pictures, by cross-correlation in the Fourier domain; the best few are
refined by maximising the enhanced correlation coefficient (Evangelidis and Psarakis, IEEE PAMI 30, 2008).
"""

from typing import TypeVar

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""Brightness [h, w], 0..1, softened, the longer side at most WORKING_SIDE pixels."""
Pose = NDArray[np.float64]
"""Affine matrix [2, 3] from the reference's pixels to the image's: a turn and a shift."""

REFERENCE = "registration.reference"
"""Name of the reference picture in a model file: uint8 [h, w]."""
Number = TypeVar("Number", np.uint8, np.float32)

WORKING_SIDE = 160
COARSE_SIDE = 64
"""Longer sides, in pixels, of the pictures that are refined on and that all turns are tried on."""
SOFTNESS = 1.5
"""Standard deviation of the blur, in pixels of a Picture: noise and grain tell nothing of the pose."""
STEP = 5.0
"""Degrees between the turns that are tried."""
CANDIDATES = 3
APART = 2
"""Steps that candidates lie apart from each other at least."""
OFF_BY = 0.5
"""Degrees that a turn may be found beyond the one allowed: it is measured, too."""
STRAIGHT = 0.01
"""Correlation that a turn must gain: a part that looks alike in every turn is not turned by its noise."""
ROUGH, EXACT = (15, 1e-3), (40, 1e-5)
"""Iterations of the refinement at most, and the gain in correlation below which it ends."""
RADIUS = 0.48
"""Of the disc that is compared, in sides of the picture: what lies beyond leaves the view as a part turns."""


def picture_of(image: NDArray[np.uint8], shape: tuple[int, int] | None = None) -> Picture:
    """What of an image, RGB uint8 [H, W, 3], its pose is seen from; `shape` [h, w] where others have one."""
    height, width = shape or _small_shape(image.shape[0], image.shape[1], WORKING_SIDE)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scaled = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(cv2.GaussianBlur(scaled, (0, 0), SOFTNESS), np.float32)


def move(image: NDArray[Number], pose: Pose) -> NDArray[Number]:
    """An image [H, W, ...] as seen from the reference's pose; what comes into view mirrors what was there."""
    return _warped(image, pose, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def stored(picture: Picture) -> NDArray[np.uint8]:
    """A picture as a model file keeps it."""
    return np.asarray(np.round(picture * 255), np.uint8)


def from_stored(kept: NDArray[np.uint8]) -> Picture:
    """A picture from a model file."""
    return np.asarray(kept / np.float32(255), np.float32)


def turn_of(pose: Pose) -> float:
    """Degrees, -180..180, anticlockwise on the screen."""
    return float(np.degrees(np.arctan2(pose[0, 1], pose[0, 0])))


class Registration:
    """Finds the pose of parts in relation to a reference.

    Args:
        reference: how a part looks in the pose that all are brought to.
        most_turn: degrees, each way, that a part may be turned by.
        most_shift: of the longer side, that its middle may be moved by.
    """

    def __init__(self, reference: Picture, most_turn: float = 180.0, most_shift: float = 0.15) -> None:
        self.reference = reference
        self._most_turn, self._most_shift = most_turn, most_shift
        rows, columns = reference.shape
        self._disc = (_from_middle(rows, columns) <= RADIUS).astype(np.uint8)
        self._shape = _small_shape(rows, columns, COARSE_SIDE)
        self._fade = np.clip((0.5 - _from_middle(*self._shape)) / 0.1, 0, 1)
        steps = int(most_turn / STEP)
        self._turns = STEP * np.arange(-steps, steps + (steps * STEP < 180))
        small = cv2.resize(reference, self._shape[::-1], interpolation=cv2.INTER_AREA)
        turned = [
            _warped(np.asarray(small, np.float32), _turned(self._shape, turn), cv2.INTER_LINEAR)
            for turn in self._turns
        ]
        self._spectra = np.conj(np.fft.rfft2(np.stack([self._normalised(picture) for picture in turned])))
        down, right = (np.minimum(at, len(at) - at) for at in (np.arange(side) for side in self._shape))
        self._reachable = np.hypot(down[:, None], right) <= most_shift * max(self._shape)

    def find(self, image: NDArray[np.uint8]) -> tuple[Pose, float]:
        """Where the part lies in an image, RGB uint8 [H, W, 3], and how sure that is.

        Returns:
            The pose in the image's pixels, and the correlation with the reference, 0..1. Where nothing is
            found within the allowed shift and turn, the correlation is 0 and the pose moves nothing.
        """
        pose, confidence = self.find_in(picture_of(image, self.reference.shape[:2]))
        (height, width), (rows, columns) = image.shape[:2], self.reference.shape
        scale = np.array([width / columns, height / rows])  # pixel centres: P = scale * (p + 1/2) - 1/2
        linear = pose[:, :2] * scale[:, None] / scale
        offset = scale * (pose[:, 2] + 0.5) - 0.5 - linear @ (scale - 1) / 2
        return np.column_stack([linear, offset]), confidence

    def find_in(self, picture: Picture) -> tuple[Pose, float]:
        """The same for a picture of the reference's shape."""
        tried = [(*self._refined(picture, start, *ROUGH), turn) for turn, start in self._candidates(picture)]
        best, confidence, _ = max(tried, key=lambda one: one[1] + STRAIGHT * (one[2] == 0))
        if confidence:
            best, confidence = self._refined(picture, best, *EXACT)
        else:
            best = _turned(self.reference.shape, 0.0)
        inside = abs(turn_of(best)) <= self._most_turn + OFF_BY and self._shift_of(best) <= self._most_shift
        return (best, confidence) if inside else (_turned(self.reference.shape, 0.0), 0.0)

    def _candidates(self, picture: Picture) -> list[tuple[float, Pose]]:
        """The turns that fit best, and none, each with its best shift."""
        small = cv2.resize(picture, self._shape[::-1], interpolation=cv2.INTER_AREA)
        spectrum = np.fft.rfft2(self._normalised(small))
        correlation = np.fft.irfft2(self._spectra * spectrum, s=self._shape)  # [turns, rows, columns]
        correlation = np.where(self._reachable, correlation, -1.0)
        chosen: list[int] = []
        for k in np.argsort(-correlation.max((1, 2))):
            if all(APART < abs(k - other) < len(self._turns) - APART for other in chosen):
                chosen.append(int(k))
            if len(chosen) == CANDIDATES:
                break
        made = []
        for k in dict.fromkeys([int(np.flatnonzero(self._turns == 0)[0]), *chosen]):
            at = np.array(np.unravel_index(correlation[k].argmax(), self._shape))
            at = np.where(at > np.array(self._shape) / 2, at - self._shape, at)
            pose = _turned(self.reference.shape, self._turns[k])
            pose[:, 2] += at[::-1] * (self.reference.shape[1] / self._shape[1])
            made.append((float(self._turns[k]), pose))
        return made

    def _refined(
        self, picture: Picture, start: Pose, iterations: int, least_gain: float
    ) -> tuple[Pose, float]:
        """A better pose near `start`, and its correlation; 0 where the two have nothing in common."""
        near = _warped(picture, start, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, iterations, least_gain)
        still = np.eye(2, 3, dtype=np.float32)
        try:
            found = cv2.findTransformECC(
                self.reference, near, still, cv2.MOTION_EUCLIDEAN, stop, self._disc, 1
            )
        except cv2.error:  # it does not converge, or one of them is even
            return start, 0.0
        linear = start[:, :2] @ found[1][:, :2]
        pose = np.column_stack([linear, start[:, :2] @ found[1][:, 2] + start[:, 2]])
        return pose, min(max(float(found[0]), 0.0), 1.0)

    def _shift_of(self, pose: Pose) -> float:
        """Of the middle, in longer sides."""
        rows, columns = self.reference.shape
        middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
        shift = pose[:, :2] @ middle + pose[:, 2] - middle
        return float(np.linalg.norm(shift)) / float(max(rows, columns))

    def _normalised(self, small: MatLike) -> NDArray[np.float64]:
        """Without its mean and fading towards the edges, of length 1."""
        faded = (small - np.average(small, weights=self._fade)) * self._fade
        return np.asarray(faded / max(float(np.linalg.norm(faded)), 1e-6))


def _warped(image: NDArray[Number], pose: Pose, how: int) -> NDArray[Number]:
    height, width = image.shape[:2]
    moved = cv2.warpAffine(image, pose, (width, height), flags=how, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, image.dtype)


def _turned(shape: tuple[int, ...], turn: float) -> Pose:
    middle = ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    return np.asarray(cv2.getRotationMatrix2D(middle, float(turn), 1.0), np.float64)


def _from_middle(rows: int, columns: int) -> NDArray[np.float64]:
    """Distance from the middle, in sides."""
    down, right = ((np.arange(side) - (side - 1) / 2) / side for side in (rows, columns))
    return np.asarray(np.hypot(down[:, None], right))


def _small_shape(height: int, width: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))

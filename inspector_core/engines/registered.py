"""An engine for parts that lie turned: each is brought into one pose before it is looked at."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import Engine, Ignore, Image, masks_of
from inspector_core.engines.preprocess import check_rgb
from inspector_core.engines.registration import Number, Pose, Registration, move


class RegisteredEngine:
    """Maps and pictures lie on the image as it came. Where that is out of the reference's view, the map is 0.

    A part that resembles the reference in no pose that is allowed is judged as it lies.

    Args:
        engine: sees each part in the reference's pose.
    """

    def __init__(self, engine: Engine, registration: Registration) -> None:
        self.engine = engine
        self.registration = registration

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def model(self) -> ModelMetadata:
        return self.engine.model

    @property
    def at_once(self) -> int:
        return self.engine.at_once

    @property
    def lanes(self) -> int:
        return self.engine.lanes

    def warm_up(self) -> None:
        self.engine.warm_up()

    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        for image in images:
            check_rgb(image)
        poses = [self.registration.find(image)[0] for image in images]
        moved = [move(image, pose) for image, pose in zip(images, poses, strict=True)]
        masks = [  # each lies on the image as it came, and turns with it
            None if mask is None or not mask.any() else move(mask.astype(np.uint8) * 255, pose) > 0
            for mask, pose in zip(masks_of(ignore, len(images)), poses, strict=True)
        ]
        found = self.engine.infer(moved, masks, tiles)
        return [_back(*one) for one in zip(found, poses, images, strict=True)]


def _back(found: Detection, pose: Pose, image: Image) -> Detection:
    """A Detection in the reference's pose, laid onto the image."""
    anomaly_map = _laid(found.anomaly_map, pose, np.zeros(image.shape[:2], np.float32))
    picture = found.reconstruction
    if picture is not None:
        picture = _laid(picture, pose, image.copy())
    return Detection(found.score, np.clip(anomaly_map, 0, 1), picture)


def _laid(source: NDArray[Number], pose: Pose, onto: NDArray[Number]) -> NDArray[Number]:
    """`onto`, covered by what the reference's view shows."""
    size = (onto.shape[1], onto.shape[0])
    how = cv2.INTER_LINEAR
    laid = cv2.warpAffine(source, pose, size, dst=onto, flags=how, borderMode=cv2.BORDER_TRANSPARENT)
    return np.asarray(laid, onto.dtype)

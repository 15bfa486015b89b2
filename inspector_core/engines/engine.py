"""What every engine offers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import ModelMetadata

Image = NDArray[np.uint8]
IgnoreMask = NDArray[np.bool_]
Ignore = Sequence[IgnoreMask | None] | None
NO_PICTURES = 2.0
"""For `open_engine`: above any score, so that only what the networks help to judge is reconstructed."""


class Engine(Protocol):
    """A model made ready on a device. With one lane it belongs to the thread that first uses it."""

    @property
    def name(self) -> str:
        """Engine, device and number type, e.g. `torch-cpu-bf16`; scores repeat to the bit under one name."""

    @property
    def model(self) -> ModelMetadata: ...

    @property
    def at_once(self) -> int:
        """Images that one run takes; more of them are run one after another."""

    @property
    def lanes(self) -> int:
        """Threads that may call it at the same time and gain by it, as each image has cores of its own."""

    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        """Detections of RGB uint8 images [H, W, 3], each of any size.

        An image's Detection does not depend on what stands beside it in the call.

        Args:
            ignore: for each image its mask, bool [h, w] over the whole image, or None; what is True there has
                probability 0.
            tiles: for each image which tile of its part it is; None, the first, as whole parts are.

        Raises:
            ValueError: an image is not uint8 [H, W, 3].
        """

    def warm_up(self) -> None:
        """Do the work that the first image would otherwise pay for."""


def rounds(engine: Engine) -> bool:
    """Whether it multiplies in bfloat16, as its name says."""
    return "bf16" in engine.name.split("-")


def masks_of(ignore: Ignore, count: int) -> Sequence[IgnoreMask | None]:
    """One mask, or None, for each of `count` images.

    Raises:
        ValueError: there is another number of masks.
    """
    masks = [None] * count if ignore is None else ignore
    if len(masks) != count:
        raise ValueError(f"{len(masks)} ignore masks for {count} images")
    return masks


def tiles_of(tiles: Sequence[int] | None, count: int) -> Sequence[int]:
    """Which tile each of `count` images is.

    Raises:
        ValueError: there is another number of tiles.
    """
    found = [0] * count if tiles is None else tiles
    if len(found) != count:
        raise ValueError(f"{len(found)} tiles for {count} images")
    return found

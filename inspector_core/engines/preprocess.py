"""From an image of any size to the detector's input, and its outputs back; training uses the same."""

import cv2
import numpy as np
from numpy.typing import NDArray


def fit(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize RGB uint8 [H, W, 3] to [size, size, 3]; the aspect is not kept (detectors table, row 29).

    Raises:
        ValueError: the array is no RGB image.
    """
    check_rgb(image)
    return _resize(image, size, size)


def check_rgb(image: NDArray[np.uint8]) -> None:
    """Raises ValueError where an array is no RGB image, uint8 [H, W, 3]."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"expected an RGB image, uint8 [H, W, 3], not {image.dtype} {list(image.shape)}")


def unfit_map(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize a map float32 [S, S] in 0..1 to [height, width]."""
    if values.shape == (height, width):
        return values
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def unfit_image(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize RGB uint8 [S, S, 3] to [height, width, 3]."""
    return _resize(image, height, width)


def compact_image(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8] | None:
    """RGB uint8 [S, S, 3] in the shape of [height, width, 3], its shorter side S; None where that is not
    smaller."""
    share = image.shape[0] / min(height, width)
    return None if share >= 1 else _resize(image, round(height * share), round(width * share))


def fit_mask(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Shrink a mask bool [H, W] to [size, size]; a pixel is inside where any part of it was."""
    scaled = cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(scaled > 0)


def _resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] > height and image.shape[1] > width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)

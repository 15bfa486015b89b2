"""Defect regions of a mask, and the same regions at the model's size."""

import cv2
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]
"""Each pixel's region, 1 .. N; 0 lies outside."""


def label_regions(mask: NDArray[np.bool_]) -> Labels:
    """Number the connected regions of a mask bool [H, W]; int32 [H, W].

    Regions touch across corners too (8-connected), as in the benchmark's own evaluation code (Bergmann et
    al., IJCV 2021). Holes belong to no region.
    """
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels, dtype=np.int32)


def resize_regions(labels: Labels, size: int) -> Labels:
    """Numbered regions at [size, size], by nearest neighbour of the pixel centres; int32 [size, size].

    Labelled before it is resized, a region stays one: a thin scratch whose resized pixels touch no more
    does not become many. A region that no centre falls on keeps one pixel, its middle one in reading order,
    unless another region lies there.
    """
    height, width = labels.shape
    rows = ((np.arange(size) + 0.5) * height / size).astype(np.intp)
    columns = ((np.arange(size) + 0.5) * width / size).astype(np.intp)
    resized = labels[np.ix_(rows, columns)]
    for region in np.setdiff1d(labels, resized):
        ys, xs = np.nonzero(labels == region)
        place = ys[len(ys) // 2] * size // height, xs[len(xs) // 2] * size // width
        if region > 0 and resized[place] == 0:
            resized[place] = region
    return resized


def region_weights(regions: NDArray[np.bool_] | Labels) -> tuple[NDArray[np.float64], int]:
    """For each pixel inside, in reading order, 1 / area of its region; and the number of regions.

    Args:
        regions: numbered regions int32 [H, W], or a mask bool [H, W] whose connected regions are meant.
    """
    is_mask = regions.dtype == np.bool_
    labels = label_regions(regions.astype(np.bool_)) if is_mask else regions.astype(np.int32, copy=False)
    inside = labels[labels > 0]
    area = np.bincount(inside)
    return 1.0 / area[inside], int(np.count_nonzero(area))

"""Where the part is: masks of the foreground, once per training image.

Without a foreground, synthetic anomalies would lie on the empty background too and teach the
detector to mind what does not matter. Where no part can be told from the background, the whole image
counts.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Method = Literal["auto", "border", "grabcut", "full", "texture"]
RGB = NDArray[np.uint8]
Mask = NDArray[np.bool_]

WORK_SIDE = {"border": 128, "grabcut": 64}
"""Masks are found at this size and scaled up: their edge need not be exact, and GrabCut is slow."""
PROBES = 12
"""How many images `auto` looks at before it settles on a method for all."""
AGREEMENT = 0.75
"""Share of the probed images on which a method must find a plausible part."""


def foreground_masks(images: RGB, method: Method = "auto") -> Mask:
    """Foreground of each image.

    Args:
        images: RGB uint8 [N, H, W, 3].
        method: `border` (differs from the colour along the border), `grabcut`, `full`, `texture`
            (a random blob: a varying part of a surface without a part), or `auto`: border, else
            GrabCut, else full, by what looks plausible on a sample.

    Returns:
        bool [N, H, W]. An image on which the method finds nothing plausible is all foreground.
    """
    if method == "auto":
        method = choose_method(images)
    masks = np.ones(images.shape[:3], np.bool_)
    for index, image in enumerate(images):
        if method == "texture":
            masks[index] = random_blob(image.shape[:2], seed=index)
        elif method != "full":
            found = _find(image, method)
            if found is not None:
                masks[index] = found
    return masks


def choose_method(images: RGB) -> Method:
    """`border`, `grabcut` or `full`, by how often each finds a plausible part on a sample."""
    probes = images[:: max(1, len(images) // PROBES)][:PROBES]
    for method in ("border", "grabcut"):
        if sum(_find(image, method) is not None for image in probes) >= AGREEMENT * len(probes):
            return "border" if method == "border" else "grabcut"
    return "full"


def by_border_colour(image: RGB) -> Mask:
    """Pixels unlike the background that the border continues: Otsu's threshold on the distance (Lab).

    The background is a plane in each channel, since light often falls off over it; pixels of the
    border that lie far from the plane (a part that touches it) are left out of the second fit.
    """
    lab = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), (5, 5), 0).astype(np.float32)
    h, w = image.shape[:2]
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    place = np.stack([np.ones((h, w)), y, x], axis=2)
    used = _ring((h, w))
    for _ in range(2):
        plane = np.linalg.lstsq(place[used], lab[used], rcond=None)[0]
        distance = np.linalg.norm(lab - place @ plane, axis=2)
        used = used & (distance <= np.quantile(distance[used], 0.75))
    scaled = np.clip(distance * 2, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(scaled > max(threshold * 0.5, 16))


def by_grabcut(image: RGB) -> Mask:
    """GrabCut (Rother et al. 2004), started with all but a frame as probable foreground."""
    h, w = image.shape[:2]
    inset_y, inset_x = max(2, h // 16), max(2, w // 16)
    state = np.full((h, w), cv2.GC_BGD, np.uint8)
    state[inset_y:-inset_y, inset_x:-inset_x] = cv2.GC_PR_FGD
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(
            image, state, (0, 0, w, h), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK
        )
    except cv2.error:  # one flat colour leaves nothing to fit
        return np.zeros((h, w), np.bool_)
    return np.asarray((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD))


def random_blob(size: tuple[int, int], seed: int) -> Mask:
    """A lobed region of a third to two thirds of the image, from smooth noise."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((5, 5)).astype(np.float32)
    field = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(field > np.quantile(field, rng.uniform(0.33, 0.67)))


def _find(image: RGB, method: Method) -> Mask | None:
    """The part by `method` at full size, or None if it looks like no part."""
    h, w = image.shape[:2]
    scale = WORK_SIDE[method] / min(h, w)
    work = (round(w * scale), round(h * scale))
    small = np.asarray(cv2.resize(image, work, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    rough = by_border_colour(small) if method == "border" else by_grabcut(small)
    part = _largest_parts(rough)
    if not is_plausible(part, small):
        return None
    reach = 2 * (min(part.shape) // 40) + 1
    margin = cv2.dilate(part.astype(np.uint8), np.ones((reach, reach), np.uint8))
    return np.asarray(cv2.resize(margin, (w, h), interpolation=cv2.INTER_NEAREST) > 0)


def is_plausible(part: Mask, image: RGB) -> bool:
    """Whether a mask looks like a part on a background.

    It fills 4 to 90 % of the image, leaves four fifths of the border free, and its mean colour lies
    about as far from the background's as the background scatters, or further.
    """
    share = float(part.mean())
    if not 0.04 <= share <= 0.9 or float(part[_ring(part.shape)].mean()) > 0.2:
        return False
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    inside, outside = lab[part], lab[~part]
    gap = float(np.linalg.norm(inside.mean(0) - outside.mean(0)))
    return gap > 0.8 * float(np.linalg.norm(outside.std(0))) + 4


def _largest_parts(rough: Mask) -> Mask:
    """The hull of what is left without specks below a tenth of the largest piece.

    The hull errs on the large side: what is left out of it would never be trained on.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    closed = cv2.morphologyEx(rough.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    closed = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(outline) for outline in outlines]
    kept = [o for o, area in zip(outlines, areas, strict=True) if area >= 0.1 * max(areas)]
    filled = np.zeros_like(closed)
    if kept:
        cv2.fillConvexPoly(filled, cv2.convexHull(np.concatenate(kept)), 1)
    return np.asarray(filled > 0)


def _ring(size: tuple[int, ...]) -> Mask:
    """The outermost 3 % of an image."""
    width = max(2, min(size[:2]) * 3 // 100)
    ring = np.ones(size[:2], np.bool_)
    ring[width:-width, width:-width] = False
    return ring

"""Finding the part in its image."""

import cv2
import numpy as np
import pytest

from inspector_core.synthesis.foreground import choose_method, foreground_masks, random_blob


def disc_images(count: int = 4, size: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Dark discs on a bright background whose light falls off to one side."""
    rng = np.random.default_rng(0)
    images, masks = [], []
    for _ in range(count):
        background = np.linspace(150, 230, size)[None, :, None] * np.ones((size, 1, 3))
        mask = np.zeros((size, size), np.uint8)
        cv2.circle(mask, tuple(int(v) for v in rng.integers(65, 95, 2)), int(rng.integers(30, 55)), 1, -1)
        part = np.where(mask[..., None] > 0, (60, 70, 80), background)
        images.append(np.clip(part + rng.normal(0, 4, part.shape), 0, 255).astype(np.uint8))
        masks.append(mask > 0)
    return np.stack(images), np.stack(masks)


def surfaces(count: int = 4) -> np.ndarray:
    """Brushed surfaces that fill the image."""
    rng = np.random.default_rng(1)
    lines = rng.normal(0, 25, (count, 1, 128, 1)) + rng.normal(0, 6, (count, 128, 128, 1))
    return np.clip(120 + lines, 0, 255).astype(np.uint8).repeat(3, axis=3)


@pytest.mark.parametrize("method", ["border", "grabcut", "auto"])
def test_a_disc_on_an_uneven_background_is_found(method):
    images, truth = disc_images()
    found = foreground_masks(images, method)
    assert found.shape == truth.shape
    assert (found & truth).sum() > 0.99 * truth.sum()
    reach = np.ones((21, 21), np.uint8)  # a margin of a sixteenth of the image is meant to be there
    around = np.stack([cv2.dilate(mask.astype(np.uint8), reach) for mask in truth]) > 0
    assert not (found & ~around).any()


def test_auto_takes_border_colour_for_a_part_and_the_whole_image_for_a_surface():
    assert choose_method(disc_images()[0]) == "border"
    assert choose_method(surfaces()) == "full"
    assert foreground_masks(surfaces(), "auto").all()


@pytest.mark.parametrize("method", ["border", "grabcut"])
def test_an_image_without_a_part_is_all_foreground(method):
    blank = np.full((2, 64, 96, 3), 128, np.uint8)
    assert foreground_masks(blank, method).all()


def test_a_texture_gets_a_random_part_of_the_image():
    masks = foreground_masks(surfaces(6), "texture")
    shares = masks.mean((1, 2))
    assert shares.min() > 0.25
    assert shares.max() < 0.75
    assert (masks[0] != masks[1]).any()
    assert (random_blob((128, 128), seed=0) == masks[0]).all()

"""Where a part has features that could be missing."""

import cv2
import numpy as np
import torch

from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.synthesis.features import FEATURES, feature_points

SIZE = 128
HOLES = ((30, 40, 4), (90, 35, 6), (64, 96, 9))


def plate() -> torch.Tensor:
    """A bright plate with three dark holes and some grain: uint8 [1, 3, SIZE, SIZE]."""
    image = np.full((SIZE, SIZE), 180, np.float32)
    for x, y, radius in HOLES:
        cv2.circle(image, (x, y), radius, 40, cv2.FILLED, cv2.LINE_AA)
    image += np.random.default_rng(0).normal(0, 3, image.shape)
    return torch.from_numpy(image.clip(0, 255).astype(np.uint8)).expand(1, 3, SIZE, SIZE).contiguous()


def everywhere() -> torch.Tensor:
    return torch.ones(1, 1, SIZE, SIZE, dtype=torch.bool)


def test_the_plainest_blobs_are_the_holes_with_their_size() -> None:
    found = feature_points(plate(), everywhere())[0]
    for x, y, radius in HOLES:
        near = np.hypot(found[:, 0] - x, found[:, 1] - y) <= 2
        assert near[:6].any(), f"the hole at {x}, {y} is not among the first"
        assert (np.abs(found[near, 2] - radius) <= 0.5 * radius + 1).any()


def test_features_lie_in_the_foreground() -> None:
    inside = everywhere()
    inside[:, :, :64] = False
    found = feature_points(plate(), inside)[0]
    assert found.shape == (FEATURES, 3)
    assert found[:, 1].min() >= 64


def test_a_flat_image_still_has_a_place() -> None:
    flat = torch.full((1, 1, 64, 64), 90, dtype=torch.uint8)
    found = feature_points(flat, torch.ones(1, 1, 64, 64, dtype=torch.bool))
    assert found.shape == (1, FEATURES, 3)
    assert found[..., 2].min() >= 1


def test_what_is_missing_is_a_feature() -> None:
    config = SynthesisConfig(shapes={"feature": 1.0}, sources={"missing": 1.0}, texture_count=1)
    image, mask = Synthesizer(plate(), everywhere(), config).sample(
        torch.zeros(64, dtype=torch.int64), torch.Generator().manual_seed(0)
    )
    gone = 0
    for sample, label in zip(image[:, 0].numpy(), mask[:, 0].numpy(), strict=True):
        filled = [sample[y, x] > 120 / 255 and label[y, x] for x, y, _ in HOLES]
        assert sum(filled) <= 1
        gone += any(filled)
    assert gone >= 3  # of 64: a spot put anywhere would hit a hole once or not at all

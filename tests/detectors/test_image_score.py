import pytest
import torch

from inspector_core.detectors.diffusion_ad import image_score


def test_the_score_is_the_mean_probability_of_the_top_pixels() -> None:
    logits = torch.full((1, 1, 8, 8), -10.0)
    logits[0, 0, 2, 3] = 0.0
    logits[0, 0, 5, 5] = torch.tensor(3.0).log()
    assert image_score(logits, 2) == pytest.approx((0.5 + 0.75) / 2, abs=1e-7)


def test_saturated_pixels_still_rank() -> None:
    assert (
        image_score(torch.full((1, 1, 4, 4), 20.0), 4) < image_score(torch.full((1, 1, 4, 4), 25.0), 4) < 1.0
    )

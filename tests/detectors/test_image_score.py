import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

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


@given(
    side=st.sampled_from([12, 16, 24, 33]),
    kinds=st.integers(1, 1000),
    k=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_where_strange_pixels_lie_does_not_matter(side: int, kinds: int, k: int, seed: int) -> None:
    """Ties among them, and of any number, side by side or far apart."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randint(kinds, (1, 1, side, side), generator=random).float() / 50 - 8
    expected = logits.flatten().sort(descending=True).values[:k].double().sigmoid().mean()
    assert image_score(logits, k) == pytest.approx(float(expected), abs=1e-12)
    assert image_score(logits.flatten().sort().values.view_as(logits), k) == image_score(logits, k)

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.diffusion.schedule import (
    add_noise,
    at,
    linear_alpha_bar,
    predict_epsilon,
    predict_x0,
    snr,
)


def test_alpha_bar_is_the_cumulative_product_of_one_minus_beta() -> None:
    alpha_bar = linear_alpha_bar(1000, 1e-4, 0.02)
    assert alpha_bar.dtype == torch.float64
    assert alpha_bar[0].item() == pytest.approx(1 - 1e-4, abs=1e-15)
    by_hand = 1.0
    for k in range(201):
        by_hand *= 1 - (1e-4 + k * (0.02 - 1e-4) / 999)
    assert alpha_bar[200].item() == pytest.approx(by_hand, rel=1e-12)


def test_the_published_scales_have_the_published_strengths() -> None:
    alpha_bar = linear_alpha_bar(1000, 1e-4, 0.02)
    assert (1 - alpha_bar[200]).item() == pytest.approx(0.344, abs=5e-4)
    with_printed_beta = linear_alpha_bar(1000, 1e-4, 0.01)
    assert (1 - with_printed_beta[200]).item() == pytest.approx(0.197, abs=1e-3)


@pytest.mark.parametrize(
    ("start", "end", "steps"), [(0.0, 0.02, 10), (0.02, 0.01, 10), (1e-4, 1.0, 10), (1e-4, 0.02, 1)]
)
def test_an_impossible_schedule_is_refused(start: float, end: float, steps: int) -> None:
    with pytest.raises(ValueError, match="linear schedule"):
        linear_alpha_bar(steps, start, end)


@given(t=st.integers(0, 999), seed=st.integers(0, 2**31))
def test_the_estimates_invert_the_forward_process(t: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x0, noise = torch.rand((2, 2, 3, 4, 4), generator=generator, dtype=torch.float64)
    a = at(linear_alpha_bar(1000, 1e-4, 0.02), torch.tensor([t, t]))
    x_t = add_noise(x0, noise, a)
    torch.testing.assert_close(predict_x0(x_t, noise, a), x0, rtol=0, atol=1e-10)
    torch.testing.assert_close(predict_epsilon(x_t, x0, a), noise, rtol=0, atol=1e-10)


def test_snr_is_one_where_signal_and_noise_are_equal() -> None:
    assert snr(torch.tensor(0.5)).item() == 1.0

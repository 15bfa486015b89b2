import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from inspector_core.diffusion.denoiser import Denoiser
from inspector_core.diffusion.norm_guided import guide, reconstruct
from inspector_core.diffusion.schedule import add_noise, at, linear_alpha_bar, predict_x0


def literal_guidance(x_ts: Tensor, epsilon_s: Tensor, x0_b: Tensor, a: Tensor, w: float) -> Tensor:
    """Eq. 7 and 8 as printed, with the two clamps of the published code."""
    n_ts = a.sqrt() * x0_b.clamp(-1, 1) + (1 - a).sqrt() * epsilon_s
    guided = epsilon_s - (1 - a).sqrt() * w * (n_ts - x_ts)
    return ((x_ts - (1 - a).sqrt() * guided) / a.sqrt()).clamp(-1, 1)


@given(t=st.integers(0, 600), w=st.floats(0.05, 5), seed=st.integers(0, 2**31))
@settings(max_examples=60)
def test_the_closed_form_equals_equations_7_and_8(t: int, w: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, epsilon, noise, x0_b = torch.randn((4, 2, 3, 8, 8), generator=generator, dtype=torch.float64)
    a = at(linear_alpha_bar(1000, 1e-4, 0.02), torch.tensor([t, t]))
    x_ts = add_noise(x, noise, a)
    ours = guide(predict_x0(x_ts, epsilon, a), x0_b, a, w, -1, 1)
    torch.testing.assert_close(ours, literal_guidance(x_ts, epsilon, x0_b, a, w), rtol=0, atol=1e-5)


def test_full_guidance_gives_the_big_scale_estimate() -> None:
    small, big = torch.rand(2, 1, 3, 4, 4, dtype=torch.float64)
    a = torch.tensor(0.656, dtype=torch.float64)
    torch.testing.assert_close(guide(small, big, a, 1 / (1 - 0.656), -1, 1), big)


class Affine(nn.Module):
    """A stand-in network that depends on every input."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3, 3, 3, padding=1, dtype=torch.float64)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.mix(x) * (1 + t.view(-1, 1, 1, 1) / 1000)


@pytest.mark.parametrize("prediction", ["epsilon", "x0"])
def test_both_scales_in_one_batch_equal_two_calls(prediction: str) -> None:
    torch.manual_seed(0)
    denoiser = Denoiser(Affine(), linear_alpha_bar(1000, 1e-4, 0.02), prediction)
    x, noise_s, noise_b = torch.rand(3, 2, 3, 8, 8, dtype=torch.float64)
    t_s, t_b = torch.tensor([200, 100]), torch.tensor([400, 900])
    both = reconstruct(denoiser, x, noise_s, noise_b, t_s, t_b, 1.0)
    for got, noise, t in ((both.small, noise_s, t_s), (both.big, noise_b, t_b)):
        alone = denoiser.x0(add_noise(x, noise, at(denoiser.alpha_bar, t)), t)
        torch.testing.assert_close(got, alone, rtol=0, atol=1e-6)


def test_a_pixelwise_strength_guides_each_pixel_by_itself() -> None:
    small, big = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)
    w = torch.tensor([[[[0.0, 1.0], [2.0, 4.0]]]])
    guided = guide(small, big, torch.tensor(0.75), w, -1, 1)
    torch.testing.assert_close(guided[0, 0], torch.tensor([[0.0, 0.125], [0.25, 0.5]]))

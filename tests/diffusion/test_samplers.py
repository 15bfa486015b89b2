import pytest
import torch
from torch import Tensor, nn

from inspector_core.diffusion.denoiser import Denoiser, ancestral_variance
from inspector_core.diffusion.samplers import ddim, iterative, spaced_times
from inspector_core.diffusion.schedule import linear_alpha_bar

ALPHA_BAR = linear_alpha_bar(1000, 1e-4, 0.02)
SPREAD = 0.2


class GaussianData(nn.Module):
    """The ideal denoiser of data that is normal with mean 0 and standard deviation SPREAD."""

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        a = ALPHA_BAR[t].view(-1, 1, 1, 1)
        return (a.sqrt() * SPREAD**2 / (a * SPREAD**2 + 1 - a) * x_t.double()).float()


class Constant(nn.Module):
    """The ideal denoiser of data that is always 0.3."""

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        return torch.full_like(x_t, 0.3)


def test_times_descend_evenly_from_the_start() -> None:
    assert spaced_times(399, 4) == [399, 299, 199, 99]
    assert spaced_times(399, 400) == list(range(399, -1, -1))
    with pytest.raises(ValueError, match="do not fit"):
        spaced_times(10, 12)


def test_both_samplers_find_the_only_image_there_is() -> None:
    denoiser = Denoiser(Constant(), ALPHA_BAR, "x0")
    x = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    times = spaced_times(400, 30)
    noises = torch.randn(30, 1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for image in (ddim(denoiser, x, times), iterative(denoiser, x, times, list(noises))):
        torch.testing.assert_close(image, torch.full_like(image, 0.3))


@pytest.mark.parametrize("method", ["ddim", "iterative"])
def test_samples_from_pure_noise_have_the_spread_of_the_data(method: str) -> None:
    denoiser = Denoiser(GaussianData(), ALPHA_BAR, "x0")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 3, 8, 8, generator=generator)
    times = spaced_times(999, 500)
    if method == "ddim":
        image = ddim(denoiser, x, times)
    else:
        image = iterative(denoiser, x, times, [torch.randn(x.shape, generator=generator) for _ in times])
    assert image.std().item() == pytest.approx(SPREAD, rel=0.06)


def test_the_variance_of_one_step_is_beta() -> None:
    b, posterior = ancestral_variance(ALPHA_BAR[11], ALPHA_BAR[10])
    beta = 1e-4 + 11 * (0.02 - 1e-4) / 999
    assert b.item() == pytest.approx(beta, rel=1e-9)
    assert posterior.item() == pytest.approx(
        beta * (1 - ALPHA_BAR[10].item()) / (1 - ALPHA_BAR[11].item()), rel=1e-9
    )


def test_times_that_do_not_descend_are_refused() -> None:
    with pytest.raises(ValueError, match="descend"):
        ddim(Denoiser(Constant(), ALPHA_BAR, "x0"), torch.zeros(1, 3, 8, 8), [100, 200])

import pytest
import torch
from torch import Tensor, nn

from inspector_core.diffusion.denoiser import Denoiser, ancestral_variance
from inspector_core.diffusion.reverse_kernel import (
    descending_times,
    inflated,
    inflated_walk,
    posterior_kl,
    step_mean,
    step_variance,
)
from inspector_core.diffusion.schedule import at, linear_alpha_bar

ALPHA_BAR = linear_alpha_bar(1000, 1e-4, 0.02)


class Remembers(nn.Module):
    """A denoiser that gives back one image."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.image = image

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        return self.image.expand_as(x_t)


def walk(soft: Tensor, strength: float = 1.0, network: nn.Module | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    known = torch.rand(2, 3, 16, 16, generator=generator)
    times = descending_times(torch.tensor([300, 500]), 20, 4)
    noise = torch.randn(4, 2, 3, 16, 16, generator=generator)
    denoiser = Denoiser(network or nn.Identity(), ALPHA_BAR, "x0")
    denoiser.network = network or Remembers(known)
    return inflated_walk(
        denoiser, known, known, soft, torch.full((2, 1, 1, 1), strength), times, 0.5, noise, (-1.0, 1.0)
    )


@pytest.mark.parametrize(("t", "u"), [(999, 500), (400, 200), (50, 3)])
def test_the_divergence_is_that_of_the_explicit_posteriors(t: int, u: int) -> None:
    generator = torch.Generator().manual_seed(1)
    x0, estimate, x_t = torch.rand(3, 2, 3, 4, 4, generator=generator, dtype=torch.float64)
    a_t, a_u = (at(ALPHA_BAR, torch.tensor([k, k])) for k in (t, u))
    _, variance = ancestral_variance(a_t, a_u)
    distance = (step_mean(x_t, x0, a_t, a_u) - step_mean(x_t, estimate, a_t, a_u)).square()
    explicit = (distance / (2 * variance)).sum(1, keepdim=True)
    torch.testing.assert_close(posterior_kl(x0, estimate, a_t, a_u), explicit, rtol=1e-6, atol=0)


def test_the_exponent_leads_from_the_posterior_variance_to_that_of_the_forward_step() -> None:
    a_t, a_u = ALPHA_BAR[400], ALPHA_BAR[200]
    b, posterior = ancestral_variance(a_t, a_u)
    assert step_variance(a_t, a_u, 0.0).item() == pytest.approx(posterior.item())
    assert step_variance(a_t, a_u, 1.0).item() == pytest.approx(b.item())
    assert posterior < step_variance(a_t, a_u, 0.5) < b
    assert step_variance(a_t, torch.ones(()), 1.0) == 0, "the jump to the clean image is certain"


def test_only_the_mask_is_inflated() -> None:
    soft = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    variance = inflated(torch.tensor(0.2), torch.full((1, 1, 1, 1), 3.0), soft)
    torch.testing.assert_close(variance.flatten(), torch.tensor([0.2, 0.5, 0.8]))


def test_times_descend_from_each_images_start_to_the_same_end() -> None:
    times = descending_times(torch.tensor([100, 400]), 40, 3)
    assert times.tolist() == [[100, 400], [70, 220], [40, 40]]
    with pytest.raises(ValueError, match="do not lead"):
        descending_times(torch.tensor([10]), 40, 3)


def test_a_walk_sees_the_known_image_under_the_first_noise_outside_the_mask() -> None:
    class Records(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Tensor] = []

        def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
            self.seen.append(x_t)
            return x_t

    recorded = Records()
    soft = torch.zeros(2, 1, 16, 16)
    soft[..., :8] = 1
    walk(soft, network=recorded)
    generator = torch.Generator().manual_seed(0)
    known = torch.rand(2, 3, 16, 16, generator=generator)
    first = torch.randn(4, 2, 3, 16, 16, generator=generator)[0]
    a = at(ALPHA_BAR.float(), torch.tensor([20, 20]))
    expected = a.sqrt() * known + (1 - a).sqrt() * first
    torch.testing.assert_close(recorded.seen[-1][..., 8:], expected[..., 8:])
    assert not torch.allclose(recorded.seen[-1][..., :8], expected[..., :8])


def test_a_stronger_walk_scatters_more() -> None:
    class Half(nn.Module):
        def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
            return x_t / 2

    soft = torch.ones(2, 1, 16, 16)
    assert walk(soft, 4.0, Half()).std() > walk(soft, 0.0, Half()).std()

import math

import pytest
import torch

from inspector_core.diffusion.likelihood import (
    adaptive_guidance,
    edges,
    energy_profile,
    fit_variance,
    log_likelihood_ratio,
    pooled,
    residual_energy,
    residual_moments,
    residual_variance,
    usual,
)


@pytest.mark.parametrize("strength", [0.05, 1.0, 10.0])
def test_the_ratio_grows_with_the_residual_and_takes_sides_on_average(strength: float) -> None:
    energies = torch.linspace(0, 50, 100)
    assert (log_likelihood_ratio(energies, strength, 3).diff() > 0).all()
    r = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0))
    normal = log_likelihood_ratio(r.square().sum(1), strength, 3).mean()
    anomalous = log_likelihood_ratio((1 + strength) * r.square().sum(1), strength, 3).mean()
    assert normal < 0 < anomalous


def test_the_ratio_is_that_of_the_two_densities() -> None:
    s, r = 2.0, torch.tensor([0.3, -1.2, 2.0])
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(r).sum()
    anomalous = torch.distributions.Normal(0.0, math.sqrt(1 + s)).log_prob(r).sum()
    found = log_likelihood_ratio(r.square().sum(), s, 3)
    assert found.item() == pytest.approx((anomalous - normal).item(), rel=1e-5)


def test_a_variance_with_an_edge_term_is_found_again() -> None:
    generator = torch.Generator().manual_seed(0)
    edge = torch.rand(8, 1, 64, 64, generator=generator) ** 4
    true = torch.tensor([[0.01, 0.02], [0.004, 0.05], [0.02, 0.0]])
    variance = residual_variance(true.expand(8, 3, 2), edge)
    x = variance.sqrt() * torch.randn(8, 3, 64, 64, generator=generator)
    found = fit_variance(residual_moments(x, torch.zeros_like(x), edge).mean(0))
    torch.testing.assert_close(found.float(), true, rtol=0.1, atol=2e-3)
    energy = residual_energy(x, torch.zeros_like(x), residual_variance(found.float().expand(8, 3, 2), edge))
    assert energy.mean().item() == pytest.approx(3.0, rel=0.02)


def test_a_flat_image_needs_no_edge_term_and_no_variance_is_zero() -> None:
    flat = torch.zeros(1, 3, 8, 8)
    found = fit_variance(residual_moments(flat, flat, edges(flat)).mean(0))
    assert torch.isfinite(found).all()
    assert (residual_variance(found.float()[None], edges(flat)) > 0).all()


def test_pooling_keeps_a_constant_also_at_the_border() -> None:
    torch.testing.assert_close(pooled(torch.ones(1, 1, 7, 7), 5), torch.ones(1, 1, 7, 7))


def test_a_profile_evens_out_what_is_usual_at_a_place() -> None:
    energy = torch.full((4, 1, 32, 32), 3.0)
    energy[..., :16] = 30.0
    profile = energy_profile(energy, 8, 3)
    relative = energy / usual(profile, 32, 32)
    assert profile.shape == (1, 1, 8, 8)
    assert relative[..., 4:8].mean().item() == pytest.approx(relative[..., 24:28].mean().item(), rel=0.2)


def test_guidance_is_the_usual_one_where_nothing_is_suspicious_and_full_where_all_is() -> None:
    a = torch.full((1, 1, 1, 1), 0.66)
    w = adaptive_guidance(1.0, a, torch.tensor([-100.0, 100.0]).view(1, 1, 1, 2)) * (1 - a)
    torch.testing.assert_close(w.flatten(), torch.tensor([0.34, 1.0]))

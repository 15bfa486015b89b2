import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.detectors.presets import TrainingConfig
from inspector_core.training.losses import mask_loss, normal_mean
from inspector_core.training.schedule import rate


def test_a_pixel_at_one_half_costs_what_the_formulas_say() -> None:
    config = TrainingConfig(bce_weight=0.5)
    loss = mask_loss(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1), config)
    assert loss.smooth_l1.item() == pytest.approx(0.5 * 0.5**2)
    assert loss.focal.item() == pytest.approx(0.5 * 0.5**4 * math.log(2))
    assert loss.bce.item() == pytest.approx(math.log(2))
    assert loss.total(config).item() == pytest.approx(
        0.125 + 5 * 0.5 * 0.5**4 * math.log(2) + 0.5 * math.log(2)
    )


@given(x=st.floats(-200, 200), y=st.sampled_from([0.0, 1.0]))
def test_loss_and_gradient_stay_finite_at_any_confidence(x: float, y: float) -> None:
    logits = torch.full((1, 1, 2, 2), x, requires_grad=True)
    total = mask_loss(logits, torch.full((1, 1, 2, 2), y), TrainingConfig(bce_weight=0.5)).total(
        TrainingConfig()
    )
    total.backward()
    assert torch.isfinite(total)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_the_noise_loss_is_the_mean_over_normal_images_only() -> None:
    loss = torch.tensor([1.0, 3.0, 100.0, 100.0])
    assert normal_mean(loss, torch.tensor([False, False, True, True])).item() == 2.0


def test_a_batch_without_normal_images_has_no_noise_loss() -> None:
    assert normal_mean(torch.tensor([5.0, 7.0]), torch.tensor([True, True])).item() == 0.0


def test_the_rate_warms_up_and_ends_low() -> None:
    assert rate(0.0, 0.1, 0.01) == 0.01
    assert rate(0.05, 0.1, 0.01) == pytest.approx(0.5)
    assert rate(0.1, 0.1, 0.01) == pytest.approx(1.0)
    assert rate(0.55, 0.1, 0.0) == pytest.approx(0.5)
    assert rate(1.0, 0.1, 0.01) == pytest.approx(0.01)

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.hdm_config import HDMConfig
from inspector_core.detectors.presets import DetectorConfig, DiffusionConfig
from inspector_core.diffusion.norm_guided import Reconstruction, guide
from inspector_core.diffusion.schedule import at
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig

OFF = {"llr": False, "adaptive_guidance": False}


def config(hdm: HDMConfig | None = None, **changes: Any) -> DetectorConfig:
    return DetectorConfig(
        detector="diffusion-ad" if hdm is None else "hdm",
        preset="small",
        size=32,
        diffusion=DiffusionConfig(prediction="x0"),
        denoiser=UNetConfig(patch=2, channels=32, multipliers=(1, 1), blocks=1, attention=()),
        segmentation=SegmentationConfig(
            patch=1, channels=4, multipliers=(1, 2), inputs=6 + (hdm.ratios if hdm is not None else 0)
        ),
        hdm=hdm,
        **changes,
    )


def stirred(detector: DiffusionAD) -> DiffusionAD:
    """With weights that make it react."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in detector.named_parameters():
            if name.startswith(("denoiser.", "segmentation.")):
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return detector.eval()


def made(hdm: HDMConfig) -> HDM:
    torch.manual_seed(0)
    detector = stirred(HDM(config(hdm)))
    assert isinstance(detector, HDM)
    return detector


def plain() -> DiffusionAD:
    torch.manual_seed(0)
    return stirred(DiffusionAD(config()))


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def test_with_everything_off_the_logits_are_those_of_diffusion_ad_to_the_bit(images: Tensor) -> None:
    ours, theirs = made(HDMConfig(**OFF))(images), plain()(images)
    assert torch.equal(ours.logits, theirs.logits)
    assert torch.equal(ours.reconstruction, theirs.reconstruction)
    assert torch.equal(made(HDMConfig(**OFF)).probability(ours.logits), theirs.logits.sigmoid())


def test_a_warm_start_begins_as_the_diffusion_ad_it_came_from(images: Tensor) -> None:
    detector = made(HDMConfig(adaptive_guidance=False))
    detector.warm_start({k: v for k, v in plain().state_dict().items() if not k.startswith("noise_")})
    torch.testing.assert_close(detector(images).logits, plain()(images).logits, atol=1e-6, rtol=1e-6)


def test_a_cold_start_begins_at_the_analytic_logit(images: Tensor) -> None:
    torch.manual_seed(0)
    cold = HDM(config(HDMConfig())).eval()
    alone = HDM(config(HDMConfig())).eval()
    alone.load_state_dict(cold.state_dict())
    alone.hdm = cold.hdm.model_copy(update={"correction": False})
    assert torch.equal(cold(images).logits, alone(images).logits)


def test_a_larger_residual_never_lowers_the_analytic_logit() -> None:
    detector = made(HDMConfig(correction=False))
    ratios = torch.linspace(-10, 50, 50).view(1, 1, 1, 50).expand(1, 4, 1, 50)
    assert (detector.analytic_logit(ratios).flatten().diff() > 0).all()
    with torch.no_grad():
        detector.ratio_weight.copy_(torch.tensor([-1.0, -1.0, -1.0, -1.0]))
    assert (detector.analytic_logit(ratios).flatten().diff() == 0).all(), "a weight is never negative"


def test_a_weight_that_fell_to_zero_can_rise_again() -> None:
    detector = made(HDMConfig())
    with torch.no_grad():
        detector.ratio_weight.fill_(-0.1)
    detector.analytic_logit(torch.ones(1, 4, 2, 2)).sum().backward()
    assert detector.ratio_weight.grad is not None
    assert (detector.ratio_weight.grad != 0).all()


def test_a_changed_place_has_the_highest_ratio() -> None:
    detector = made(HDMConfig())
    x = torch.full((1, 3, 32, 32), 0.5)
    t = torch.tensor([200])
    seen = x.clone()
    seen[..., 8:12, 20:24] += 0.4
    ratios = detector.ratios(seen, Reconstruction(x, x, x, x), t, t + 200)
    assert ratios.shape == (1, 4, 32, 32)
    row, column = divmod(int(ratios[0, 0].argmax()), 32)
    assert 8 <= row < 12
    assert 20 <= column < 24


def test_adaptive_guidance_moves_suspicious_pixels_to_the_big_scale(images: Tensor) -> None:
    detector = made(HDMConfig(weights=(100.0, 100.0)))
    with torch.no_grad():
        detector.log_variance.fill_(-12.0)
    t = torch.tensor([200, 200])
    small, big = images * 0.2, images * 0.9
    a = at(detector.denoiser.alpha_bar, t)
    r = Reconstruction(small, big, guide(small, big, a, 1.0, -1, 1), small)
    torch.testing.assert_close(detector.estimates(images, r, t, t + 200)[:, :3], big)
    with torch.no_grad():
        detector.log_variance.fill_(12.0)
    torch.testing.assert_close(detector.estimates(images, r, t, t + 200)[:, :3], r.guided)


def test_temperature_and_bias_change_the_probability_and_no_order(images: Tensor) -> None:
    detector = made(HDMConfig())
    logits = detector(images).logits
    before = detector.probability(logits).flatten()
    detector.temperature.fill_(2.5)
    detector.bias.fill_(-1.0)
    after = detector.probability(logits).flatten()
    assert not torch.equal(before, after)
    assert (after[before.argsort()].diff() >= -1e-6).all()


@pytest.mark.parametrize("steps", [0, 1])
def test_refinement_is_a_further_pass(images: Tensor, steps: int) -> None:
    once = made(HDMConfig())(images)
    output = made(HDMConfig(refine_steps=steps)).pass_networks(images)
    assert torch.equal(once.logits, output.logits) == (steps == 0)


def test_the_same_image_gives_the_same_logits(images: Tensor) -> None:
    detector = made(HDMConfig())
    assert torch.equal(detector(images[:1]).logits, detector(images[:1]).logits)


def test_the_segmentation_can_see_the_image_alone(images: Tensor) -> None:
    alone = config().model_dump() | {"reconstruction": False}
    alone["segmentation"] = SegmentationConfig(patch=1, channels=4, multipliers=(1, 2), inputs=3)
    detector = stirred(DiffusionAD(DetectorConfig.model_validate(alone)))
    before = detector(images)
    with torch.no_grad():
        for parameter in detector.denoiser.parameters():
            parameter.add_(1)
    assert torch.equal(before.logits, detector(images).logits)
    torch.testing.assert_close(before.reconstruction, images)


@pytest.mark.parametrize(
    "changes",
    [
        {"detector": "diffusion-ad", "hdm": HDMConfig()},
        {"detector": "hdm"},
        {"detector": "hdm", "hdm": HDMConfig(), "segmentation": SegmentationConfig(inputs=6)},
        {"reconstruction": False},
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DetectorConfig(preset="small", **changes)


def test_configurations_from_before_hdm_still_read() -> None:
    stored = config().model_dump(mode="json")
    for name in ("hdm", "reconstruction"):
        del stored[name]
    assert DetectorConfig.model_validate(stored) == config()

import numpy as np
import pytest
import torch
from torch import nn

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.hdm_config import HDMTraining
from inspector_core.detectors.presets import DetectorConfig, DiffusionConfig, TrainingConfig
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.generation import AnomalyGenerator, Candidates, Kind, soften

INDICES = torch.arange(6)


def detector() -> DiffusionAD:
    torch.manual_seed(0)
    made = DiffusionAD(
        DetectorConfig(
            preset="small",
            size=32,
            diffusion=DiffusionConfig(prediction="x0"),
            denoiser=UNetConfig(patch=2, channels=32, multipliers=(1,), blocks=1, attention=()),
            segmentation=SegmentationConfig(patch=1, channels=4, multipliers=(1, 2)),
        )
    )
    nn.init.normal_(made.denoiser.network.outlet.weight, std=0.1)
    return made.eval()


def generator(colour: bool = True, **changes: object) -> AnomalyGenerator:
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 200, (6, 3 if colour else 1, 32, 32), dtype=np.uint8)
    normals = torch.from_numpy(np.broadcast_to(pixels, (6, 3, 32, 32)).copy())
    foreground = torch.zeros(6, 1, 32, 32, dtype=torch.bool)
    foreground[:, :, 4:28, 4:28] = True
    config = TrainingConfig(
        hdm=HDMTraining.model_validate({"local_steps": 3, "diffused_steps": 2, **changes})
    )
    return AnomalyGenerator(Synthesizer(normals, foreground, SynthesisConfig(texture_count=4)), config)


def propose(made: AnomalyGenerator, kind: Kind, strength: float = 1.0) -> Candidates:
    random, noise = (torch.Generator().manual_seed(k) for k in (1, 2))
    return made.propose(detector(), kind, INDICES, strength, random, noise)


@pytest.mark.parametrize("kind", ["local", "diffused"])
@pytest.mark.parametrize("detail", [True, False])
def test_outside_the_grown_mask_nothing_changes(kind: Kind, detail: bool) -> None:
    found = propose(generator(detail=detail), kind, strength=5.0)
    outside = (found.soft == 0).expand_as(found.image)
    assert torch.equal(found.image[outside], found.normal[outside])
    assert not torch.equal(found.image, found.normal)
    assert (found.soft > 0).flatten(1).any(1).all()


def test_without_a_mask_and_without_strength_the_image_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    made = generator()
    monkeypatch.setattr(made.synthesizer, "masks", lambda indices, random: torch.zeros(6, 1, 32, 32))
    found = propose(made, "local", strength=0.0)
    assert torch.equal(found.image, found.normal)


def test_a_mask_keeps_its_pixels_and_reaches_a_rim_of_one_pixel_further() -> None:
    mask = torch.zeros(1, 1, 9, 9)
    mask[..., 3:6, 3:6] = 1
    soft = soften(mask)
    assert (soft[mask > 0] == 1).all()
    assert (soft > 0).sum() == 25
    assert ((soft > 0) & (mask == 0) & (soft < 1)).sum() == 16


def test_images_are_what_a_camera_gives_and_grey_parts_stay_grey() -> None:
    found = propose(generator(colour=False), "local")
    assert torch.equal((found.image * 255).round() / 255, found.image)
    assert torch.equal(found.image[:, 0], found.image[:, 2])


def test_equal_draws_give_equal_anomalies() -> None:
    assert torch.equal(propose(generator(), "diffused").image, propose(generator(), "diffused").image)


def test_full_transparency_gives_the_normal_image() -> None:
    found = propose(generator(opacity=(1.0, 1.0)), "local")
    assert torch.equal(found.image, found.normal)

"""HDM's steps: DiffusionAD's to the bit with everything off, and generation that fills a bank."""

import numpy as np
import torch

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.hdm_config import HDMConfig, HDMTraining
from inspector_core.detectors.presets import DetectorConfig, DiffusionConfig, Preset, TrainingConfig, with_hdm
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.hdm_trainer import HDMTrainer, _pixel_weights
from inspector_core.training.trainer import Trainer

PLAIN = Preset(
    detector=DetectorConfig(
        preset="small",
        size=32,
        diffusion=DiffusionConfig(prediction="x0"),
        denoiser=UNetConfig(patch=2, channels=32, multipliers=(1, 1), blocks=1, attention=()),
        segmentation=SegmentationConfig(patch=1, channels=4, multipliers=(1, 2)),
    ),
    training=TrainingConfig(batch=8, replays=1, replay_bank=8, replay_batch=4, ema=0.9),
)
QUICK = HDMTraining(start=0.0, every=1, round=4, local_steps=2, diffused_steps=2, bank=16)


def parts() -> tuple[np.ndarray, Synthesizer]:
    images = np.random.default_rng(0).integers(60, 200, (12, 32, 32, 3), dtype=np.uint8)
    normals = torch.from_numpy(images).permute(0, 3, 1, 2)
    everywhere = torch.ones(12, 1, 32, 32, dtype=torch.bool)
    return images, Synthesizer(normals, everywhere, SynthesisConfig(texture_count=4))


def hdm(config: HDMConfig, training: HDMTraining) -> HDMTrainer:
    chosen = with_hdm(PLAIN, config, training)
    torch.manual_seed(0)
    return HDMTrainer(HDM(chosen.detector), *parts(), chosen.training, 0)


def test_with_everything_off_each_step_is_diffusion_ads_to_the_bit() -> None:
    torch.manual_seed(0)
    plain = Trainer(DiffusionAD(PLAIN.detector), *parts(), PLAIN.training, 0)
    off = hdm(HDMConfig(llr=False, adaptive_guidance=False), HDMTraining(dagm=False, pom=False))
    for k in range(3):
        assert plain.step(k / 3) == off.step(k / 3)
    state = off.detector.state_dict()
    assert all(tensor.equal(state[name]) for name, tensor in plain.detector.state_dict().items())


def test_without_pom_every_candidate_goes_into_the_bank_and_is_trained_on() -> None:
    trainer = hdm(HDMConfig(), QUICK.model_copy(update={"pom": False}))
    for k in range(4):
        losses = trainer.step(k / 4)
    assert trainer.generation is not None
    assert trainer.generation.accepted == trainer.generation.proposed == 16
    assert len(trainer.generation.bank) >= 8
    assert all(np.isfinite(value) for value in losses.values())
    assert trainer._generated(4) is not None


def test_with_pom_nothing_is_kept_before_the_self_test_has_passed() -> None:
    trainer = hdm(HDMConfig(), QUICK)
    trainer.step(0.5)
    assert trainer.generation is not None
    trainer.generation.trusted = False
    trainer.generation.rounds = 1  # no look at the normal images is due
    before = len(trainer.generation.bank)
    trainer.step(0.6)
    assert len(trainer.generation.bank) == before


def test_residuals_of_normal_images_are_known_after_training() -> None:
    trainer = hdm(HDMConfig(), HDMTraining(dagm=False))
    trainer.step(0.5)
    trainer.settle()
    assert trainer.detector.log_variance.abs().max() > 0
    images = torch.from_numpy(parts()[0]).permute(0, 3, 1, 2).float() / 255
    trainer.detector.eval()
    assert torch.isfinite(trainer.detector(images).logits).all()


def test_weights_of_a_batch_have_mean_one() -> None:
    trainer = hdm(HDMConfig(), QUICK.model_copy(update={"pom": False}))
    for k in range(4):
        trainer.step(k / 4)
    drawn = trainer._generated(4)
    assert drawn is not None
    weight = _pixel_weights(drawn, 4, before=0, beside=4)
    image_weights = weight.amax((1, 2, 3))
    other = float(image_weights[-1])  # of an image that was not generated
    assert np.isclose((float(image_weights.sum()) + 4 * other) / 8, 1.0, atol=1e-5)

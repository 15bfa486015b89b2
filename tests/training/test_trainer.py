import copy

import numpy as np
import pytest
import torch

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.presets import DetectorConfig, DiffusionConfig, TrainingConfig
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.ema import Ema
from inspector_core.training.replay import ReplayBank, leaked, random_crops
from inspector_core.training.trainer import Trainer


def small_config(prediction: str = "x0") -> DetectorConfig:
    return DetectorConfig(
        preset="small",
        size=32,
        diffusion=DiffusionConfig(prediction=prediction),
        denoiser=UNetConfig(patch=2, channels=32, multipliers=(1, 1), blocks=1, attention=()),
        segmentation=SegmentationConfig(patch=1, channels=4, multipliers=(1, 2)),
    )


def make(config: TrainingConfig, seed: int = 0, prediction: str = "x0") -> Trainer:
    torch.manual_seed(seed)
    images = np.random.default_rng(0).integers(60, 200, (12, 32, 32, 3), dtype=np.uint8)
    normals = torch.from_numpy(images).permute(0, 3, 1, 2)
    synthesizer = Synthesizer(
        normals, torch.ones(12, 1, 32, 32, dtype=torch.bool), SynthesisConfig(texture_count=4)
    )
    return Trainer(DiffusionAD(small_config(prediction)), images, synthesizer, config, seed)


def test_a_batch_is_half_normal_and_half_anomalous() -> None:
    batch = make(TrainingConfig(batch=6))._draw()
    assert batch.anomalous.tolist() == [False] * 3 + [True] * 3
    assert not batch.mask[:3].any()
    assert all(mask.any() for mask in batch.mask[3:])
    assert set(batch.mask.unique().tolist()) == {0.0, 1.0}


def test_every_normal_image_is_drawn_equally_often() -> None:
    trainer = make(TrainingConfig(batch=4))
    for _ in range(6):
        trainer._draw()
    assert len(trainer._order) == 0, "24 draws of 12 images use up two whole rounds"


@pytest.mark.parametrize(("detached", "reaches"), [(True, False), (False, True)])
def test_the_mask_loss_reaches_the_denoiser_only_where_it_is_meant_to(detached: bool, reaches: bool) -> None:
    trainer = make(TrainingConfig(batch=4, detach_reconstruction=detached))
    for parameter in trainer.detector.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    batch = trainer._draw()
    _, r = trainer._denoise(batch, trainer._scales(len(batch.x)))
    trainer.detector.segment(batch.x, r.guided).sum().backward()
    touched = any(p.grad is not None and p.grad.any() for p in trainer.detector.denoiser.parameters())
    assert touched == reaches


def test_anomalous_images_do_not_change_the_noise_loss() -> None:
    trainer = make(TrainingConfig(batch=4))
    torch.nn.init.normal_(trainer.detector.denoiser.network.outlet.weight, std=0.1)
    batch = trainer._draw()
    state = trainer._noise.get_state()
    scales = trainer._scales(len(batch.x))
    first, _ = trainer._denoise(batch, scales)
    trainer._noise.set_state(state)
    other = batch._replace(x=torch.cat([batch.x[:2], torch.rand_like(batch.x[2:])]))
    second, _ = trainer._denoise(other, scales)
    assert first.item() == pytest.approx(second.item(), rel=1e-5)


@pytest.mark.parametrize("prediction", ["x0", "epsilon"])
def test_both_losses_fall(prediction: str) -> None:
    trainer = make(TrainingConfig(batch=8, denoiser_lr=2e-3, segmentation_lr=2e-3), prediction=prediction)
    losses = [trainer.step(0.3) for _ in range(30)]
    for name in ("noise", "mask"):
        first, last = (np.mean([loss[name] for loss in part]) for part in (losses[:5], losses[-5:]))
        assert last < 0.9 * first, name


@pytest.mark.parametrize(
    "config",
    [TrainingConfig(batch=4), TrainingConfig(batch=4, replays=2, replay_bank=6, replay_batch=4, ema=0.9)],
)
def test_a_resumed_trainer_takes_the_same_steps(config: TrainingConfig) -> None:
    straight = make(config)
    for _ in range(2):
        straight.step(0.5)
    stored = copy.deepcopy(straight.state_dict())
    resumed = make(config, seed=1)
    resumed.load_state_dict(stored)
    for trainer in (straight, resumed):
        for _ in range(2):
            trainer.step(0.7)
    for name, value in straight.weights.items():
        assert torch.equal(value, resumed.weights[name]), name


def test_averaged_weights_are_the_mean_that_the_decay_says() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 0.0)
    ema = Ema(layer, decay=0.9)
    torch.nn.init.constant_(layer.weight, 1.0)
    ema.update(layer, 10_000)
    assert ema.state["weight"].item() == pytest.approx(0.1)
    ema.update(layer, 0)
    assert ema.state["weight"].item() == pytest.approx(1 - 0.9 * 0.1), "the decay is ramped up from 1/10"


def test_the_replay_bank_forgets_the_oldest_and_keeps_values_to_half_a_step() -> None:
    bank = ReplayBank(4, 4, -1, 1, torch.device("cpu"))
    values = torch.linspace(-1, 1, 6)
    bank.add(torch.arange(6), values.view(6, 1, 1, 1).expand(6, 3, 4, 4), torch.arange(12).view(6, 2))
    indices, guided, times = bank.sample(60, torch.Generator().manual_seed(0))
    assert torch.equal(times[:, 0], 2 * indices)
    assert set(indices.tolist()) == {2, 3, 4, 5}
    expected = values[indices].view(-1, 1, 1, 1).expand(60, 3, 4, 4)
    torch.testing.assert_close(guided, expected, rtol=0, atol=1.01 / 255)


def test_crops_hold_a_piece_of_the_anomaly_and_keep_their_parts_together() -> None:
    ramp = torch.arange(32 * 32).view(1, 1, 32, 32).expand(60, 3, 32, 32) / 1024
    mask = torch.zeros(60, 1, 32, 32)
    mask[30:, 0, 3, 29] = 1
    x, guided, masks = random_crops((ramp, ramp, mask), 8, torch.Generator().manual_seed(0))
    assert x.shape == (60, 3, 8, 8)
    assert torch.equal(x, guided)
    assert masks[:30].sum() == 0
    assert (masks[30:].sum(dim=(1, 2, 3)) == 1).all()
    where = masks[30:].nonzero()[:, 2:].unique(dim=0)
    assert len(where) > 10, "the anomaly is not always at the same place of the crop"
    there = x[30:][masks[30:].expand(-1, 3, -1, -1) > 0]
    torch.testing.assert_close(there, torch.full_like(there, ramp[0, 0, 3, 29].item()))
    assert len(x[:30, 0, 0, 0].unique()) > 10, "normal crops come from everywhere"


def test_a_leak_is_the_blurred_anomaly_to_its_share() -> None:
    flat = torch.ones(3, 3, 64, 64)
    leak = leaked(flat, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(leak, flat * torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1))
    spot = torch.zeros(1, 3, 64, 64)
    spot[..., 32, 32] = 1
    spread = leaked(spot, torch.ones(1))
    assert spread.sum().item() == pytest.approx(3, rel=1e-4)
    assert 0 < spread.max() < 0.3


def test_replayed_images_are_half_normal_and_half_anew() -> None:
    trainer = make(TrainingConfig(batch=4, replays=1, replay_batch=6, replay_crop=1.0))
    trainer.step(0.5)
    assert trainer._bank is not None
    x, guided, mask, _ = trainer._replay(trainer._bank)
    assert x.shape == guided.shape == (6, 3, 32, 32)
    assert not mask[:3].any()
    assert all(part.any() for part in mask[3:])
    again = trainer._replay(trainer._bank)
    assert not torch.equal(x[3:], again[0][3:])


def test_settling_gives_the_saved_weights_statistics_of_their_own() -> None:
    trainer = make(TrainingConfig(batch=4, ema=0.5))
    for _ in range(3):
        trainer.step(0.5)
    layer = trainer.detector.segmentation.encoder[0][1]
    assert isinstance(layer, torch.nn.BatchNorm2d)
    with torch.no_grad():
        layer.running_mean.fill_(1e3)
    saved = trainer.weights["segmentation.outlet.weight"].clone()
    trainer.settle()
    assert layer.running_mean is not None
    assert layer.running_mean.abs().max() < 100
    assert torch.equal(trainer.detector.segmentation.outlet.weight, saved)
    assert not trainer.detector.training

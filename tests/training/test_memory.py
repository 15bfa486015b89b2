"""Computing activations twice: the same steps, less memory, and only where it is needed."""

import numpy as np
import pytest
import torch

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.presets import DetectorConfig, DiffusionConfig, TrainingConfig
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training import memory
from inspector_core.training.memory import bytes_per_image, save_memory_if_needed
from inspector_core.training.trainer import Trainer

CONFIG = DetectorConfig(
    preset="small",
    size=32,
    diffusion=DiffusionConfig(prediction="x0"),
    denoiser=UNetConfig(patch=2, channels=32, multipliers=(1, 2), blocks=1, attention=(4,)),
    segmentation=SegmentationConfig(patch=1, channels=4, multipliers=(1, 2)),
)


def trainer_with(free: int, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)
    torch.manual_seed(0)
    images = np.random.default_rng(0).integers(60, 200, (8, 32, 32, 3), dtype=np.uint8)
    normals = torch.from_numpy(images).permute(0, 3, 1, 2)
    foreground = torch.ones(8, 1, 32, 32, dtype=torch.bool)
    synthesizer = Synthesizer(normals, foreground, SynthesisConfig(texture_count=4))
    return Trainer(DiffusionAD(CONFIG), images, synthesizer, TrainingConfig(batch=4), 0)


def test_steps_are_the_same_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, frugal = trainer_with(1 << 40, monkeypatch), trainer_with(1, monkeypatch)
    assert not plain.detector.denoiser.network.checkpointing
    assert frugal.detector.denoiser.network.checkpointing
    for trainer in (plain, frugal):
        for part in range(3):
            trainer.step(part / 3)
    theirs = frugal.detector.state_dict()
    for name, value in plain.detector.state_dict().items():
        assert torch.equal(value, theirs[name]), name


def test_less_is_kept_for_the_gradient() -> None:
    detector = DiffusionAD(CONFIG)
    whole = bytes_per_image(detector)
    detector.denoiser.network.checkpointing = True
    assert 0 < bytes_per_image(detector) < whole / 2


def test_what_a_convolution_and_its_activation_keep_is_counted_once_for_each_image() -> None:
    """By hand: x [B, 3, 32, 32] through one 1 x 1 convolution and a square keeps both inputs."""

    class Square(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 5, 1)

        def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return self.layer(x).square()

    detector = DiffusionAD(CONFIG)
    detector.denoiser.network = Square()
    autocast = 2 if memory.body_type(torch.device("cpu")) == torch.bfloat16 else 4
    assert bytes_per_image(detector) == autocast * (3 + 5) * 32 * 32


@pytest.mark.parametrize(("spare", "saves"), [(0.99, True), (1.01, False)])
def test_memory_decides(spare: float, saves: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = DiffusionAD(CONFIG)
    enough = int(spare * 10 * bytes_per_image(detector) / memory.SHARE)
    monkeypatch.setattr(memory, "free_bytes", lambda device: enough)
    assert save_memory_if_needed(detector, 10) is saves


def test_a_detector_without_reconstruction_has_nothing_to_save() -> None:
    detector = DiffusionAD(CONFIG.model_copy(update={"reconstruction": False, "evidence": None}))
    assert not save_memory_if_needed(detector, 10**9)


def test_free_memory_is_that_of_the_machine() -> None:
    assert 0 < memory.free_bytes(torch.device("cpu")) < 1 << 50

"""A small detector with weights that make it react, saved as a model file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata, TrainingInfo, save_model
from inspector_core.detectors.presets import DetectorConfig, DiffusionConfig
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig

SMALL = DetectorConfig(
    preset="small",
    size=64,
    diffusion=DiffusionConfig(prediction="x0"),
    denoiser=UNetConfig(
        patch=4, channels=32, multipliers=(1, 2), blocks=1, attention=(8,), residual_resampling=False
    ),
    segmentation=SegmentationConfig(patch=2, channels=8, multipliers=(1, 2)),
)


def described(detector: DiffusionAD) -> ModelMetadata:
    """What a file says of a detector that no run made."""
    info = TrainingInfo(
        command="test",
        data="none",
        data_fingerprint="",
        normals=0,
        steps=0,
        seconds=0,
        seed=0,
        device="cpu",
        created_at=datetime.now(UTC),
    )
    return ModelMetadata(config=detector.config.model_dump(mode="json"), training=info)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    detector = DiffusionAD(SMALL)
    for name, parameter in detector.named_parameters():
        if "outlet" in name or "conv_out" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_model(path, detector.state_dict(), described(detector))
    return path

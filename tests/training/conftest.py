"""A run small enough for a test: few images, few steps."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector_core.training.request import TrainingRequest


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve grey discs on a dark ground, 140 x 140, each with its own noise."""
    folder = tmp_path_factory.mktemp("good")
    for k in range(12):
        rng = np.random.default_rng(k)
        image = np.full((140, 140, 3), 40, np.uint8)
        cv2.circle(image, (70 + k % 3, 70), 45, (150, 150, 150), -1, cv2.LINE_AA)
        noisy = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{k:02d}.png"), noisy)
    return folder


@pytest.fixture
def request_for(photographs: Path, tmp_path: Path, torch_runs_models: None):
    def make(**changes: object) -> TrainingRequest:
        fields = {
            "data": photographs,
            "out": tmp_path / "model.safetensors",
            "preset": "edge",
            "size": 128,
            "steps": 2,
            "device": "cpu",
            "command": "norma train --data good",
        }
        return TrainingRequest.model_validate({**fields, **changes})

    return make

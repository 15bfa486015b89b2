"""A small model, some pictures and a recipe for the command line's tests; nothing in them is trained."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector_core.cli import main
from inspector_core.images import write_png
from inspector_core.inspection.recipe import CameraSettings, Recipe, Thresholds, recipe_toml


class Norma:
    """Runs `norma` in this process; keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, *words: object) -> int:
        self._capsys.readouterr()
        status = main([str(word) for word in words])
        self.out, self.err = self._capsys.readouterr()
        return status

    @property
    def json(self) -> dict[str, Any]:
        """The object on the last line."""
        found = json.loads(self.out.splitlines()[-1])
        assert isinstance(found, dict)
        return found


@pytest.fixture
def norma(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    torch_runs_models: None,
) -> Norma:
    """The command line, its user's data folder being a temporary one."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return Norma(capsys)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained `edge` model at 128 x 128 whose calibration rejects every score above 0.6."""
    import torch

    from inspector_core.detectors.diffusion_ad import DiffusionAD
    from inspector_core.detectors.model_file import Calibration, ModelMetadata, TrainingInfo, save_model
    from inspector_core.detectors.presets import preset

    torch.manual_seed(0)
    config = preset("edge", 128).detector
    training = TrainingInfo(
        command="none",
        data="none",
        data_fingerprint="0" * 64,
        normals=0,
        steps=0,
        seconds=0.0,
        seed=0,
        device="cpu",
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
    )
    calibration = Calibration(
        scores=(0.1, 0.2), requested_rate=0.01, threshold=0.6, upper_bound=0.9, pixel_threshold=0.7
    )
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    metadata = ModelMetadata(config=config.model_dump(), training=training, calibration=calibration)
    save_model(path, DiffusionAD(config).state_dict(), metadata)
    return path


def photographs(folder: Path, count: int, size: tuple[int, int] = (96, 128)) -> Path:
    """Write `count` different pictures of `size` (height, width) into `folder`."""
    rng = np.random.default_rng(count)
    shade = np.linspace(40, 200, size[1])[None, :, None]
    for number in range(count):
        noise = rng.normal(0, 6, (*size, 3))
        write_png(folder / f"{number:03d}.png", (shade + noise).clip(0, 255).astype(np.uint8))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of ten pictures."""
    return photographs(tmp_path / "pictures", 10)


@pytest.fixture
def write_recipe(tmp_path: Path, model: Path, pictures: Path) -> Callable[..., Path]:
    """Writes a recipe that plays `pictures` to `model` once; keywords replace its fields."""

    def write(**changes: Any) -> Path:
        recipe = Recipe(
            name="Plate",
            camera=CameraSettings(source=str(pictures), loop=False),
            model=str(model),
            thresholds=Thresholds(fail=0.6),
        )
        path = tmp_path / "recipe.toml"
        path.write_text(recipe_toml(recipe.model_copy(update=changes)), encoding="utf-8")
        return path

    return write

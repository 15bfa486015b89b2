"""A workspace, its records, and parts to record."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector_core.inspection.recipe import CameraSettings, Recipe, Thresholds
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.records import Records
from inspector_core.workspace import Workspace

START = datetime(2026, 3, 31, 22, 59, 58, 123456, tzinfo=UTC)
MakePart = Callable[..., Inspection]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "a workspace, 100% ours")


@pytest.fixture
def records(workspace: Workspace) -> Iterator[Records]:
    with Records.open(workspace) as opened:
        yield opened


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(
        name="flange",
        camera=CameraSettings(source="photos"),
        model="m.safetensors",
        thresholds=Thresholds(fail=0.5, review=0.4),
    )


@pytest.fixture
def make_part() -> MakePart:
    """Part n of a session, captured n seconds after `START`."""

    def make(part: int, verdict: Verdict = Verdict.PASS, **changes: Any) -> Inspection:
        facts: dict[str, Any] = {
            "part": part,
            "verdict": verdict,
            "score": None if verdict is Verdict.ERROR else part / 1000,
            "fail_threshold": 0.5,
            "review_threshold": 0.4,
            "pixel_threshold": 0.25,
            "recipe": "flange",
            "recipe_version": 1,
            "model_sha256": "ab" * 32,
            "latency_ms": 12.5,
            "captured_at": START + timedelta(seconds=part),
            "camera_id": "camera",
            "frame_id": part,
        }
        return Inspection(**facts | changes)

    return make


@pytest.fixture
def pictures() -> PartImages:
    generator = np.random.default_rng(7)
    return PartImages(
        image=generator.integers(0, 256, (24, 32, 3), dtype=np.uint8),
        reconstruction=generator.integers(0, 256, (24, 32, 3), dtype=np.uint8),
        anomaly_map=generator.random((24, 32), dtype=np.float32),
    )

"""A workspace with a published recipe, a model and recorded parts, for the screens that look back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from inspector_core.detectors.model_file import Calibration, ModelMetadata, TrainingInfo, save_model
from inspector_core.inspection.recipe import ArchivePolicy, CameraSettings, Recipe, Thresholds
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.records import Records
from inspector_core.workspace import Workspace

NAME = "Bracket"
THRESHOLDS = Thresholds(fail=0.5, review=0.4, pixel=0.5)
HELD_OUT = tuple(np.linspace(0.01, 0.2, 40).tolist())


def publish(workspace: Workspace) -> Recipe:
    """Version 1 of the recipe, with its model."""
    import torch

    save_model(
        workspace.models / "bracket.safetensors",
        {"weight": torch.zeros(2)},
        ModelMetadata(
            config={"detector": "diffusion-ad", "preset": "edge", "size": 64},
            training=TrainingInfo(
                command="norma train", data="parts", data_fingerprint="cd" * 32, normals=40, steps=10,
                seconds=1.0, seed=0, device="cpu", created_at=datetime.now(UTC),
            ),
            calibration=Calibration(
                scores=HELD_OUT, requested_rate=0.05, threshold=0.2123456789, upper_bound=0.072,
                pixel_threshold=0.5,
            ),
        ),
    )  # fmt: skip
    recipe = Recipe(
        name=NAME,
        camera=CameraSettings(source="frames"),
        model="bracket.safetensors",
        thresholds=THRESHOLDS,
        archive=ArchivePolicy(what="rejects"),
    )
    return RecipeStore(workspace).publish(recipe, reason="first", author="Ada")


def part(number: int, score: float | None, **changes: object) -> Inspection:
    """Part `number`, one second after the one before, ten minutes ago at the newest."""
    verdict = Verdict.ERROR if score is None else Verdict.PASS
    if score is not None and score >= THRESHOLDS.fail:
        verdict = Verdict.FAIL
    elif score is not None and score >= 0.4:
        verdict = Verdict.REVIEW
    facts = {
        "part": number, "verdict": verdict, "score": score, "fail_threshold": 0.5, "review_threshold": 0.4,
        "pixel_threshold": 0.5, "recipe": NAME, "recipe_version": 1, "model_sha256": "ab" * 32,
        "latency_ms": 40.0, "captured_at": datetime.now(UTC) - timedelta(seconds=2000 - number),
        "camera_id": "playback", "frame_id": number, "lot": "L1", "operator": "Ada",
    }  # fmt: skip
    return Inspection(**facts | changes)


def record(
    records: Records, recipe: Recipe, parts: list[Inspection], images: PartImages | None = None
) -> list[Inspection]:
    """Record `parts` through a writer of their own; returns them as committed, with ids."""
    committed: list[Inspection] = []
    session = records.start_session(recipe, "ab" * 32, "Ada", "L1", model_metadata='{"preset": "edge"}')
    writer = records.writer(session, committed.extend, recipe.archive)
    for one in parts:
        writer.record(one, images)
    writer.close()
    assert writer.failure is None
    return committed


def archive_file(workspace: Workspace, path: str) -> Path:
    return workspace.root / path

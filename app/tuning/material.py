"""What the tuning screen works on, read in a thread."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.widgets.rasters import shrink
from inspector_core.detectors.model_file import Calibration, read_metadata
from inspector_core.errors import ImageError, ModelFileError, NormaError
from inspector_core.images import read_mask, read_rgb
from inspector_core.inspection.recipe import Recipe, Thresholds
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.inspection.verdict import Inspection
from inspector_core.records import Records, ScoreTable
from inspector_core.workspace import Workspace

THUMBNAIL = 192
"""Longer side of a thumbnail in pixels."""


@dataclass(frozen=True, slots=True)
class Material:
    """One recipe with its versions and the scores of a period.

    Attributes:
        recipe: the active version; the newest where none is active.
        table: scores of those versions that use the same model, since others do not compare.
        calibration: of the recipe's model; None where it has none or can't be read.
        problem: why the model can't be read, in words; empty where it can.
        ignore: bool [H, W], the recipe's ignore mask.
    """

    recipe: Recipe
    versions: list[Recipe]
    table: ScoreTable
    calibration: Calibration | None
    problem: str
    ignore: NDArray[np.bool_] | None


def load_material(
    name: str, since: datetime | None, store: RecipeStore, records: Records, workspace: Workspace
) -> Material:
    """Read everything on the recipe `name` since a time.

    Raises:
        NormaError: the recipe or the database can't be read.
    """
    versions = store.versions(name)
    recipe = store.active(name) or versions[-1]
    calibration, problem = None, ""
    try:
        calibration = read_metadata(recipe.model_path(workspace)).calibration
    except ModelFileError as error:
        problem = str(error)
    return Material(
        recipe,
        versions,
        _scores(recipe, versions, since, records),
        calibration,
        problem,
        _ignore(recipe, workspace),
    )


def load_thumbnail(
    records: Records, workspace: Workspace, row: int
) -> tuple[Inspection, NDArray[np.uint8] | None]:
    """An inspection and its small picture; None where there is none."""
    inspection = records.get(row)
    return inspection, _small(workspace.root, inspection.image_path)


def with_review(thresholds: Thresholds, review: float | None) -> Thresholds:
    """Another REVIEW threshold, at most the FAIL threshold; None for no such band."""
    return thresholds.model_copy(update={"review": None if review is None else min(review, thresholds.fail)})


def _scores(recipe: Recipe, versions: list[Recipe], since: datetime | None, records: Records) -> ScoreTable:
    same = [version.version for version in versions if version.model == recipe.model]
    if len(same) == len(versions):
        return records.scores(recipe.name, since)
    tables = [records.scores(recipe.name, since, version) for version in reversed(same)]
    columns = ("id", "score", "verdict", "label")
    return ScoreTable(*(np.concatenate([getattr(table, name) for table in tables]) for name in columns))


def _ignore(recipe: Recipe, workspace: Workspace) -> NDArray[np.bool_] | None:
    path = recipe.ignore_mask_path(workspace)
    try:
        return None if path is None else read_mask(path)
    except NormaError:
        return None


def _small(root: Path, path: str) -> NDArray[np.uint8] | None:
    try:
        return shrink(read_rgb(root / path), THUMBNAIL) if path else None
    except ImageError:
        return None

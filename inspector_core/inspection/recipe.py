"""How one product is inspected, as one object and as one TOML file."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import tomlkit
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from inspector_core.detectors.tiling import Tiling
from inspector_core.errors import RecipeError
from inspector_core.inspection.alignment import Alignment
from inspector_core.workspace import Workspace

SCHEMA_VERSION = 1
"""Raised whenever an older program could no longer read the file as it is meant."""

MAX_BYTES = 1_000_000
FeatureValue = int | float | bool | str


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Region(_Part):
    """The part of the frame that is inspected, in pixels of the frame."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(ge=1)
    height: int = Field(ge=1)


class CameraSettings(_Part):
    """Which camera, and how it is set.

    Attributes:
        source: for playback a folder or a video file (relative to the workspace); for genicam a device id or
            serial number, empty for the first one found.
        producer: for genicam a .cti file, or "viky" for the virtual one of the genicam package.
        rate: playback frames a second; None delivers as fast as they are taken.
        features: GenICam features by SFNC name, set before the camera starts.
    """

    kind: Literal["playback", "genicam"] = "playback"
    source: str = ""
    producer: str = "viky"
    rate: float | None = Field(default=None, gt=0)
    loop: bool = True
    features: dict[str, FeatureValue] = {}


class Thresholds(_Part):
    """Raw scores and pixels from which on a part is rejected.

    Attributes:
        fail: image score at or above which a part is FAIL.
        review: image score at or above which it is REVIEW, at most `fail`; None for no such band.
        pixel: anomaly-map value, 0..1, at or above which a pixel counts as defective.
        least_area: pixels that one defective area must have; 0 to let the score alone decide.
    """

    fail: float
    review: float | None = None
    pixel: float = Field(default=0.5, ge=0, le=1)
    least_area: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _review_is_not_above_fail(self) -> "Thresholds":
        if self.review is not None and self.review > self.fail:
            raise ValueError(f"review ({self.review:g}) must not be above fail ({self.fail:g})")
        return self


class ArchivePolicy(_Part):
    """Which parts' pictures are kept: rejects (FAIL, REVIEW, ERROR), all, or rejects and one in `one_in`."""

    what: Literal["rejects", "all", "sample"] = "rejects"
    one_in: int = Field(default=100, ge=1)


class Recipe(_Part):
    """How one product is inspected. A version never changes once it is published.

    Attributes:
        model: the model file, relative to the workspace's models folder, or absolute.
        alignment: to a reference, before the region is cut out; None takes frames as they come.
        tiling: how a large region is cut; None looks at it as the model was calibrated, where the thresholds
            that were calculated hold.
        ignore_mask: a PNG of the region's size, relative to the workspace; above 0 is ignored.
        mode: triggered, where every frame is a part and none may be dropped; or free_run, where the newest
            frame wins and what is passed over counts as lost.
        frame_timeout_s: silence of the camera after which the line says so.
        reason, author, created_at: who published this version, when and why.
    """

    name: str = Field(min_length=1, max_length=100, pattern=r"\S")
    version: int = Field(default=1, ge=1)
    camera: CameraSettings
    region: Region | None = None
    alignment: Alignment | None = None
    model: str = Field(min_length=1)
    tiling: Tiling | None = None
    thresholds: Thresholds
    ignore_mask: str = ""
    mode: Literal["free_run", "triggered"] = "free_run"
    archive: ArchivePolicy = ArchivePolicy()
    frame_timeout_s: float = Field(default=5.0, gt=0)
    reason: str = ""
    author: str = ""
    created_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))

    def model_path(self, workspace: Workspace) -> Path:
        return workspace.models / self.model

    def source_path(self, workspace: Workspace) -> Path:
        """The playback folder or file."""
        return workspace.root / self.camera.source

    def reference_path(self, workspace: Workspace) -> Path | None:
        """The reference image of the alignment."""
        return None if self.alignment is None else workspace.root / self.alignment.reference

    def ignore_mask_path(self, workspace: Workspace) -> Path | None:
        return workspace.root / self.ignore_mask if self.ignore_mask else None


def recipe_toml(recipe: Recipe) -> str:
    """The recipe as the text of a TOML file; fields without a value are left out."""
    return tomlkit.dumps({"schema_version": SCHEMA_VERSION} | recipe.model_dump(exclude_none=True))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: it is missing, no TOML, of a newer schema, or a field is wrong; names file and field.
    """
    return parse_recipe(_text(path), str(path))


def parse_recipe(text: str, named: str) -> Recipe:
    """Read a recipe from TOML text; `named` is what an error calls it.

    Raises:
        RecipeError: as for `read_recipe`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{named} is not valid TOML ({error})", "correct that line") from error
    schema = data.pop("schema_version", SCHEMA_VERSION)
    if type(schema) is not int or schema < 1:
        raise RecipeError(f"{named}: schema_version {schema!r} is no schema version", "set it to 1")
    if schema > SCHEMA_VERSION:
        raise RecipeError(
            f"{named} is of a newer Norma (schema_version {schema}, this one reads {SCHEMA_VERSION})",
            "update Norma, or publish the recipe again with this version",
        )
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"{named}: {_first_fault(error)}", "correct that field of the recipe") from error


def _text(path: Path) -> str:
    remedy = "check the path of the recipe file"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"{path} is too large for a recipe", remedy)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{path} can't be read ({error.strerror or error})", remedy) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is no text file", remedy) from error


def _first_fault(error: ValidationError) -> str:
    faults = error.errors(include_url=False)
    first: Any = faults[0]
    # A union's branch ("features.Gain.int") is a matter of ours, so only the first two names are shown there.
    names = [str(name) for name in first["loc"]]
    field = ".".join(names[:3] if names[:2] == ["camera", "features"] else names)
    message = {
        "missing": "is missing",
        "extra_forbidden": "is not a field of a recipe",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    message = message[0].lower() + message[1:].rstrip(".")
    others = len({str(fault["loc"][:3]) for fault in faults}) - 1
    more = f" (and {others} more)" if others else ""
    colon = "" if message.startswith("is ") else ":"
    return f"field {field}{colon} {message}{more}"

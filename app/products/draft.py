"""The product that the wizard is making: one object that every step reads and writes. Knows no Qt."""

import contextlib
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from app.products.picture_check import Picture, is_category
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.detectors.names import DetectorName
from inspector_core.detectors.tiling import Tiling
from inspector_core.errors import DataError, WorkspaceError
from inspector_core.images import read_rgb, write_bytes, write_png
from inspector_core.inspection.recipe import CameraSettings, Recipe, Region, Thresholds
from inspector_core.inspection.recipe_store import RecipeStore, slug
from inspector_core.inspection.statistics import conformal_threshold
from inspector_core.training.request import TrainingRequest
from inspector_core.workspace import Workspace

DEFAULT_PRESET, DEFAULT_SIZE, DEFAULT_MINUTES = "edge", 256, 10.0


@dataclass
class Draft:
    """What is known of the new product so far.

    Everything that it writes lies under `products/<product>/` in the workspace until `publish`.

    Attributes:
        folder: where the pictures come from, for the source "folder".
        capture: the camera that took them, for the source "camera".
        steps, minutes: length of the training, one of them.
        rate: the false-reject rate that FAIL is set for.
        line_camera: what the published line looks at.
        model: of the trained file, once there is one; it belongs to `trained_on`.
    """

    workspace: Workspace
    name: str = ""
    source: Literal["folder", "camera"] = "folder"
    folder: Path | None = None
    capture: CameraSettings | None = None
    pictures: list[Picture] = field(default_factory=list)
    region: Region | None = None
    detector: DetectorName = "diffusion-ad"
    preset: str = DEFAULT_PRESET
    from_base: bool = True
    size: int = DEFAULT_SIZE
    tiling: Tiling | None = None
    registration: Literal["auto", "on", "off"] = "auto"
    steps: int | None = None
    minutes: float | None = DEFAULT_MINUTES
    rate: float = 0.01
    line_camera: CameraSettings | None = None
    reason: str = "First version"
    author: str = ""
    model: ModelMetadata | None = None
    trained_on: tuple[object, ...] = ()
    published: Recipe | None = None

    @property
    def home(self) -> Path:
        """The product's own folder in the workspace."""
        return self.workspace.root / "products" / slug(self.name)

    @property
    def normals(self) -> Path:
        """The pictures that are trained on, as the network sees them: cropped to the region."""
        return self.home / "normals"

    @property
    def captured(self) -> Path:
        """Whole pictures taken by the wizard."""
        return self.home / "captured"

    @property
    def model_file(self) -> Path:
        """The model while it is not published."""
        return self.home / "model.safetensors"

    @property
    def samples(self) -> Path:
        return self.home / "samples.png"

    def rename(self, name: str) -> None:
        """Take another name; what was written under the old one moves along. May raise OSError."""
        old = self.home if self.name else None
        self.name = name.strip()
        if old is None or old == self.home or not old.exists():
            return
        shutil.rmtree(self.home, ignore_errors=True)
        old.rename(self.home)
        self.pictures = [
            replace(p, path=self.home / p.path.relative_to(old)) if p.path.is_relative_to(old) else p
            for p in self.pictures
        ]

    @property
    def used(self) -> list[Picture]:
        """The pictures that are trained on."""
        return [picture for picture in self.pictures if picture.used]

    @property
    def dirty(self) -> bool:
        """Whether closing would lose work."""
        return self.published is None and bool(self.pictures or self.model)

    @property
    def starts_from_base(self) -> bool:
        """Whether the training starts from the shipped base model, which is of the edge preset."""
        return self.from_base and self.preset == "edge"

    def what_is_trained(self) -> tuple[object, ...]:
        """Equal for drafts that need the same training."""
        files = tuple(picture.path for picture in self.used)
        network = (
            self.detector,
            self.preset,
            self.starts_from_base,
            self.size,
            self.tiling,
            self.registration,
        )
        return (files, self.region, *network, self.steps, self.minutes)

    def request(self) -> TrainingRequest:
        """The training run for this draft."""
        return TrainingRequest(
            data=self.normals,
            out=self.model_file,
            detector=self.detector,
            preset=self.preset,
            start_from="base" if self.starts_from_base else None,
            size=self.size,
            tiling=self.tiling,
            registration=self.registration,
            steps=self.steps,
            minutes=None if self.steps else self.minutes,
            reject_rate=self.rate,
            samples=self.samples,
            command=f"new-product wizard: {self.name}",
        )

    @property
    def threshold(self) -> float:
        """FAIL for the asked-for rate, one float above the quantile as in the model's own calibration."""
        assert self.model is not None
        assert self.model.calibration is not None
        return math.nextafter(conformal_threshold(self.model.calibration.scores, self.rate), math.inf)

    def recipe(self) -> Recipe:
        """The recipe that `publish` would write, but for the name of the model's file."""
        assert self.model is not None
        assert self.model.calibration is not None
        return Recipe(
            name=self.name,
            camera=self.line_camera or self.capture or CameraSettings(source=str(self.folder), rate=2.0),
            region=self.region,
            model=f"{slug(self.name)}-{self.model.sha256[:8]}.safetensors",
            thresholds=Thresholds(fail=self.threshold, pixel=self.model.calibration.pixel_threshold),
        )


def name_problem(name: str, store: RecipeStore, workspace: Workspace) -> str:
    """Why a new product can't be called so; empty where it can."""
    name = name.strip()
    if not name:
        return "Give the product a name."
    if len(name) > 100:
        return "Choose a shorter name, of 100 letters at most."
    if (workspace.recipes / slug(name)).exists():
        return f"There is a product {name} already, or one that would share its folder. Choose another name."
    return ""


def write_normals(draft: Draft, on_picture: Callable[[int, int], object] = lambda done, total: None) -> None:
    """Put the pictures that are used, cropped to the region, into the workspace; takes seconds.

    Raises:
        DataError: the region does not lie inside every picture.
        NormaError: a file can't be read, or the workspace can't be written.
    """
    pictures, region = draft.used, draft.region
    stray = next((p for p in pictures if region is not None and not _holds(p, region)), None)
    if stray is not None:
        raise DataError(
            f"the region lies outside {stray.path.name} ({stray.size[0]} × {stray.size[1]})",
            "draw a smaller one, or leave that picture out",
        )
    category = draft.source == "folder" and draft.folder is not None and is_category(draft.folder)
    target = draft.normals / "train" / "good" if category and region is None else draft.normals
    try:
        shutil.rmtree(draft.normals, ignore_errors=True)
        target.mkdir(parents=True)
        for number, picture in enumerate(pictures, start=1):
            _write_normal(picture, region, target / f"{number:04d}{picture.path.suffix.lower()}")
            on_picture(number, len(pictures))
    except OSError as error:
        problem = f"the folder {draft.normals} can't be written ({error.strerror or error})"
        raise WorkspaceError(problem, "free some space or correct its permissions") from error


def publish(draft: Draft, store: RecipeStore) -> Recipe:
    """Put the model into the workspace and the recipe on the line: both or neither.

    Raises:
        NormaError: a file can't be read or written; nothing has changed then.
    """
    recipe = draft.recipe()
    model = recipe.model_path(draft.workspace)
    stood = model.exists()
    try:
        if not stood:
            write_bytes(model, draft.model_file.read_bytes())
        published = store.publish(recipe, reason=draft.reason.strip(), author=draft.author.strip())
    except BaseException as error:
        if not stood:
            model.unlink(missing_ok=True)
        if isinstance(error, OSError):
            problem = f"the model {model} can't be written ({error.strerror or error})"
            raise WorkspaceError(problem, "free some space or correct its permissions") from error
        raise
    draft.published = published
    for leftover in (draft.model_file, draft.samples):
        leftover.unlink(missing_ok=True)
    if draft.source == "folder":
        shutil.rmtree(draft.captured, ignore_errors=True)
    return published


def discard(draft: Draft) -> None:
    """Remove what the draft wrote; the workspace is as before."""
    if draft.name and draft.published is None:
        shutil.rmtree(draft.home, ignore_errors=True)
        with contextlib.suppress(OSError):
            draft.home.parent.rmdir()  # only where no other product has a folder there


def _holds(picture: Picture, region: Region) -> bool:
    width, height = picture.size
    return region.x + region.width <= width and region.y + region.height <= height


def _write_normal(picture: Picture, region: Region | None, path: Path) -> None:
    if not picture.path.is_file():
        raise DataError(f"the picture {picture.path} is gone", "check the folder again")
    if region is None:
        shutil.copyfile(picture.path, path)
        return
    rows, columns = slice(region.y, region.y + region.height), slice(region.x, region.x + region.width)
    write_png(path.with_suffix(".png"), read_rgb(picture.path)[rows, columns])

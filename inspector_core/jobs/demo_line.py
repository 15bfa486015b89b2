"""The demo: parts on disk, the shipped model and a recipe, put into a workspace the first time."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from inspector_core.cameras.camera import Camera
from inspector_core.cameras.factory import open_camera
from inspector_core.demo import DEFECTS, Split, draw_part, part_seed
from inspector_core.detectors.model_file import ModelMetadata, read_metadata
from inspector_core.errors import ModelFileError, WorkspaceError
from inspector_core.images import write_bytes, write_png
from inspector_core.inspection.recipe import CameraSettings, Recipe, Thresholds
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.resources import resource
from inspector_core.workspace import Workspace

NAME = "Demo part"
AUTHOR = "Norma"
MODEL = "demo-edge.safetensors"
FRAMES = "demo/frames"
GOOD, PER_DEFECT = 100, 4
SEED = 0
RATE = 4.0
"""Parts a second in the window, so that a person can follow."""
REVIEW_QUANTILE = 0.97
"""Parts stranger than this share of the good ones go to review, below the FAIL threshold."""

OnProgress = Callable[[int, int], None]


def prepare_demo(workspace: Workspace, on_progress: OnProgress = lambda done, total: None) -> Recipe:
    """Put what the demo line needs into the workspace where it is missing; returns the active demo recipe.

    A recipe that the user has published since (another threshold, say) stays as it is. One of ours gives way
    to a new version where Norma now ships another model.

    Args:
        on_progress: told of each part that is drawn; what it raises ends the drawing and leaves none of it.

    Raises:
        ModelFileError: the shipped model is missing or damaged.
        WorkspaceError: the workspace is full or can't be written.
    """
    shipped = resource(f"models/{MODEL}")
    if not shipped.is_file():
        raise ModelFileError(f"the demo's model {shipped} is missing", "install Norma again")
    recipe = demo_recipe(read_metadata(shipped))
    try:
        _draw_frames(workspace.root / FRAMES, on_progress)
        if not recipe.model_path(workspace).exists():
            write_bytes(recipe.model_path(workspace), shipped.read_bytes())
    except OSError as error:
        problem = f"the demo can't be written to {workspace.root} ({error.strerror or error})"
        raise WorkspaceError(problem, "make room there or choose another folder with --workspace") from error
    store = RecipeStore(workspace)
    active = store.active(NAME)
    if active is not None and (active.author != AUTHOR or active.model == recipe.model):
        return active
    return store.publish(recipe, reason="the demo as shipped", author=AUTHOR)


def demo_recipe(model: ModelMetadata) -> Recipe:
    """The demo's recipe: FAIL at the model's calibrated threshold, REVIEW a little below.

    The model's file bears its hash in the name, so that an older version keeps the model it was made with.

    Raises:
        ModelFileError: the model has no calibration.
    """
    calibration = model.calibration
    if calibration is None:
        raise ModelFileError(f"the demo's model {MODEL} has no calibration", "calibrate it with good parts")
    review = min(float(np.quantile(calibration.scores, REVIEW_QUANTILE)), calibration.threshold)
    return Recipe(
        name=NAME,
        camera=CameraSettings(kind="playback", source=FRAMES, rate=RATE),
        model=f"{Path(MODEL).stem}-{model.sha256[:8]}.safetensors",
        thresholds=Thresholds(fail=calibration.threshold, review=review, pixel=calibration.pixel_threshold),
    )


def demo_camera(recipe: Recipe, workspace: Workspace) -> Camera:
    """The demo's frames as fast as the line takes them, for a run that nobody watches."""
    return open_camera("playback", str(recipe.source_path(workspace)), rate=None, loop=recipe.camera.loop)


def _draw_frames(folder: Path, on_progress: OnProgress) -> None:
    """Draw the parts into `folder` in a mixed order; the folder appears only once it is complete."""
    if folder.is_dir() and any(folder.iterdir()):
        return
    kinds: list[str] = ["good"] * GOOD + [defect for defect in DEFECTS for _ in range(PER_DEFECT)]
    np.random.default_rng(SEED).shuffle(kinds)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(dir=folder.parent, prefix=".frames-"))

    def draw(number: int) -> None:
        kind = kinds[number]
        part = draw_part(part_seed(SEED, Split.STREAM, number), None if kind == "good" else kind)
        write_png(unfinished / f"{number + 1:04d}-{kind}.png", part.image)

    try:
        draw(0)  # alone: it makes what all parts share, which four threads would make four times
        on_progress(1, len(kinds))
        with ThreadPoolExecutor(max_workers=4) as pool:
            for done, _ in enumerate(pool.map(draw, range(1, len(kinds))), start=2):
                on_progress(done, len(kinds))
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise

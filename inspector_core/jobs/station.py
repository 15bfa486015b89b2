"""A line made of the rooms: the recipe's camera and model, and the workspace's records."""

from collections.abc import Callable
from pathlib import Path

from inspector_core.cameras.camera import Camera
from inspector_core.cameras.factory import open_camera
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import Engine
from inspector_core.engines.factory import LANES, open_engine
from inspector_core.errors import ModelFileError
from inspector_core.inspection.line import InspectionLine, OnCommit, Recorder
from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.verdict import Inspection, PartImages
from inspector_core.priority import give_way
from inspector_core.records import Records
from inspector_core.workspace import Workspace

OnPart = Callable[[Inspection, PartImages | None], None]


def camera_of(recipe: Recipe, workspace: Workspace) -> Camera:
    """The recipe's camera, not yet opened.

    Raises:
        CameraError: a setting of it is wrong.
    """
    settings = recipe.camera
    source = settings.source
    if settings.kind == "playback" and source:
        source = str(recipe.source_path(workspace))
    return open_camera(
        settings.kind, source, settings.producer, settings.rate, settings.loop, settings.features
    )


def line_of(
    recipe: Recipe,
    workspace: Workspace,
    records: Records,
    *,
    camera: Camera | None = None,
    device: str = "auto",
    shared: Callable[[], Engine] | None = None,
    operator: str = "",
    lot: str = "",
    max_parts: int | None = None,
    screen: bool = True,
    on_engine: Callable[[Engine], None] = lambda engine: None,
    on_recorder: Callable[["SessionRecorder"], None] = lambda recorder: None,
    on_part: OnPart = lambda inspection, images: None,
) -> InspectionLine:
    """A line that is ready to start; its session in the records begins and ends with it.

    Args:
        camera: instead of the recipe's.
        shared: gives an engine of the recipe's model that other lines call too, instead of one of its own.
        screen: somebody watches, and every part is to be reconstructed; else only those that are kept.
        on_engine, on_recorder: told of each once it is open, by the line's thread.
        on_part: told of each part before it goes to the records, in order, by one of the line's threads at a
            time; it must be quick.

    Raises:
        CameraError: a setting of the recipe's camera is wrong.
        ModelFileError: the recipe's model is gone.
    """
    model = model_of(recipe, workspace)
    opened: list[Engine] = []

    def engine() -> Engine:
        if screen:
            give_way()
        least = 0.0 if screen else picture_from(recipe)
        opened.append(open_engine(model, device, least, lanes=LANES) if shared is None else shared())
        on_engine(opened[0])
        return opened[0]

    def make_recorder(on_commit: OnCommit) -> Recorder:
        recorder = SessionRecorder(
            records, recipe, opened[0].model, on_commit, operator=operator, lot=lot, on_part=on_part
        )
        on_recorder(recorder)
        return recorder

    return InspectionLine(
        recipe,
        camera or camera_of(recipe, workspace),
        engine,
        make_recorder,
        workspace=workspace,
        operator=operator,
        lot=lot,
        max_parts=max_parts,
    )


def model_of(recipe: Recipe, workspace: Workspace) -> Path:
    """The recipe's model file.

    Raises:
        ModelFileError: it is gone.
    """
    path = recipe.model_path(workspace)
    if not path.is_file():
        problem = f"the model {path} of the recipe {recipe.name} is gone"
        raise ModelFileError(problem, "put it back or publish the recipe with another model")
    return path


def picture_from(recipe: Recipe) -> float:
    """The least score of parts whose pictures the recipe's archive keeps."""
    if recipe.archive.what != "rejects":
        return 0.0
    thresholds = recipe.thresholds
    return thresholds.fail if thresholds.review is None else min(thresholds.fail, thresholds.review)


class SessionRecorder:
    """Records one session: begins it when made and ends it when closed."""

    def __init__(
        self,
        records: Records,
        recipe: Recipe,
        model: ModelMetadata,
        on_commit: OnCommit,
        *,
        operator: str = "",
        lot: str = "",
        on_part: OnPart = lambda inspection, images: None,
    ) -> None:
        self._records = records
        self._on_part = on_part
        facts = model.model_dump_json(exclude={"calibration": {"scores"}})
        self._session = records.start_session(recipe, model.sha256, operator, lot, model_metadata=facts)
        self._writer = records.writer(self._session, on_commit, recipe.archive)

    @property
    def dropped_images(self) -> int:
        """Parts whose pictures should have been archived and were not; also after the end."""
        return self._writer.dropped_images

    @property
    def archive_error(self) -> str:
        """What keeps pictures from being written at the moment; empty while all is well."""
        return self._writer.archive_error

    def record(self, inspection: Inspection, images: PartImages | None) -> None:
        """Hand one part to the writer; see `RecordWriter.record`."""
        self._on_part(inspection, images)  # first: once it is committed, others look for what this keeps
        self._writer.record(inspection, images)

    def close(self) -> None:
        """Commit what is waiting, then end the session. Raises RecordsError where not all was committed."""
        self._writer.close()
        self._records.end_session(self._session)

"""The real station behind the bridge: this workspace's records, cameras and engines."""

from typing import TYPE_CHECKING, Any

from app.line_bridge import LineWatch
from inspector_core.errors import ModelFileError, RecipeError
from inspector_core.inspection.line import InspectionLine, OnCommit, Recorder
from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.verdict import Inspection, PartImages
from inspector_core.workspace import Workspace

if TYPE_CHECKING:
    from inspector_core.detectors.model_file import ModelMetadata
    from inspector_core.records import Records


class WorkspaceStation:
    """Opens records and lines in one workspace.

    The rooms that take seconds to load (the networks, the database) are imported when they are first used,
    which is in the bridge's thread, so that the window stands at once.
    """

    def __init__(self, workspace: Workspace, device: str = "auto") -> None:
        self._workspace = workspace
        self._device = device

    def open_records(self) -> "Records":
        """The workspace's database. Raises RecordsError."""
        from inspector_core.records import Records

        return Records.open(self._workspace)

    def open_line(self, recipe: Recipe, records: "Records", watch: LineWatch) -> InspectionLine:
        """A line that is ready to start. Raises CameraError or ModelFileError."""
        from inspector_core.engines.factory import open_engine
        from inspector_core.jobs.station import camera_of, model_of

        try:
            model = model_of(recipe, self._workspace)
        except RecipeError as error:
            raise ModelFileError(error.problem, error.remedy) from error
        opened: list[Any] = []

        def engine() -> Any:
            opened.append(open_engine(model, self._device))
            watch.engine_name = opened[0].name
            return opened[0]

        def make_recorder(on_commit: OnCommit) -> Recorder:
            return _watched_recorder(records, recipe, opened[0].model, on_commit, watch)

        camera = camera_of(recipe, self._workspace)
        return InspectionLine(recipe, camera, engine, make_recorder, workspace=self._workspace)


def _watched_recorder(
    records: "Records", recipe: Recipe, model: "ModelMetadata", on_commit: OnCommit, watch: LineWatch
) -> Recorder:
    from inspector_core.jobs.station import SessionRecorder

    class WatchedRecorder(SessionRecorder):
        """Shows the screen what passes through to the records."""

        def record(self, inspection: Inspection, images: PartImages | None) -> None:
            watch.saw(inspection, images)
            watch.dropped_images = self._writer.dropped_images
            watch.archive_error = self._writer.archive_error
            super().record(inspection, images)

    return WatchedRecorder(records, recipe, model, on_commit, "", "")

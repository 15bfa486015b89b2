"""The real station behind the bridge: this workspace's records, cameras and engines."""

from typing import TYPE_CHECKING

from app.line_watch import LineWatch
from inspector_core.inspection.line import InspectionLine
from inspector_core.inspection.recipe import Recipe
from inspector_core.loading import load
from inspector_core.workspace import Workspace

if TYPE_CHECKING:
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
        load("inspector_core.records")
        from inspector_core.records import Records

        return Records.open(self._workspace)

    def open_line(
        self, recipe: Recipe, records: "Records", watch: LineWatch, max_parts: int | None = None
    ) -> InspectionLine:
        """A line that is ready to start; it ends after `max_parts`, if given.

        Raises CameraError or ModelFileError.
        """
        load("inspector_core.jobs.station")
        from inspector_core.jobs.station import line_of

        return line_of(
            recipe,
            self._workspace,
            records,
            device=self._device,
            max_parts=max_parts,
            on_engine=watch.opened,
            on_recorder=watch.recorded_by,
            on_part=watch.saw,
        )

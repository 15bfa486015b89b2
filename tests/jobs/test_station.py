"""What a line made of the rooms tells those who watch it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from inspector_core.engines.factory import LANES
from inspector_core.errors import ModelFileError
from inspector_core.inspection.recipe import ArchivePolicy, CameraSettings, Recipe, Thresholds
from inspector_core.jobs import station
from inspector_core.jobs.station import SessionRecorder
from inspector_core.workspace import Workspace


class Writer:
    """Commits each part at once, as a fast disk may do before `record` returns."""

    dropped_images, archive_error, failure = 2, "the disk is slow", None

    def __init__(self, on_commit):
        self._on_commit = on_commit

    def record(self, inspection, images):
        self._on_commit([inspection])

    def close(self):
        pass


class Records:
    def start_session(self, *facts, **more):
        return 1

    def end_session(self, session):
        self.ended = session

    def writer(self, session, on_commit, policy):
        return Writer(on_commit)


def test_a_part_is_shown_before_its_commit_can_be_and_the_archive_stays_readable_after_the_end():
    told = []
    recipe = Recipe(name="Plate", camera=CameraSettings(), model="m", thresholds=Thresholds(fail=1.0))
    model = SimpleNamespace(sha256="ab", model_dump_json=lambda exclude: "{}")
    recorder = SessionRecorder(
        Records(), recipe, model, lambda committed: told.append("committed"),
        on_part=lambda inspection, images: told.append("seen"),
    )  # fmt: skip
    recorder.record("part", None)
    recorder.close()
    assert told == ["seen", "committed"]
    assert (recorder.dropped_images, recorder.archive_error) == (2, "the disk is slow")


@pytest.mark.parametrize(
    ("thresholds", "archive", "screen", "least"),
    [
        (Thresholds(fail=0.6), ArchivePolicy(), True, 0.0),  # somebody looks at every part
        (Thresholds(fail=0.6), ArchivePolicy(), False, 0.6),
        (Thresholds(fail=0.6, review=0.4), ArchivePolicy(), False, 0.4),
        (Thresholds(fail=0.6), ArchivePolicy(what="all"), False, 0.0),  # good parts are kept too
        (Thresholds(fail=0.6), ArchivePolicy(what="sample"), False, 0.0),
    ],
)
def test_every_picture_that_is_looked_at_or_kept_is_made(
    thresholds: Thresholds,
    archive: ArchivePolicy,
    screen: bool,
    least: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def open_engine(model: Path, device: str, picture_from: float, lanes: int) -> None:
        assert lanes == LANES
        asked.append(picture_from)
        raise ModelFileError("enough", "of this")

    monkeypatch.setattr(station, "open_engine", open_engine)
    workspace = Workspace.open(tmp_path)
    (workspace.models / "m").touch()
    recipe = Recipe(
        name="Plate",
        camera=CameraSettings(source=str(tmp_path)),
        model="m",
        thresholds=thresholds,
        archive=archive,
    )
    line = station.line_of(recipe, workspace, Records(), screen=screen)
    line.start()
    assert line.wait(30)
    assert asked == [least]

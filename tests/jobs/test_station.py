"""What a line made of the rooms tells those who watch it."""

from types import SimpleNamespace

from inspector_core.inspection.recipe import CameraSettings, Recipe, Thresholds
from inspector_core.jobs.station import SessionRecorder


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

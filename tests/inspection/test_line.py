import errno
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_core.cameras.camera import CameraCounters, EndOfStream
from inspector_core.cameras.frame import Frame
from inspector_core.detectors.detection import Detection
from inspector_core.detectors.tiling import Tiling
from inspector_core.errors import CameraError, ModelFileError, RecordsError
from inspector_core.images import write_png
from inspector_core.inspection.line import InspectionLine, LineState
from inspector_core.inspection.recipe import CameraSettings, Recipe, Region, Thresholds
from inspector_core.inspection.verdict import Verdict
from inspector_core.workspace import Workspace

GOOD, BAD, UNSURE, NAN, RAISES, WRONG_SIZE, SLOW = range(7)
SCORES = {GOOD: 0.1, BAD: 0.9, UNSURE: 0.5, NAN: float("nan"), RAISES: 0.1, WRONG_SIZE: 0.1, SLOW: 0.1}
RECIPE = Recipe(
    name="Flange", camera=CameraSettings(), model="m", thresholds=Thresholds(fail=0.8, review=0.4)
)
TRIGGERED = RECIPE.model_copy(update={"mode": "triggered"})


class ScriptedCamera:
    """Plays steps: a part's kind, (kind, lost before it), an exception or "silence"; then ends."""

    id = "scripted"

    def __init__(self, steps, *, interval=0.0, on_demand=False, endless=False, open_error=None):
        self.steps, self.interval, self.on_demand, self.endless = list(steps), interval, on_demand, endless
        self.open_error = open_error
        self.counters = CameraCounters()
        self.delivered, self.log, self.threads = 0, [], set()

    def open(self):
        self.log.append("open")
        if self.open_error:
            raise self.open_error

    def start(self):
        self.log.append("start")

    def stop(self):
        self.log.append("stop")

    def close(self):
        self.log.append("close")

    def fetch(self, timeout_s):
        self.threads.add(threading.current_thread().name)
        time.sleep(self.interval)
        if not self.steps:
            if not self.endless:
                raise EndOfStream
            time.sleep(min(timeout_s, 0.01))
            return None
        step = self.steps.pop(0)
        if step == "silence":
            return None
        if isinstance(step, Exception):
            raise step
        kind, lost = step if isinstance(step, tuple) else (step, 0)
        self.counters.lost += lost
        self.delivered += 1
        image = np.full((6, 8, 3), kind, np.uint8)
        return Frame(image, self.id, self.delivered, datetime.now(UTC), lost)


class FakeEngine:
    """Scores a part by the value of its pixels, which is its kind."""

    name = "fake"
    model = SimpleNamespace(sha256="ab" * 32, knows_tiles=False)

    def __init__(self, delay=0.0, lanes=1):
        self.delay, self.lanes, self.threads, self.ignored = delay, lanes, set(), []

    def warm_up(self):
        self.threads.add(threading.current_thread().name)

    def infer(self, images, ignore=None):
        self.threads.add(threading.current_thread().name)
        self.ignored += ignore
        kind = int(images[0][0, 0, 0])
        time.sleep(self.delay + (0.004 if kind == SLOW else 0))
        if kind == RAISES:
            raise RuntimeError("CUDA error: out of memory")
        shape = (3, 3) if kind == WRONG_SIZE else images[0].shape[:2]
        return [Detection(SCORES[kind], np.zeros(shape, np.float32), images[0])]


class FakeRecorder:
    """Commits in groups of `group`, refuses from part `refuse_at` on, and looks at the counts after each."""

    def __init__(self, group=1, refuse_at=None, error=None, delay=0.0):
        self.group, self.refuse_at, self.delay = group, refuse_at, delay
        self.error = error or RecordsError("the database is locked", "close the other program")
        self.rows, self.images, self.pending, self.closed, self.line = [], [], [], False, None
        self.snapshots = []

    def __call__(self, on_commit):
        self.on_commit = on_commit
        return self

    def record(self, inspection, images):
        assert not self.closed
        time.sleep(self.delay)
        if self.refuse_at is not None and inspection.part >= self.refuse_at:
            raise self.error
        self.pending.append(inspection)
        self.images.append(images)
        if len(self.pending) >= self.group:
            self._commit()

    def close(self):
        self._commit()
        self.closed = True

    def _commit(self):
        group = [replace(row, id=len(self.rows) + i + 1) for i, row in enumerate(self.pending)]
        self.rows += group
        self.pending = []
        self.on_commit(group)
        if self.line is not None:
            self.snapshots.append((self.line.counts, len(self.rows)))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.open(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def make_line(workspace):
    lines = []

    def make(camera, engine=None, recorder=None, recipe=RECIPE, **settings):
        recorder = recorder or FakeRecorder()
        settings = {"back_off_s": 0.001} | settings
        line = InspectionLine(
            recipe, camera, engine or FakeEngine(), recorder, workspace=workspace, **settings
        )
        recorder.line = line
        lines.append(line)
        return line, recorder

    yield make
    for line in lines:
        assert line.stop(10), "the line's threads did not end"


def run(line, timeout=10):
    line.start()
    assert line.wait(timeout)
    assert line.finished
    assert line.counts.identity_holds


def until(condition, timeout=5):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def verdicts(recorder):
    return [row.verdict.value for row in recorder.rows]


def test_a_stream_is_inspected_to_its_end_and_every_fact_is_recorded(make_line):
    line, recorder = make_line(
        ScriptedCamera([GOOD, BAD, UNSURE], on_demand=True), lot="L7", operator="eva", recipe=TRIGGERED
    )
    run(line)
    assert verdicts(recorder) == ["pass", "fail", "review"]
    first = recorder.rows[0]
    assert (first.part, first.score, first.lot, first.operator) == (1, 0.1, "L7", "eva")
    assert (first.fail_threshold, first.review_threshold, first.pixel_threshold) == (0.8, 0.4, 0.5)
    assert (first.recipe, first.recipe_version, first.camera_id) == ("Flange", 1, "scripted")
    assert first.model_sha256 == "ab" * 32
    assert first.latency_ms > 0
    assert line.state is LineState.STOPPED
    assert line.reason == "the camera has no further frames"
    counts = line.counts
    assert (counts.passed, counts.failed, counts.review, counts.error, counts.lost) == (1, 1, 1, 0, 0)
    assert counts.yield_fraction == pytest.approx(1 / 3)
    assert line.latest().inspection.part == 3
    assert set(line.profile) == {"grab", "prepare", "detect", "judge", "record"}
    assert line.latency.overall().p50_ms == pytest.approx(line.latency.recent().p50_ms, rel=0.05)
    assert [row.id for row in line.recent()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (NAN, "no finite score"),
        (RAISES, "RuntimeError: CUDA error: out of memory"),
        (WRONG_SIZE, "anomaly map of (3, 3)"),
        (CameraError("the camera is gone", "check the cable"), "the camera is gone: check the cable."),
        (ValueError("driver bug"), "ValueError: driver bug"),
    ],
)
@pytest.mark.parametrize("recipe", [RECIPE, TRIGGERED])
def test_each_kind_of_fault_is_an_error_for_that_part_and_the_line_goes_on(make_line, recipe, kind, says):
    line, recorder = make_line(ScriptedCamera([GOOD, kind, GOOD], on_demand=True), recipe=recipe)
    run(line)
    assert verdicts(recorder) == ["pass", "error", "pass"]
    broken = recorder.rows[1]
    assert says in broken.reason
    assert broken.score is None
    assert broken.model_sha256 == ""
    assert (line.state, line.error) == (LineState.STOPPED, None)


def test_a_region_outside_the_frame_is_an_error_in_words(make_line):
    recipe = RECIPE.model_copy(update={"region": Region(x=0, y=0, width=99, height=2)})
    line, recorder = make_line(ScriptedCamera([GOOD], on_demand=True), recipe=recipe)
    run(line)
    assert "the region of Flange ends at 99, 2" in recorder.rows[0].reason


def test_the_ignore_mask_reaches_the_engine_and_one_of_another_size_is_an_error(make_line, workspace):
    mask = np.zeros((6, 8), np.uint8)
    mask[:2] = 255
    write_png(workspace.root / "mask.png", mask)
    recipe = RECIPE.model_copy(update={"ignore_mask": "mask.png"})
    engine = FakeEngine()
    line, _ = make_line(ScriptedCamera([GOOD], on_demand=True), engine, recipe=recipe)
    run(line)
    assert np.array_equal(engine.ignored[0], mask > 0)

    smaller = recipe.model_copy(update={"region": Region(x=0, y=0, width=4, height=4)})
    line, recorder = make_line(ScriptedCamera([GOOD], on_demand=True), recipe=smaller)
    run(line)
    assert "the ignore mask of Flange has 8 x 6 pixels, the region 4 x 4" in recorder.rows[0].reason


def test_a_missing_ignore_mask_ends_the_line_before_a_part_is_taken(make_line):
    camera = ScriptedCamera([GOOD])
    line, recorder = make_line(camera, recipe=RECIPE.model_copy(update={"ignore_mask": "gone.png"}))
    run(line)
    assert line.state is LineState.FAULT
    assert "gone.png" in line.reason
    assert (camera.delivered, recorder.rows) == (0, [])


def test_in_triggered_mode_nothing_is_dropped_and_overrun_is_an_error(make_line):
    line, recorder = make_line(
        ScriptedCamera([GOOD] * 40, interval=0.0005), FakeEngine(0.01), recipe=TRIGGERED, queue_size=3
    )
    run(line)
    counts = line.counts
    assert (counts.triggers, counts.lost) == (40, 0)
    assert [row.frame_id for row in recorder.rows] == list(range(1, 41))
    overruns = [row for row in recorder.rows if row.reason.startswith("overrun")]
    assert overruns
    assert {row.verdict for row in overruns} == {Verdict.ERROR}
    assert counts.passed + len(overruns) == 40


def test_in_free_run_the_newest_frame_wins_and_the_rest_is_counted_as_lost(make_line):
    steps = [(GOOD, 2 if i % 5 == 0 else 0) for i in range(40)]
    line, recorder = make_line(ScriptedCamera(steps, interval=0.0005), FakeEngine(0.01))
    run(line)
    counts = line.counts
    assert counts.triggers == 40 + 8 * 2 == line.seen
    assert counts.lost == sum(row.lost_before for row in recorder.rows) > 20
    assert recorder.rows[-1].frame_id == 40


@pytest.mark.parametrize("recipe", [RECIPE, TRIGGERED])
def test_a_camera_that_delivers_on_demand_is_never_raced(make_line, recipe):
    camera = ScriptedCamera([GOOD] * 60, on_demand=True)
    line, _ = make_line(camera, FakeEngine(0.001), recipe=recipe, queue_size=2)
    run(line)
    assert (line.counts.passed, line.counts.triggers) == (60, 60)


def test_what_was_lost_after_the_last_frame_is_accounted_for_at_the_end(make_line):
    camera = ScriptedCamera([GOOD, (GOOD, 1)], on_demand=True)
    camera.counters.lost = 10  # of an earlier run
    camera.close = lambda: None
    fetch = camera.fetch

    def fetch_and_lose(timeout_s):
        try:
            return fetch(timeout_s)
        except EndOfStream:
            camera.counters.lost += 3
            raise

    camera.fetch = fetch_and_lose
    line, recorder = make_line(camera)
    run(line)
    assert verdicts(recorder) == ["pass", "pass", "error"]
    assert recorder.rows[2].reason == "the camera lost the last 3 frames"
    assert line.counts.triggers == line.seen == 2 + 1 + 3


@pytest.mark.parametrize("recipe", [RECIPE, TRIGGERED])
@pytest.mark.parametrize("on_demand", [True, False])
def test_a_number_of_parts_is_kept_exactly(make_line, recipe, on_demand):
    camera = ScriptedCamera([GOOD, BAD, CameraError("a", "b")] * 30, interval=0.0003, on_demand=on_demand)
    line, recorder = make_line(camera, FakeEngine(0.001), recipe=recipe, max_parts=20)
    run(line)
    assert [row.part for row in recorder.rows] == list(range(1, 21))
    assert line.counts.inspected == 20
    assert line.counts.triggers == line.seen
    assert line.state is LineState.STOPPED


def test_lanes_overtake_each_other_and_parts_are_recorded_as_they_came(make_line):
    class Uneven(FakeEngine):
        """Two parts at a time, a bad one of which takes as long as four good ones."""

        together, most = [], 0

        def infer(self, images, ignore=None, tiles=None):
            self.together.append(1)
            self.most = max(self.most, len(self.together))
            time.sleep(0.04 if images[0][0, 0, 0] == BAD else 0.01)
            found = super().infer(images, ignore)
            self.together.pop()
            return found

    kinds = [BAD, GOOD, GOOD, GOOD, GOOD, BAD, GOOD, GOOD, GOOD, GOOD] * 2
    engine = Uneven(lanes=2)
    line, recorder = make_line(ScriptedCamera(kinds, on_demand=True), engine, recipe=TRIGGERED)
    run(line)
    assert [row.frame_id for row in recorder.rows] == list(range(1, 21))
    assert [row.part for row in recorder.rows] == list(range(1, 21))
    assert verdicts(recorder) == ["fail" if kind == BAD else "pass" for kind in kinds]
    assert line.latest().inspection.part == 20
    assert engine.most == 2
    assert engine.threads == {"norma-detect", "norma-detect-2"}
    assert recorder.rows[1].latency_ms > 20, "a part waits for its turn, and says so"


def test_tiles_of_a_recipe_fill_the_lanes_of_one_inspector(make_line):
    recipe = TRIGGERED.model_copy(update={"tiling": Tiling(rows=2, columns=2)})

    class Tiles(FakeEngine):
        def infer(self, images, ignore=None, tiles=None):
            return [super(Tiles, self).infer([image], [None])[0] for image in images]

    engine = Tiles(lanes=2)
    line, recorder = make_line(ScriptedCamera([GOOD] * 6, on_demand=True), engine, recipe=recipe)
    run(line)
    assert verdicts(recorder) == ["pass"] * 6
    assert engine.threads == {"norma-detect"}


@pytest.mark.parametrize("lanes", [2, 3])
def test_a_recorder_that_refuses_ends_all_lanes_and_no_later_part_is_recorded(make_line, lanes):
    recorder = FakeRecorder(refuse_at=5)
    engine = FakeEngine(0.002, lanes)
    line, _ = make_line(ScriptedCamera([GOOD] * 500, on_demand=True), engine, recorder, TRIGGERED)
    run(line)
    assert [row.part for row in recorder.rows] == [1, 2, 3, 4]
    assert line.error is recorder.error
    assert (line.latest().inspection.part, line.latest().inspection.verdict) == (5, Verdict.ERROR)
    assert len(engine.ignored) < 30, "nothing is inspected for nobody"


@pytest.mark.parametrize("recipe", [RECIPE, TRIGGERED])
def test_a_stop_while_busy_finishes_what_is_in_flight(make_line, recipe):
    camera = ScriptedCamera([GOOD] * 10_000, interval=0.001)
    line, recorder = make_line(camera, FakeEngine(0.004), FakeRecorder(group=7), recipe)
    line.start()
    until(lambda: line.counts.triggers >= 7)
    assert line.stop(10)
    assert line.counts.triggers == line.seen == camera.delivered
    assert recorder.closed
    assert camera.log == ["open", "start", "stop", "close"]


def test_counts_move_with_the_commit_and_the_screen_sees_the_part_before(make_line):
    recorder = FakeRecorder(group=100)
    line, _ = make_line(ScriptedCamera([GOOD, BAD], endless=True), recorder=recorder)
    line.start()
    until(lambda: line.latest() is not None and line.latest().inspection.frame_id == 2)
    assert line.counts.triggers == 0
    assert line.seen == 2
    line.stop(10)
    assert line.counts.triggers == 2


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RecordsError("the database is locked", "close the other program"), LineState.FAULT),
        (OSError(errno.ENOSPC, "No space left on device"), LineState.DISK_FULL),
        (RuntimeError("database or disk is full"), LineState.DISK_FULL),
        (ZeroDivisionError("a bug"), LineState.FAULT),
    ],
)
def test_a_recorder_that_refuses_ends_the_line_and_no_part_is_shown_as_good(make_line, error, state):
    recorder = FakeRecorder(refuse_at=3, error=error)
    line, _ = make_line(ScriptedCamera([GOOD] * 50, on_demand=True), recorder=recorder)
    run(line)
    assert line.state is state
    assert str(error) in line.reason
    assert line.error is error
    assert (line.counts.passed, line.counts.triggers) == (2, 2)
    shown = line.latest().inspection
    assert (shown.part, shown.verdict) == (3, Verdict.ERROR)
    assert shown.reason.startswith("not recorded")


def test_a_cause_deep_inside_the_recorders_error_still_says_disk_full(make_line):
    error = RecordsError("the archive can't be written", "free some space")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    line, _ = make_line(ScriptedCamera([GOOD]), recorder=FakeRecorder(refuse_at=1, error=error))
    run(line)
    assert line.state is LineState.DISK_FULL


def test_a_recorder_that_fails_at_its_last_commit_is_told(make_line):
    class FailsAtTheEnd(FakeRecorder):
        def close(self):
            raise self.error

    line, _ = make_line(ScriptedCamera([GOOD] * 3, on_demand=True), recorder=FailsAtTheEnd(group=9))
    run(line)
    assert line.state is LineState.FAULT
    assert line.counts.triggers == 0


def test_a_camera_that_does_not_open_ends_the_line_before_anything_is_recorded(make_line):
    error = CameraError("the camera blue is in use", "close the other program")
    camera = ScriptedCamera([GOOD], open_error=error)
    made = []
    line, _ = make_line(camera)
    line._make_recorder = made.append
    run(line)
    assert (line.state, line.error) == (LineState.NO_CAMERA, error)
    assert line.reason == str(error)
    assert made == []
    assert camera.log == ["open", "stop", "close"]


def test_a_model_that_does_not_open_is_no_model(make_line):
    def gone():
        raise ModelFileError("m.safetensors is missing", "choose another model")

    line, recorder = make_line(ScriptedCamera([GOOD]), gone)
    run(line)
    assert line.state is LineState.NO_MODEL
    assert recorder.rows == []


def test_the_engine_lives_in_one_thread_and_the_camera_in_another(make_line):
    engine, camera, opened_in = FakeEngine(), ScriptedCamera([GOOD] * 5), []

    def open_it():
        opened_in.append(threading.current_thread().name)
        return engine

    line, _ = make_line(camera, open_it)
    run(line)
    assert engine.threads == {"norma-detect"} == set(opened_in)
    assert camera.threads == {"norma-grab"}


@pytest.mark.parametrize(
    ("recipe", "state", "says"),
    [(RECIPE, LineState.NO_CAMERA, "no frame for 0.05 s"), (TRIGGERED, LineState.WAITING, "trigger")],
)
def test_silence_is_no_camera_in_free_run_and_waiting_when_triggered(make_line, recipe, state, says):
    camera = ScriptedCamera([GOOD], endless=True)
    line, _ = make_line(camera, recipe=recipe.model_copy(update={"frame_timeout_s": 0.05}))
    line.start()
    until(lambda: line.state is state and says in line.reason)
    camera.steps.append(GOOD)
    until(lambda: line.counts.triggers == 2)
    until(lambda: line.state in (LineState.RUNNING, state))


def test_a_camera_that_failed_is_away_until_its_next_frame_and_not_waiting(make_line):
    gone = CameraError("the camera is gone", "check the cable")
    recipe = TRIGGERED.model_copy(update={"frame_timeout_s": 0.02})
    line, _ = make_line(ScriptedCamera([GOOD, gone], endless=True), recipe=recipe)
    line.start()
    until(lambda: line.counts.error == 1)
    time.sleep(0.1)
    assert (line.state, line.reason) == (LineState.NO_CAMERA, str(gone))


def test_a_camera_that_comes_back_sets_the_line_running_again(make_line):
    gone = CameraError("the camera is gone", "check the cable")
    camera = ScriptedCamera([GOOD, gone, gone, gone], endless=True)
    line, _ = make_line(camera)
    line.start()
    until(lambda: line.counts.error == 3)
    assert (line.state, line.reason) == (LineState.NO_CAMERA, str(gone))
    assert line.rejects_in_a_row == 3
    camera.steps.append(GOOD)
    until(lambda: line.counts.passed == 2)
    until(lambda: line.state is LineState.RUNNING)
    assert line.rejects_in_a_row == 0


def test_rejects_in_a_row_are_fail_and_error_and_can_be_acknowledged(make_line):
    line, _ = make_line(ScriptedCamera([GOOD, BAD, UNSURE, NAN, BAD], on_demand=True))
    run(line)
    assert line.rejects_in_a_row == 3
    line.acknowledge()
    assert line.rejects_in_a_row == 0


def test_a_line_that_was_never_started_stops_at_once(make_line):
    line, _ = make_line(ScriptedCamera([GOOD]))
    assert line.stop(1)
    assert line.state is LineState.STOPPED


def test_importing_the_line_loads_neither_torch_nor_qt_nor_sql():
    code = (
        "import sys, inspector_core.inspection.line, inspector_core.inspection.recipe_store;"
        "print([name for name in ('torch', 'PySide6', 'sqlalchemy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


part_kinds = st.sampled_from([GOOD, BAD, UNSURE, NAN, RAISES, WRONG_SIZE, SLOW])
steps = st.one_of(
    part_kinds,
    part_kinds,
    st.tuples(part_kinds, st.integers(1, 3)),
    st.just("silence"),
    st.builds(CameraError, st.just("the camera is gone"), st.just("check the cable")),
    st.builds(RuntimeError, st.just("driver")),
)


@settings(max_examples=60, deadline=None)
@given(
    script=st.lists(steps, max_size=40),
    recipe=st.sampled_from([RECIPE, TRIGGERED]),
    camera_ms=st.sampled_from([0, 0.3, 1]),
    engine_ms=st.sampled_from([0, 0.3, 2]),
    recorder_ms=st.sampled_from([0, 1]),
    on_demand=st.booleans(),
    group=st.integers(1, 5),
    refuse_at=st.none() | st.integers(1, 30),
    max_parts=st.none() | st.integers(1, 20),
    stop_after_ms=st.none() | st.integers(0, 30),
    lanes=st.integers(1, 3),
)
def test_the_identity_holds_at_every_moment_under_random_faults(
    workspace, script, recipe, camera_ms, engine_ms, recorder_ms, on_demand, group, refuse_at, max_parts,
    stop_after_ms, lanes,
):  # fmt: skip
    camera = ScriptedCamera(script, interval=camera_ms / 1000, on_demand=on_demand)
    recorder = FakeRecorder(group, refuse_at, delay=recorder_ms / 1000)
    line = InspectionLine(
        recipe, camera, FakeEngine(engine_ms / 1000, lanes), recorder,
        workspace=workspace, max_parts=max_parts, queue_size=2, back_off_s=0,
    )  # fmt: skip
    recorder.line = line
    line.start()
    if stop_after_ms is not None:
        time.sleep(stop_after_ms / 1000)
        line.stop(0)
    looked = []
    while not line.wait(0.001):
        looked.append(line.counts)
    rows, counts = recorder.rows, line.counts

    for snapshot in (*looked, *(taken for taken, _ in recorder.snapshots), counts):
        assert snapshot.identity_holds
    for snapshot, committed in recorder.snapshots:
        assert snapshot.inspected == committed
    assert counts.triggers == sum(1 + row.lost_before for row in rows) <= line.seen
    assert [row.part for row in rows] == list(range(1, len(rows) + 1))
    assert all((row.score is None) == (row.verdict is Verdict.ERROR) for row in rows)
    assert recorder.closed or not rows
    if refuse_at is None:
        assert line.error is None
        assert counts.triggers == line.seen
        if max_parts is None:
            taken = [step for step in script[: len(script) - len(camera.steps)] if step != "silence"]
            assert line.seen == sum(1 + (step[1] if isinstance(step, tuple) else 0) for step in taken)
        else:
            assert len(rows) <= max_parts
        if recipe is TRIGGERED or on_demand:
            assert counts.lost <= sum(step[1] for step in script if isinstance(step, tuple))
    elif line.error is not None:
        assert line.state is LineState.FAULT
        assert line.reason == str(recorder.error)
        assert line.latest().inspection.verdict is Verdict.ERROR

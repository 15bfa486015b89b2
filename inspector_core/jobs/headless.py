"""Running a line to its end without a screen."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from inspector_core.cameras.camera import Camera
from inspector_core.inspection.latency import Percentiles
from inspector_core.inspection.line import Counts, InspectionLine, LineState
from inspector_core.inspection.recipe import Recipe
from inspector_core.jobs.station import SessionRecorder, line_of
from inspector_core.records import Records
from inspector_core.workspace import Workspace

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class LineResult:
    """What a line did; the counts are of committed rows.

    Attributes:
        latency: milliseconds from a frame's arrival to its verdict.
        seconds: from the start of the line to its end.
        profile: mean milliseconds of each stage over the last parts, as `InspectionLine.profile`.
        without_pictures: parts that should have been archived and were not; no room, or the disk refused.
        interrupted: a person ended it.
        error: what ended it against its will.
    """

    counts: Counts
    latency: Percentiles
    seconds: float
    profile: dict[str, float]
    without_pictures: int = 0
    interrupted: bool = False
    error: BaseException | None = None

    def as_dict(self) -> dict[str, float | int]:
        """The figures by their names in the command line's JSON."""
        counts, latency = self.counts, self.latency
        return {
            "triggers": counts.triggers,
            "pass": counts.passed,
            "fail": counts.failed,
            "review": counts.review,
            "error": counts.error,
            "lost": counts.lost,
            "without_pictures": self.without_pictures,
            "p50_ms": round(latency.p50_ms, 3),
            "p95_ms": round(latency.p95_ms, 3),
            "p99_ms": round(latency.p99_ms, 3),
            "seconds": round(self.seconds, 3),
        }


def run_headless(
    recipe: Recipe,
    workspace: Workspace,
    *,
    parts: int | None = None,
    device: str = "auto",
    camera: Camera | None = None,
    on_progress: Callable[[Counts], None] = lambda counts: None,
    on_problem: Callable[[str], None] = lambda sentence: None,
) -> LineResult:
    """Run the recipe until `parts` are recorded, the source ends, the line stops by a fault or Ctrl-C.

    Args:
        camera: instead of the recipe's.
        on_problem: told each new trouble that the line works through, such as a camera that is away.

    Raises:
        NormaError: the line could not be made: no such model, a database that can't be opened.
    """
    records = Records.open(workspace)
    recorders: list[SessionRecorder] = []
    try:
        line = line_of(
            recipe,
            workspace,
            records,
            camera=camera,
            device=device,
            max_parts=parts,
            screen=False,
            on_recorder=recorders.append,
        )
        started = time.monotonic()
        line.start()
        interrupted = _watch(line, on_progress, on_problem)
        seconds = time.monotonic() - started
    finally:
        records.close()
    dropped = sum(recorder.dropped_images for recorder in recorders)
    if dropped:
        why = recorders[0].archive_error or "the disk is too slow"
        on_problem(f"{dropped} parts have no pictures: {why}")
    latency = line.latency.overall()
    return LineResult(line.counts, latency, seconds, line.profile, dropped, interrupted, line.error)


def _watch(
    line: InspectionLine, on_progress: Callable[[Counts], None], on_problem: Callable[[str], None]
) -> bool:
    """Wait for the end of the line; True where Ctrl-C ended it."""
    said = ""
    try:
        while not line.wait(POLL_S):
            on_progress(line.counts)
            problem = line.reason if line.state is LineState.NO_CAMERA else ""
            if problem != said:
                said = problem
                on_problem(problem or "the camera delivers again")
        on_progress(line.counts)
    except KeyboardInterrupt:
        line.stop()
        return True
    return False

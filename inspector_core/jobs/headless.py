"""Running lines to their end without a screen."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from inspector_core.cameras.camera import Camera
from inspector_core.engines.devices import choose_device
from inspector_core.engines.factory import open_engine
from inspector_core.engines.shared import SharedEngine
from inspector_core.errors import in_words
from inspector_core.inspection.latency import Percentiles
from inspector_core.inspection.line import Counts, InspectionLine, LineState
from inspector_core.inspection.recipe import Recipe
from inspector_core.jobs.station import SessionRecorder, line_of, model_of, picture_from
from inspector_core.records import Records
from inspector_core.workspace import Workspace

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class LineResult:
    """What a line did; the counts are of committed rows.

    Attributes:
        latency: milliseconds from a frame's arrival until its verdict is its turn.
        seconds: from the start of the lines to this one's end.
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


def run_lines(
    recipes: Sequence[Recipe],
    workspace: Workspace,
    *,
    parts: int | None = None,
    device: str = "auto",
    camera: Camera | None = None,
    on_progress: Callable[[Counts], None] = lambda counts: None,
    on_problem: Callable[[str], None] = lambda sentence: None,
) -> list[LineResult]:
    """Run a line for each recipe, side by side, until each has recorded `parts`, its source ends, it stops by
    a fault, or Ctrl-C stops all. On a GPU, recipes with the same model share one engine, which looks at their
    parts in one run; on a CPU, a line waits less for an engine of its own.

    Args:
        camera: instead of the first recipe's.
        on_progress: told of all lines' counts together.
        on_problem: told each new trouble that a line works through, such as a camera that is away.

    Returns:
        One result for each recipe.

    Raises:
        NormaError: a line could not be made: no such model or device, a database that can't be opened.
    """
    sharing = len(recipes) > 1 and choose_device(device).type == "cuda"
    shared = _shared_engines(recipes, workspace, device) if sharing else {}
    records = Records.open(workspace)
    recorders: list[list[SessionRecorder]] = [[] for _ in recipes]
    try:
        lines = [
            line_of(
                recipe,
                workspace,
                records,
                camera=camera if k == 0 else None,
                device=device,
                shared=shared[model_of(recipe, workspace)].for_line if sharing else None,
                max_parts=parts,
                screen=False,
                on_recorder=recorders[k].append,
            )
            for k, recipe in enumerate(recipes)
        ]
        names = [f"{recipe.name}: " if len(recipes) > 1 else "" for recipe in recipes]
        started = time.monotonic()
        for line in lines:
            line.start()
        seconds = [0.0] * len(lines)
        interrupted = _watch(lines, names, seconds, started, on_progress, on_problem)
    finally:
        for engine in shared.values():
            engine.close()
        records.close()
    results = []
    for line, name, took, made in zip(lines, names, seconds, recorders, strict=True):
        dropped = sum(recorder.dropped_images for recorder in made)
        if dropped:
            why = made[0].archive_error or "the disk is too slow"
            on_problem(f"{name}{dropped} parts have no pictures: {why}")
        latency = line.latency.overall()
        results.append(LineResult(line.counts, latency, took, line.profile, dropped, interrupted, line.error))
    return results


def _shared_engines(recipes: Sequence[Recipe], workspace: Workspace, device: str) -> dict[Path, SharedEngine]:
    """One engine for each model, by the model's path; it reconstructs what any of its lines keeps."""
    users: dict[Path, list[Recipe]] = {}
    for recipe in recipes:
        users.setdefault(model_of(recipe, workspace), []).append(recipe)
    return {
        model: SharedEngine(partial(open_engine, model, device, min(map(picture_from, by)), len(by)))
        for model, by in users.items()
    }


def _watch(
    lines: Sequence[InspectionLine],
    names: Sequence[str],
    seconds: list[float],
    started: float,
    on_progress: Callable[[Counts], None],
    on_problem: Callable[[str], None],
) -> bool:
    """Wait for the end of all lines and note when each came; True where Ctrl-C ended them."""
    said = [""] * len(lines)
    running = list(range(len(lines)))
    interrupted = False
    try:
        while running:
            for k in list(running):
                line = lines[k]
                if line.wait(POLL_S / len(running)):
                    seconds[k] = time.monotonic() - started
                    running.remove(k)
                    if line.error is not None and len(lines) > 1:  # a single one's is what the caller gets
                        on_problem(f"{names[k]}the line has stopped: {in_words(line.error)}")
                elif line.state is LineState.NO_CAMERA and line.reason != said[k]:
                    said[k] = line.reason
                    on_problem(f"{names[k]}{line.reason}")
                elif line.state is LineState.RUNNING and said[k]:
                    said[k] = ""
                    on_problem(f"{names[k]}the camera delivers again")
            on_progress(sum((line.counts for line in lines), Counts()))
    except KeyboardInterrupt:
        interrupted = True
        for k in running:
            lines[k].stop(0)
        for k in running:
            lines[k].wait()
            seconds[k] = time.monotonic() - started
    return interrupted

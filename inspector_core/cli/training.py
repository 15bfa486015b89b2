"""`norma train`."""

import os
import shlex
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from inspector_core.cli.output import Device, Interrupted, Json, Progress, show
from inspector_core.detectors.names import DETECTORS
from inspector_core.errors import DataError

if TYPE_CHECKING:
    from inspector_core.detectors.model_file import ModelMetadata
    from inspector_core.detectors.tiling import Tiling
    from inspector_core.training.request import Progress as TrainingProgress
    from inspector_core.training.request import TrainingRequest


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(train)


def train(
    context: typer.Context,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Images of good parts, or an MVTec-layout category.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="MODEL", help="The model file to write.")],
    detector: Annotated[
        str, typer.Option("--detector", metavar="NAME", help="diffusion-ad or hdm.")
    ] = "diffusion-ad",
    preset: Annotated[
        str | None,
        typer.Option("--preset", metavar="NAME", help="edge or paper; by default edge without a GPU."),
    ] = None,
    size: Annotated[int, typer.Option("--size", metavar="PIXELS", help="Input size, 128 to 512.")] = 256,
    add: Annotated[
        Path | None,
        typer.Option("--add", metavar="DIR", help="Further good parts, such as confirmed false rejects."),
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option("--tiles", metavar="RxC", help="Cut large images into rows x columns, as 4x4."),
    ] = None,
    registration: Annotated[
        str,
        typer.Option(
            "--registration",
            metavar="auto|on|off",
            help="Bring parts into one pose; auto: where they lie turned or shifted.",
        ),
    ] = "auto",
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, metavar="N", help="Length of the run.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.01, metavar="M", help="Length of the run, in time.")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="Start from this model, or from the one shipped: base."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Decides every draw.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a detector on photographs of good parts; Ctrl-C keeps a checkpoint to go on from."""
    if detector not in DETECTORS:
        raise DataError(f"there is no detector {detector!r}", f"choose {' or '.join(DETECTORS)}")
    if steps is not None and minutes is not None:
        raise typer.BadParameter("--steps and --minutes exclude each other", context)
    from inspector_core.training.group import end_process
    from inspector_core.training.request import TrainingRequest, TrainingShared

    request = TrainingRequest(
        data=data,
        out=out,
        added=add,
        detector=detector,
        preset=preset,
        size=size,
        tiling=_tiling(tiles),
        registration=_registration(registration),
        steps=steps,
        minutes=minutes,
        start_from=_starting_point(start_from),
        seed=seed,
        device=device,
        command=_typed(context),
    )
    try:
        metadata = _train(request, as_json)
        show(_result(out, metadata), as_json, title="trained")
    except TrainingShared:
        pass  # process 0 tells the result
    end_process()


def _result(out: Path, metadata: "ModelMetadata") -> dict[str, Any]:
    facts, calibration = metadata.training, metadata.calibration
    assert calibration is not None, "training ends with it"
    return {
        "model": str(out),
        "sha256": metadata.sha256,
        "preset": metadata.preset,
        "size": metadata.size,
        "normals": facts.normals,
        "registered": metadata.registered,
        "steps": facts.steps,
        "seconds": facts.seconds,
        "threshold": calibration.threshold,
        **facts.losses,
        **facts.validation,
        "calibrated_on": calibration.n,
        "false_reject_rate_asked": calibration.requested_rate,
        "false_reject_rate_at_most": calibration.upper_bound,
    }


def _tiling(given: str | None) -> "Tiling | None":
    from pydantic import ValidationError

    from inspector_core.detectors.tiling import Tiling

    if given is None:
        return None
    try:
        rows, columns = (int(side) for side in given.lower().split("x"))
        return Tiling(rows=rows, columns=columns)
    except (ValueError, ValidationError) as error:
        raise DataError(
            f"--tiles {given} is no grid", "give rows x columns from 1x1 to 32x32, as 4x4"
        ) from error


def _registration(given: str) -> "Literal['auto', 'on', 'off']":
    choices: dict[str, Literal["auto", "on", "off"]] = {"auto": "auto", "on": "on", "off": "off"}
    if given not in choices:
        raise DataError(f"there is no registration {given!r}", f"choose {' or '.join(choices)}")
    return choices[given]


def _starting_point(given: str | None) -> "Path | Literal['base'] | None":
    if given is None or given == "base":
        return None if given is None else "base"
    return Path(given)


def _train(request: "TrainingRequest", as_json: bool) -> "ModelMetadata":
    """Run the training; the first Ctrl-C ends it after the current step and keeps a checkpoint."""
    from inspector_core.training.request import TrainingCancelled
    from inspector_core.training.run import run_training

    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt  # a second Ctrl-C does not wait
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Progress(quiet=as_json or os.environ.get("RANK", "0") != "0") as progress:
            return run_training(request, lambda state: _report(progress, state), asked.is_set)
    except TrainingCancelled as cancelled:
        raise Interrupted(f"the training was {cancelled}", "type the same command to go on") from cancelled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(progress: Progress, state: "TrainingProgress") -> None:
    notes = [f"step {state.step}"] if state.step else []
    notes += [f"{name} {value:.3f}" for name, value in state.losses.items()]
    if state.seconds_left is not None:
        notes.append(f"{state.seconds_left / 60:.1f} min left")
    progress.update(state.message or state.phase, round(100 * state.fraction), 100, ", ".join(notes))


def _typed(context: typer.Context) -> str:
    """The command as it was typed, for the model's metadata."""
    given = {name: value for name, value in context.params.items() if name != "as_json" and value is not None}
    given["from"] = given.pop("start_from", None)
    words = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
    return shlex.join(["norma", "train", *words])

"""`norma run` and `norma demo`: a line without a screen."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inspector_core.cli.output import CommandFailed, Device, Interrupted, Json, Progress, show
from inspector_core.cli.window import Window
from inspector_core.errors import NormaError

if TYPE_CHECKING:
    from inspector_core.cameras.camera import Camera
    from inspector_core.inspection.line_counts import Counts
    from inspector_core.inspection.recipe import Recipe
    from inspector_core.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="Folder of database, archive, models and recipes."),
]
Parts = Annotated[int | None, typer.Option("--parts", min=1, metavar="N", help="Stop after N parts.")]
Profile = Annotated[bool, typer.Option("--profile", help="Say how long each stage takes.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)
    app.command()(demo)


def run(
    recipe: Annotated[Path, typer.Option("--recipe", metavar="FILE", help="The recipe, a TOML file.")],
    parts: Parts = None,
    workspace: WorkspaceOption = None,
    device: Device = "auto",
    profile: Profile = False,
    as_json: Json = False,
) -> None:
    """Run a line without a screen, until N parts, the end of the source or Ctrl-C."""
    from inspector_core.inspection.recipe import read_recipe

    settings = read_recipe(recipe)
    _run_line(settings, _open(workspace), parts, device, as_json, profile=profile)


def demo(
    context: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help="Run without the window (as --json does).")
    ] = False,
    parts: Parts = None,
    workspace: WorkspaceOption = None,
    profile: Profile = False,
    as_json: Json = False,
) -> None:
    """Run the demo line: parts drawn by Norma, inspected by the model that it ships."""
    window: Window | None = context.obj
    if not (headless or as_json):
        obstacle = window.obstacle() if window is not None else "this build has no window"
        if window is not None and not obstacle:
            raise typer.Exit(window.open(workspace, demo=True, parts=parts))
        print(f"No window can be opened ({obstacle}); the same line runs without one.", file=sys.stderr)
        parts = parts or 200
    from inspector_core.jobs.demo_line import demo_camera, prepare_demo

    place = _open(workspace)
    with Progress(quiet=as_json) as progress:
        recipe = prepare_demo(place, lambda done, total: progress.update("drawing demo parts", done, total))
    camera = demo_camera(recipe, place)
    _run_line(recipe, place, parts, "auto", as_json, camera, profile)


def _open(folder: Path | None) -> "Workspace":
    from inspector_core.logs import log_to
    from inspector_core.workspace import Workspace

    workspace = Workspace.open(folder)
    log_to(workspace.logs)
    return workspace


def _run_line(
    recipe: "Recipe",
    workspace: "Workspace",
    parts: int | None,
    device: str,
    as_json: bool,
    camera: "Camera | None" = None,
    profile: bool = False,
) -> None:
    from inspector_core.jobs.headless import run_headless

    def on_progress(counts: "Counts") -> None:
        note = f"OK {counts.passed}, NG {counts.failed}, review {counts.review}, error {counts.error}"
        progress.update("inspecting", counts.inspected, parts, note)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop is orderly too
    with Progress(quiet=as_json) as progress:
        result = run_headless(
            recipe,
            workspace,
            parts=parts,
            device=device,
            camera=camera,
            on_progress=on_progress,
            on_problem=progress.say,
        )
    figures = result.as_dict() | {"workspace": str(workspace.root)}
    if profile:
        figures |= {f"{stage}_ms": round(mean, 3) for stage, mean in result.profile.items()}
    if isinstance(result.error, NormaError):
        raise CommandFailed(result.error.problem, result.error.remedy, figures) from result.error
    if result.error is not None:
        raise result.error
    if not (as_json and result.interrupted):
        show(figures, as_json, title=f"{recipe.name}, version {recipe.version}")
    if result.interrupted:
        raise Interrupted("the line was stopped", "all its parts are recorded", figures)

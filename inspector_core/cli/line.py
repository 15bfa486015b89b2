"""`norma run` and `norma demo`: a line without a screen."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspector_core.cli.output import CommandFailed, Device, Interrupted, Json, Progress, show
from inspector_core.cli.window import Window
from inspector_core.errors import NormaError
from inspector_core.loading import load

if TYPE_CHECKING:
    from inspector_core.cameras.camera import Camera
    from inspector_core.inspection.line_counts import Counts
    from inspector_core.inspection.recipe import Recipe
    from inspector_core.jobs.headless import LineResult
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
    recipe: Annotated[
        list[Path],
        typer.Option(
            "--recipe", metavar="FILE", help="The recipe, a TOML file; again for each further camera's line."
        ),
    ],
    parts: Parts = None,
    workspace: WorkspaceOption = None,
    device: Device = "auto",
    profile: Profile = False,
    as_json: Json = False,
) -> None:
    """Run a line without a screen, until N parts, the end of the source or Ctrl-C.

    With several recipes, a line for each runs beside the others.
    """
    from inspector_core.inspection.recipe import read_recipe

    recipes = [read_recipe(path) for path in recipe]
    _run_lines(recipes, _open(workspace), parts, device, as_json, profile=profile)


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
    _run_lines([recipe], place, parts, "auto", as_json, camera, profile)


def _open(folder: Path | None) -> "Workspace":
    from inspector_core.logs import log_to
    from inspector_core.workspace import Workspace

    workspace = Workspace.open(folder)
    log_to(workspace.logs)
    return workspace


def _run_lines(
    recipes: Sequence["Recipe"],
    workspace: "Workspace",
    parts: int | None,
    device: str,
    as_json: bool,
    camera: "Camera | None" = None,
    profile: bool = False,
) -> None:
    load("inspector_core.jobs.headless")
    from inspector_core.jobs.headless import run_lines

    total = None if parts is None else parts * len(recipes)

    def on_progress(counts: "Counts") -> None:
        note = f"OK {counts.passed}, NG {counts.failed}, review {counts.review}, error {counts.error}"
        progress.update("inspecting", counts.inspected, total, note)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop is orderly too
    with Progress(quiet=as_json) as progress:
        results = run_lines(
            recipes,
            workspace,
            parts=parts,
            device=device,
            camera=camera,
            on_progress=on_progress,
            on_problem=progress.say,
        )
    found = [_figures(result, profile) for result in results]
    place = {"workspace": str(workspace.root)}
    figures = found[0] | place
    if len(recipes) > 1:
        names = [{"recipe": recipe.name} for recipe in recipes]
        figures = {"lines": [name | of for name, of in zip(names, found, strict=True)], **place}
    for recipe, result in zip(recipes, results, strict=True):
        if isinstance(result.error, NormaError):
            whose = f"{recipe.name}: " if len(recipes) > 1 else ""
            problem = f"{whose}{result.error.problem}"
            raise CommandFailed(problem, result.error.remedy, figures) from result.error
        if result.error is not None:
            raise result.error
    interrupted = results[0].interrupted
    if as_json and not interrupted:
        show(figures, as_json)
    elif not as_json:
        for recipe, of in zip(recipes, found, strict=True):
            show(of | place, as_json, title=f"{recipe.name}, version {recipe.version}")
    if interrupted:
        raise Interrupted("the line was stopped", "all its parts are recorded", figures)


def _figures(result: "LineResult", profile: bool) -> dict[str, Any]:
    figures: dict[str, Any] = dict(result.as_dict())
    if profile:
        figures |= {f"{stage}_ms": round(mean, 3) for stage, mean in result.profile.items()}
    return figures

"""Bare `norma`, `norma cameras` and `norma doctor`: the station itself."""

from pathlib import Path
from typing import Annotated, Any

import typer

from inspector_core.cli.output import CommandFailed, Json, print_rich, show
from inspector_core.cli.window import Window
from inspector_core.errors import NormaError


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.callback(invoke_without_command=True)(norma)
    app.command()(cameras)
    app.command()(doctor)


def norma(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", metavar="DIR", help="Folder that the window works in.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Norma inspects parts on a production line; bare, it opens the window."""
    if version:
        from importlib.metadata import version as installed

        print(f"norma {installed('norma-inspector')}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    window: Window | None = context.obj
    obstacle = window.obstacle() if window is not None else "this build has none"
    if window is None or obstacle:
        remedy = "work on a desktop, or use norma run and norma demo --headless"
        raise NormaError(f"the window can't be opened ({obstacle})", remedy)
    raise typer.Exit(window.open(workspace))


def cameras(
    cti: Annotated[
        Path | None, typer.Option("--cti", metavar="FILE", help="Look only through this GenTL producer.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the cameras that the installed GenTL producers find."""
    from inspector_core.jobs.doctor import find_cameras

    found, faults = find_cameras(cti)
    if as_json:
        show({"cameras": found, "faults": faults}, True)
        return
    _print_cameras(found)
    for fault in faults:
        print(f"{fault['problem']}: {fault['remedy']}.")


def doctor(
    workspace: Annotated[
        Path | None, typer.Option("--workspace", metavar="DIR", help="The workspace to examine.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Examine this station: versions, GPU, engines, cameras, workspace, database."""
    from inspector_core.jobs.doctor import examine

    report = examine(workspace)
    if not as_json:
        _print_report(report)
    if report["problems"]:
        first = report["problems"][0]
        raise CommandFailed(first["problem"], first["remedy"], report)
    if as_json:
        show(report, True)


def _print_cameras(found: list[dict[str, Any]]) -> None:
    from rich.table import Table

    if not found:
        print("No camera was found.")
        return
    table = Table("id", "vendor", "model", "serial", "producer", box=None, pad_edge=False)
    for camera in found:
        table.add_row(*(str(camera[k]) for k in ("id", "vendor", "model", "serial", "producer")))
    print_rich(table)


def _print_report(report: dict[str, Any]) -> None:
    for title, facts in report.items():
        if isinstance(facts, dict):
            show(facts, False, title=f"\n{title}")
    for problem in report["problems"][1:]:  # the first one is the command's error
        print(f"\n{problem['problem']}: {problem['remedy']}.")

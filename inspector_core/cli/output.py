"""What a command prints: progress on stderr, its result on stdout."""

import json
import math
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Annotated, Any, Self

import typer

from inspector_core.errors import NormaError

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on the last line.")]
Device = Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:1.")]


class CommandFailed(NormaError):
    """A command ended in an error; `result` is what it found until then, for --json."""

    def __init__(self, problem: str, remedy: str, result: Mapping[str, Any] | None = None) -> None:
        super().__init__(problem, remedy)
        self.result = result or {}


class Interrupted(CommandFailed):
    """Ctrl-C ended the command in good order."""


def clean(value: Any) -> Any:
    """`value` in what strict JSON knows: NaN and infinities become null, NumPy numbers plain ones."""
    if isinstance(value, Mapping):
        return {str(k): clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clean(v) for v in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "item"):
        return clean(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def show(result: Mapping[str, Any], as_json: bool, title: str = "") -> None:
    """Print a command's result: one JSON line, or a table of two columns for people."""
    if as_json:
        print(json.dumps(clean(result)), flush=True)
        return
    from rich.table import Table

    table = Table(title=title or None, show_header=False, box=None, title_justify="left", pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in result.items():
        if not isinstance(value, Mapping):
            table.add_row(name.replace("_", " "), shown(value))
    print_rich(table)


def shown(value: Any) -> str:
    """A number, a list or a text as a person reads it."""
    value = clean(value)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(shown(v) for v in value) or "–"
    return str(value)


def print_rich(renderable: Any) -> None:
    """Print on stdout with rich."""
    from rich.console import Console

    Console(highlight=False).print(renderable)


class Progress:
    """A bar on a terminal, a plain line every ten seconds elsewhere, nothing where the result is JSON.

    Use as a context manager and call `update` as often as is convenient.
    """

    def __init__(self, quiet: bool, every_s: float = 10.0) -> None:
        self._quiet = quiet
        self._every_s = every_s
        self._said_at = -math.inf
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Bar(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task("", total=None, note="")
        return self

    def update(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """Say that `done` of `total` steps of `what` are done; `total` None where it has no end."""
        if self._bar is not None:
            self._bar.update(self._task, description=what, completed=done, total=total, note=note)
        elif not self._quiet and time.monotonic() - self._said_at >= self._every_s:
            self._said_at = time.monotonic()
            of = f" of {total}" if total else ""
            print(f"{what}: {done}{of} {note}".rstrip(), file=sys.stderr, flush=True)

    def say(self, sentence: str) -> None:
        """Print one line, above the bar where there is one."""
        if self._bar is not None:
            self._bar.console.print(sentence, highlight=False, markup=False)
        elif not self._quiet:
            print(sentence, file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

"""`norma …`: every job of the application, without a screen."""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from inspector_core.cli import line, model, station, training
from inspector_core.cli.output import CommandFailed, Interrupted, clean
from inspector_core.cli.window import Window
from inspector_core.errors import NormaError

INTERRUPTED = 130
USER_ERROR = 2
OWN_FAULT = 1

(UsageError,) = typer.BadParameter.__bases__  # from some version on, typer brings its own copy of click

app = typer.Typer(name="norma", add_completion=False, pretty_exceptions_enable=False)
for commands in (line, training, model, station):
    commands.add_to(app)


def main(argv: Sequence[str] | None = None, window: Window | None = None) -> int:
    """Run one command and return the exit status: 0 success, 2 the user's to mend, 1 ours, 130 interrupted.

    Args:
        argv: words after `norma`; by default the process's.
        window: opens the application; None where the core runs by itself.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    logging.getLogger().addHandler(logging.NullHandler())  # until there is a log file, say nothing twice
    try:
        status = int(app(words, prog_name="norma", standalone_mode=False, obj=window) or 0)
        # some versions of typer turn Ctrl-C into this status, others into Abort
        return _fail("interrupted.", as_json, INTERRUPTED) if status == INTERRUPTED else status
    except NormaError as error:
        logging.getLogger(__name__).warning("%s", error)
        found = error.result if isinstance(error, CommandFailed) else {}
        return _fail(
            str(error), as_json, INTERRUPTED if isinstance(error, Interrupted) else USER_ERROR, found
        )
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted.", as_json, INTERRUPTED)
    except Exception as error:
        if isinstance(error, UsageError):
            return _fail(_usage_sentence(error), as_json, USER_ERROR)
        return _fail(_logged(error), as_json, OWN_FAULT)


def _fail(sentence: str, as_json: bool, status: int, found: Mapping[str, Any] | None = None) -> int:
    print(f"norma: {sentence}", file=sys.stderr, flush=True)
    if as_json:
        print(json.dumps(clean({"error": sentence} | ({"result": found} if found else {}))), flush=True)
    return status


def _usage_sentence(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "norma"
    message = str(error.format_message()).rstrip(".")  # type: ignore[attr-defined]
    return f"{message}: see {command} --help."


def _logged(error: Exception) -> str:
    """Write the traceback to the log; returns the sentence for the person."""
    from inspector_core.logs import log_file, log_to
    from inspector_core.workspace import default_root

    path = log_file() or log_to(default_root() / "logs")
    logging.getLogger(__name__).error("unexpected fault", exc_info=error)
    return f"Norma failed by a fault of its own ({type(error).__name__}): the details are in {path}."

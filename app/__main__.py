"""The `norma` command: bare, it opens the window; every other word goes to the command line."""

import multiprocessing
import sys
from pathlib import Path


class QtWindow:
    """Opens the Qt application for the command line, which may not import it."""

    def obstacle(self) -> str:
        """Why no window can be opened here; empty where one can."""
        from app.display import obstacle

        return obstacle()

    def open(self, workspace: Path | None, *, demo: bool = False, parts: int | None = None) -> int:
        """Show the window until it is closed."""
        from app.main import run_app

        return run_app(workspace, demo=demo, parts=parts)


def main() -> int:
    """Run `norma`; returns the exit status."""
    multiprocessing.freeze_support()
    from inspector_core.cli import main as cli_main

    return cli_main(sys.argv[1:], QtWindow())


if __name__ == "__main__":
    raise SystemExit(main())

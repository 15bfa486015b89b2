"""What the command line needs of the application's window, which lives above it."""

from pathlib import Path
from typing import Protocol


class Window(Protocol):
    """Opens the application."""

    def obstacle(self) -> str:
        """Why no window can be opened here, as a clause; empty where one can."""

    def open(self, workspace: Path | None, *, demo: bool = False, parts: int | None = None) -> int:
        """Show the window until it is closed; returns the exit status.

        Args:
            workspace: the folder; None for the user's own.
            demo: start the demo line at once.
            parts: the demo line stops after so many; the window stays.
        """

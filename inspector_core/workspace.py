"""The one folder that holds everything a station produces."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from inspector_core.errors import WorkspaceError


def default_root() -> Path:
    """The workspace of a person who names none: the user's data folder. It need not exist."""
    return Path(platformdirs.user_data_dir("norma", appauthor=False))


@dataclass(frozen=True, slots=True)
class Workspace:
    """Paths inside a workspace folder: `norma.db`, `archive/`, `models/`, `recipes/`, `logs/`."""

    root: Path

    @classmethod
    def open(cls, folder: Path | None = None) -> "Workspace":
        """Make the folder where it is missing; by default the user's data folder.

        Raises:
            WorkspaceError: the folder can't be made or written.
        """
        root = (folder or default_root()).expanduser().resolve()
        workspace = cls(root)
        remedy = "choose another folder with --workspace or correct its permissions"
        try:
            for part in (workspace.archive, workspace.models, workspace.recipes, workspace.logs):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"the workspace {root} can't be made ({error.strerror})", remedy) from error
        for part in (root, workspace.archive, workspace.models, workspace.recipes, workspace.logs):
            if not os.access(part, os.W_OK | os.X_OK):
                raise WorkspaceError(f"the workspace folder {part} can't be written", remedy)
        return workspace

    @property
    def database(self) -> Path:
        return self.root / "norma.db"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def recipes(self) -> Path:
        return self.root / "recipes"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

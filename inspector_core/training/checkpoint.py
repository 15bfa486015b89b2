"""Where a run stands, on disk."""

import io
import os
import pickle
from pathlib import Path

import torch

from inspector_core.errors import ModelFileError
from inspector_core.images import write_bytes


def save_checkpoint(path: Path, run: str, state: dict[str, object]) -> None:
    """Replace the checkpoint at `path` atomically.

    Args:
        run: identifies the run; only the same run resumes from it.

    Raises:
        ModelFileError: the folder can't be written or the disk is full; the older one then still stands.
    """
    buffer = io.BytesIO()
    torch.save({"run": run, "state": state}, buffer)
    try:
        write_bytes(path, buffer.getvalue())
    except OSError as error:
        problem = f"the checkpoint {path} can't be written ({error.strerror or error})"
        raise ModelFileError(problem, "free disk space or choose another folder for the model") from error


def load_checkpoint(path: Path, run: str) -> dict[str, object] | None:
    """The state stored at `path`; None where there is none, it is damaged, or belongs to another run."""
    if not os.path.exists(path):
        return None
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return dict(stored["state"]) if stored["run"] == run else None
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
        return None

"""The log file: everything in full, for whoever has to find out why."""

import logging
import tempfile
from logging.handlers import RotatingFileHandler
from pathlib import Path

NAME = "norma.log"


def log_to(folder: Path) -> Path:
    """Send the log to `folder`/norma.log (5 files of 2 MB), or to the system's temporary folder where
    `folder` can't be written; returns the file's path. A second call moves the log.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _handler(folder / NAME)
    except OSError:
        handler = _handler(Path(tempfile.gettempdir()) / NAME)
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, RotatingFileHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every start
    return Path(handler.baseFilename)


def log_file() -> Path | None:
    """Where the log goes now; None before the first `log_to`."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, RotatingFileHandler):
            return Path(handler.baseFilename)
    return None


def _handler(path: Path) -> RotatingFileHandler:
    handler = RotatingFileHandler(
        path, maxBytes=2_000_000, backupCount=4, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    return handler

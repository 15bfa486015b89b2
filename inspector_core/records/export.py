"""Inspections as a table for a spreadsheet."""

import csv
import os
import tempfile
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from inspector_core.errors import RecordsError
from inspector_core.inspection.verdict import Inspection

COLUMNS = ("id", *(field.name for field in fields(Inspection) if field.name != "id"))


def write_csv(pages: Iterable[Iterable[Inspection]], path: Path) -> int:
    """Write inspections as CSV, all or nothing, and return their number.

    UTF-8 with a byte-order mark, so that spreadsheets read the accents; times in ISO 8601, UTC; scores with
    every digit; a missing score is an empty cell.

    Raises:
        RecordsError: the file can't be written; one that stood there before still stands.
    """
    temporary = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as file:
            temporary.chmod(0o644)  # a temporary file is its owner's alone; an export is not
            number = _write(csv.writer(file), pages)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            problem = f"{path} can't be written ({error.strerror})"
            raise RecordsError(problem, "free some space or choose another folder") from error
        raise
    return number


def _write(table: Any, pages: Iterable[Iterable[Inspection]]) -> int:
    number = 0
    table.writerow(COLUMNS)
    for page in pages:
        for inspection in page:
            table.writerow([_cell(getattr(inspection, name)) for name in COLUMNS])
            number += 1
    return number


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"  # a lot named "=HYPERLINK(...)" must not become a formula
    return "" if value is None else str(value)

"""What is recorded of every part: database, history, audit and the archive of pictures."""

from inspector_core.records.opening import check_file, is_older
from inspector_core.records.queries import InspectionFilter, ScoreTable
from inspector_core.records.records import LABELS, Choices, Event, Records
from inspector_core.records.sessions import SessionCounts
from inspector_core.records.writer import RecordWriter

__all__ = [
    "LABELS",
    "Choices",
    "Event",
    "InspectionFilter",
    "RecordWriter",
    "Records",
    "ScoreTable",
    "SessionCounts",
    "check_file",
    "is_older",
]

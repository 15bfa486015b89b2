"""Stretches of time that people ask for by name, in the station's local time."""

from datetime import datetime, time, timedelta

from PySide6.QtCore import QSettings

SHIFT, TODAY, WEEK, ALL = "This shift", "Today", "7 days", "All"
NAMES = (SHIFT, TODAY, WEEK, ALL)
WORDS = {SHIFT: "in this shift", TODAY: "today", WEEK: "in 7 days", ALL: "ever recorded"}
"""How a period stands in a sentence on parts."""

SHIFT_STARTS = "06:00,14:00,22:00"


def since(name: str, now: datetime, shifts: list[time]) -> datetime | None:
    """Beginning of a named period, timezone-aware; None for everything.

    Args:
        now: local or aware; taken as local time.
        shifts: times of day at which a shift begins; none makes the day one shift.
    """
    local = now.astimezone().replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if name == TODAY:
        return midnight.astimezone()
    if name == WEEK:
        return (midnight - timedelta(days=6)).astimezone()
    if name == SHIFT:
        return _shift_start(local, shifts or [time()]).astimezone()
    return None


def shift_starts(settings: QSettings) -> list[time]:
    """The times at which shifts begin, from the setting `shifts`; unreadable ones are left out."""
    starts = []
    value = settings.value("shifts", SHIFT_STARTS)
    for text in value if isinstance(value, list) else str(value).split(","):
        try:
            starts.append(time.fromisoformat(str(text).strip()))
        except ValueError:
            continue
    return sorted(starts)


def _shift_start(local: datetime, shifts: list[time]) -> datetime:
    today = [datetime.combine(local.date(), start) for start in shifts]
    begun = [start for start in today if start <= local]
    return max(begun) if begun else max(today) - timedelta(days=1)

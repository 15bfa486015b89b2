"""A station with a real database, a model and recorded parts, for the screens that look back."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from station_records import part, publish, record

from inspector_core.inspection.recipe import Recipe
from inspector_core.inspection.verdict import Inspection, PartImages
from inspector_core.records import Records
from inspector_core.workspace import Workspace


class RecordsStation:
    """Opens a real database and no line."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def open_records(self) -> Records:
        return Records.open(self.workspace)


@dataclass
class Plant:
    """What was recorded: a few rejects, with pictures, among good parts without."""

    records: Records
    recipe: Recipe
    parts: list[Inspection]


@pytest.fixture
def station(tmp_path: Path) -> RecordsStation:
    return RecordsStation(Workspace.open(tmp_path / "workspace"))


@pytest.fixture
def plant(qtbot, context, images: PartImages) -> Plant:
    """450 parts, good ones from 0.01 up; rejects 100 (0.9), 200 (0.6), 300 (0.45); 400 is an error."""
    recipe = publish(context.workspace)
    with qtbot.waitSignal(context.bridge.records_opened):
        context.bridge.open_records()
    scores: dict[int, float | None] = {100: 0.9, 200: 0.6, 300: 0.45, 400: None}
    parts = [part(n, scores.get(n, 0.01 + n / 5000)) for n in range(1, 451)]
    records = context.bridge.records
    return Plant(records, recipe, record(records, recipe, parts, images))

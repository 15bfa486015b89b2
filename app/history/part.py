"""One past part with everything that was kept of it."""

from dataclasses import dataclass
from typing import Any

from inspector_core.errors import RecordsError
from inspector_core.inspection.verdict import Inspection, PartImages, Verdict
from inspector_core.records import Event, Records

LABEL_WORDS = {"": "", "true_defect": "True defect", "false_reject": "False reject", "good": "Good"}
"""What stands on the screen for a stored label."""


@dataclass(frozen=True, slots=True)
class Part:
    """`images` is None where there is no picture to show; recipe, model and events only where asked."""

    inspection: Inspection
    images: PartImages | None
    recipe_toml: str = ""
    model: dict[str, Any] | None = None
    events: tuple[Event, ...] = ()


def load_part(records: Records, row: int, *, facts: bool = True) -> Part:
    """Read a part and its pictures; slow, so for a thread. `facts` adds recipe, model and events.

    Raises:
        RecordsError: there is no such inspection, or the database can't be read.
    """
    inspection = records.get(row)
    images = records.images(inspection)
    if not facts:
        return Part(inspection, images)
    try:
        toml = records.recipe_toml_of(row)
    except RecordsError as error:
        toml = f"# {error.problem}"
    return Part(inspection, images, toml, records.model_of(row), tuple(records.events(20, row)))


def missing_words(part: Part) -> str:
    """In plain words what can't be shown of a part and why; empty where nothing is missing."""
    inspection, images = part.inspection, part.images
    if images is None:
        if inspection.image_path:
            return f"The archived picture is gone: {inspection.image_path}"
        if inspection.verdict is Verdict.ERROR:
            return "There is no picture: this part was not inspected."
        return "No pictures of this part were kept. The recipe's archive setting says which parts are."
    gone = [
        f"the {name} ({path})"
        for name, path, found in (
            ("anomaly map", inspection.map_path, images.anomaly_map),
            ("reconstruction", inspection.reconstruction_path, images.reconstruction),
        )
        if path and found is None
    ]
    return f"Gone from the archive: {' and '.join(gone)}" if gone else ""

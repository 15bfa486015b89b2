"""Which producers and cameras this station knows, and the features that a person set on them."""

import contextlib
import json
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QSettings

from inspector_core.cameras.camera import CameraInfo, FeatureValue
from inspector_core.cameras.discovery import discover
from inspector_core.cameras.producers import VIKY, find_producers, viky_path
from inspector_core.errors import CameraError
from inspector_core.inspection.recipe import CameraSettings

T = TypeVar("T")
_ADDED = "cameras/producers"
_FEATURES = "cameras/features"


def added_producers(settings: QSettings) -> list[str]:
    """The `.cti` files that a person added here."""
    added: list[str] = _read(settings, _ADDED, [])
    return [str(path) for path in added]


def add_producer(settings: QSettings, path: Path) -> None:
    """Remember another `.cti` file."""
    settings.setValue(_ADDED, json.dumps(list(dict.fromkeys([*added_producers(settings), str(path)]))))


def forget_producer(settings: QSettings, path: str) -> None:
    """Remove a file that was added."""
    settings.setValue(_ADDED, json.dumps([kept for kept in added_producers(settings) if kept != path]))


def search(added: list[str]) -> list[CameraInfo]:
    """Every camera of every known producer; takes seconds. See `discover` for producers with a fault."""
    return discover(list(dict.fromkeys([*find_producers(), *added])))


def producer_name(producer: str) -> str:
    """`viky` for the virtual one, so that a recipe holds on any machine; else the path as it is."""
    with contextlib.suppress(CameraError):
        if producer == VIKY or Path(producer) == viky_path():
            return VIKY
    return producer


def producer_title(producer: str) -> str:
    """What a producer is called on the screen."""
    return "viky (virtual)" if producer_name(producer) == VIKY else Path(producer).stem


def camera_title(info: CameraInfo) -> str:
    """What a camera is called on the screen: model and serial number, or its id where they say little."""
    if len(info.serial) < 4:
        return info.id
    return f"{info.model}  {info.serial}" if info.model else info.serial


def settings_of(info: CameraInfo, settings: QSettings) -> CameraSettings:
    """A found camera as a recipe names it, with the features that were set on the Cameras page."""
    producer = producer_name(info.producer)
    return CameraSettings(
        kind="genicam", source=info.id, producer=producer, features=features_of(producer, info.id, settings)
    )


def features_of(producer: str, camera: str, settings: QSettings) -> dict[str, FeatureValue]:
    """Features by name, in the order in which they were set."""
    cameras: dict[str, dict[str, FeatureValue]] = _read(settings, _FEATURES, {})
    kept = cameras.get(f"{producer}|{camera}", {})
    return {str(name): value for name, value in kept.items() if isinstance(value, (int, float, str))}


def remember_features(
    producer: str, camera: str, features: dict[str, FeatureValue], settings: QSettings
) -> None:
    """Keep `features` in place of those kept before; none forgets them."""
    kept: dict[str, dict[str, FeatureValue]] = _read(settings, _FEATURES, {})
    kept[f"{producer}|{camera}"] = features
    settings.setValue(_FEATURES, json.dumps(kept))


def _read(settings: QSettings, key: str, otherwise: T) -> T:
    """A value kept as JSON; what was damaged counts as not set."""
    try:
        value = json.loads(str(settings.value(key, "")))
    except ValueError:
        return otherwise
    return value if isinstance(value, type(otherwise)) else otherwise

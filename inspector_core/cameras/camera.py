"""What every camera can do."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from inspector_core.cameras.frame import Frame

FeatureValue = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Feature:
    """One GenICam feature (SFNC name) with its range.

    Attributes:
        name: e.g. `ExposureTime`.
        kind: GenApi interface.
        value: None where it can't be read now.
        minimum, maximum, increment: for numbers, where the node states them.
        choices: entries of an enumeration.
        unit: as the node states it, e.g. `us`.
        category: the node's category, for the tree.
    """

    name: str
    kind: Literal["integer", "float", "boolean", "enumeration", "string", "command"]
    value: FeatureValue | None
    writable: bool
    minimum: float | None = None
    maximum: float | None = None
    increment: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    category: str = ""
    description: str = ""


@dataclass(slots=True)
class CameraCounters:
    """Loss vocabulary as CVB and pylon use it; all since `open`."""

    delivered: int = 0
    incomplete: int = 0
    lost: int = 0
    unreadable: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that was found."""

    id: str
    vendor: str
    model: str
    producer: str
    serial: str = ""
    details: dict[str, str] = field(default_factory=dict)


class EndOfStream(Exception):
    """A playback that does not loop has delivered its last frame."""


class Camera(Protocol):
    """A source of frames. `fetch` is called from one thread; `counters` may be read from any."""

    @property
    def id(self) -> str: ...

    @property
    def counters(self) -> CameraCounters: ...

    def open(self) -> None:
        """Connect. Raises CameraError."""

    def start(self) -> None:
        """Begin to deliver. Raises CameraError."""

    def fetch(self, timeout_s: float) -> Frame | None:
        """The next frame, or None where none came within `timeout_s`.

        Raises:
            CameraError: this frame failed or the device is gone; the caller may call again, since the
                camera reconnects by itself.
            EndOfStream: there will be no further frame.
        """

    def stop(self) -> None: ...

    def close(self) -> None: ...

    def features(self) -> list[Feature]: ...

    def set_feature(self, name: str, value: FeatureValue) -> None:
        """Raises CameraError naming the feature, the value and the range."""

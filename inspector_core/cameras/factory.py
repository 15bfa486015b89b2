"""From settings to a camera."""

from collections.abc import Mapping
from pathlib import Path

from inspector_core.cameras.camera import Camera, FeatureValue
from inspector_core.cameras.genicam import GenicamCamera
from inspector_core.cameras.playback import PlaybackCamera
from inspector_core.errors import CameraError


def open_camera(
    kind: str,
    source: str = "",
    producer: str = "viky",
    rate: float | None = None,
    loop: bool = True,
    features: Mapping[str, FeatureValue] | None = None,
) -> Camera:
    """The camera that these settings name; it connects on `open` or, failing that, on `start`.

    Args:
        kind: `playback` or `genicam`.
        source: playback: folder or video file; genicam: device id or serial number, "" for the first.
        producer: genicam: a `.cti` file, or `viky`.
        rate: playback: frames per second, None for as fast as taken.
        loop: playback: begin again at the end.
        features: genicam: set after connecting, in this order.

    Raises:
        CameraError: the kind is unknown, or a setting is missing.
    """
    if kind == "playback":
        if not source:
            raise CameraError("the playback camera has no source", "name a folder of images or a video file")
        return PlaybackCamera(Path(source), rate=rate, loop=loop)
    if kind == "genicam":
        return GenicamCamera(producer, source, features)
    raise CameraError(f"the camera kind {kind} is unknown", "choose playback or genicam")

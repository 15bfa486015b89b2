"""Where producers are looked for, and what discovery makes of bad ones."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector_core.cameras.discovery import discover
from inspector_core.cameras.factory import open_camera
from inspector_core.cameras.genicam import GenicamCamera
from inspector_core.cameras.playback import PlaybackCamera
from inspector_core.cameras.producers import find_producers, producer_search_path, resolve_producer, viky_path
from inspector_core.errors import CameraError


def test_viky_is_found_without_loading_the_sdk() -> None:
    script = (
        "import sys; from inspector_core.cameras import factory, discovery, producers;"
        "print(producers.viky_path().name, {'genicam', 'harvesters', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "viky.cti set()"


def test_viky_is_found_in_a_bundle_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "genicam").mkdir()
    (tmp_path / "genicam" / "viky.cti").touch()
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert viky_path() == tmp_path / "genicam" / "viky.cti"


def test_the_setting_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x", "y", "z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "maker.cti").touch()
    both = os.pathsep.join([str(tmp_path / "y"), "", str(tmp_path / "z"), str(tmp_path / "gone")])
    monkeypatch.setenv("GENICAM_GENTL64_PATH", both)
    setting = str(tmp_path / "x")
    assert producer_search_path(setting) == [tmp_path / name for name in ("x", "y", "z", "gone")]
    found = find_producers(setting)
    assert found == [str(tmp_path / name / "maker.cti") for name in ("x", "y", "z")] + [str(viky_path())]
    assert resolve_producer("maker.cti", setting) == tmp_path / "x" / "maker.cti"
    assert resolve_producer("maker.cti") == tmp_path / "y" / "maker.cti"
    with pytest.raises(CameraError, match=r"other\.cti does not exist"):
        resolve_producer("other.cti", setting)


def test_discovery_finds_vikys_cameras_and_survives_bad_producers(tmp_path: Path) -> None:
    text, crashing = tmp_path / "text.cti", tmp_path / "crashing.cti"
    text.write_text("this is no library")
    # The loader maps what the headers promise; touching what the file no longer has ends the process.
    crashing.write_bytes(viky_path().read_bytes()[: 128 * 1024])
    found = discover(["viky", str(text), str(crashing), str(tmp_path / "missing.cti")], timeout_s=60)
    cameras, faults = found[:-3], found[-3:]
    assert [camera.id for camera in cameras] == ["VikyTL_DEV_red", "VikyTL_DEV_green", "VikyTL_DEV_blue"]
    assert [camera.serial for camera in cameras] == ["0", "1", "2"]
    assert all(fault.id == "" for fault in faults)
    expected = ["text.cti can't be loaded", "crashing.cti crashes", "missing.cti does not exist"]
    for fault, words in zip(faults, expected, strict=True):
        assert words in fault.details["error"]
        assert fault.details["error"] == f"{fault.details['problem']}: {fault.details['remedy']}."


def test_a_producer_that_hangs_is_given_up(tmp_path: Path) -> None:
    hanging = tmp_path / "hanging.cti"
    os.mkfifo(hanging)  # loading it waits for a writer that never comes
    begin = time.monotonic()
    found = discover([str(hanging)], timeout_s=1.5)
    assert time.monotonic() - begin < 20
    assert [camera.id for camera in found] == [""]
    assert "hanging.cti hangs" in found[0].details["error"]


def test_settings_make_the_camera_they_name(tmp_path: Path) -> None:
    playback = open_camera("playback", str(tmp_path), rate=5, loop=False)
    assert isinstance(playback, PlaybackCamera)
    genicam = open_camera("genicam", "VikyTL_DEV_blue", features={"Width": 200})
    assert isinstance(genicam, GenicamCamera)
    assert genicam.id == "VikyTL_DEV_blue"
    with pytest.raises(CameraError, match="has no source"):
        open_camera("playback")
    with pytest.raises(CameraError, match="kind webcam is unknown"):
        open_camera("webcam")

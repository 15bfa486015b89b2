"""Where GenTL producers (`.cti` files) are found."""

import contextlib
import importlib.util
import os
import sys
from pathlib import Path

from inspector_core.errors import CameraError

VIKY = "viky"
"""Name of the virtual producer that the genicam package ships: three cameras, no hardware."""

SEARCH_PATH_VARIABLE = "GENICAM_GENTL64_PATH"


def viky_path() -> Path:
    """The virtual producer's file, in the installed package or in a PyInstaller bundle.

    The package is located but not imported: its native libraries stay out of this process.

    Raises:
        CameraError: there is none (macOS wheels have none).
    """
    folders = [Path(bundle) / "genicam"] if (bundle := getattr(sys, "_MEIPASS", None)) else []
    package = importlib.util.find_spec("genicam")
    if package is not None:
        folders += [Path(place) for place in package.submodule_search_locations or []]
    for folder in folders:
        if (file := folder / "viky.cti").is_file():
            return file
    raise CameraError(
        "the virtual camera producer viky.cti is not installed", "reinstall the genicam package"
    )


def producer_search_path(setting: str = "") -> list[Path]:
    """Folders to search: those of `setting`, then those of GENICAM_GENTL64_PATH (GenTL standard).

    Args:
        setting: folders, separated as in PATH.
    """
    listed = [*setting.split(os.pathsep), *os.environ.get(SEARCH_PATH_VARIABLE, "").split(os.pathsep)]
    return list(dict.fromkeys(Path(entry).expanduser() for entry in listed if entry.strip()))


def find_producers(setting: str = "") -> list[str]:
    """Every `.cti` file on the search path, then the virtual producer where there is one."""
    found = [
        str(file)
        for folder in producer_search_path(setting)
        if folder.is_dir()
        for file in sorted(folder.glob("*.cti"))
    ]
    with contextlib.suppress(CameraError):
        found.append(str(viky_path()))
    return list(dict.fromkeys(found))


def resolve_producer(name: str, setting: str = "") -> Path:
    """The file that `name` means: `viky`, a path, or a file name on the search path.

    Raises:
        CameraError: there is no such file.
    """
    if name == VIKY:
        return viky_path()
    candidates = [Path(name).expanduser(), *(folder / name for folder in producer_search_path(setting))]
    for file in candidates:
        if file.exists() and not file.is_dir():
            return file.resolve()
    raise CameraError(
        f"the GenTL producer {name} does not exist",
        f"correct the path, or install the camera maker's driver and set {SEARCH_PATH_VARIABLE}",
    )

"""The health check: what this station has, and what is wrong with it. Changes nothing."""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from inspector_core.cameras.discovery import discover
from inspector_core.cameras.producers import find_producers
from inspector_core.errors import CameraError, NormaError, WorkspaceError
from inspector_core.records import check_file, is_older
from inspector_core.resources import resource
from inspector_core.workspace import Workspace, default_root

PACKAGES = (
    "norma-inspector",
    "torch",
    "openvino",
    "PySide6-Essentials",
    "opencv-python-headless",
    "numpy",
    "harvesters",
    "genicam",
    "SQLAlchemy",
)
LEAST_FREE_GB = 2.0
Facts = dict[str, Any]


def examine(folder: Path | None = None) -> dict[str, Any]:
    """Examine the station and the workspace `folder` (default: the user's own), which is not made.

    Returns:
        Facts by chapter (versions, computing, cameras, workspace, database, demo) and, under `problems`, what
        is wrong, each a dictionary of `problem` and `remedy`.
    """
    root = (folder or default_root()).expanduser().resolve()
    problems: list[dict[str, str]] = []

    def chapter(look: Callable[[], Facts]) -> Facts:
        try:
            return look()
        except NormaError as error:
            problems.append({"problem": error.problem, "remedy": error.remedy})
            return {"state": error.problem}

    found, faults = find_cameras()
    problems += faults
    return {
        "versions": _versions(),
        "computing": _computing(),
        "cameras": {"producers": find_producers(), "found": [camera["id"] for camera in found]},
        "workspace": chapter(lambda: _workspace(root)),
        "database": chapter(lambda: _database(Workspace(root).database)),
        "demo": chapter(_demo),
        "problems": problems,
    }


def find_cameras(producer: Path | None = None) -> tuple[list[Facts], list[dict[str, str]]]:
    """Every camera found, and what is wrong with each producer that has none to tell.

    Raises:
        CameraError: `producer` is given and can't be used.
    """
    found: list[Facts] = []
    faults: list[dict[str, str]] = []
    for camera in discover([str(producer)] if producer else find_producers()):
        if camera.id:
            facts = {"vendor": camera.vendor, "model": camera.model, "serial": camera.serial}
            found.append({"id": camera.id} | facts | {"producer": camera.producer, "details": camera.details})
        else:
            faults.append({word: camera.details[word] for word in ("problem", "remedy")})
    if producer and faults:
        raise CameraError(**faults[0])
    return found, faults


def _versions() -> Facts:
    versions: Facts = {"python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions | {"sqlite": sqlite3.sqlite_version, "packaged": bool(getattr(sys, "frozen", False))}


def _computing() -> Facts:
    import torch

    from inspector_core.engines.choice import machine, remembered
    from inspector_core.engines.devices import body_type, choose_device
    from inspector_core.engines.factory import MEMORY

    devices = ["cpu"] + [f"cuda:{k}" for k in range(torch.cuda.device_count())]
    types = {d: str(body_type(choose_device(d))).removeprefix("torch.") for d in devices}
    here = f"{machine()} "
    choices = {
        key.removeprefix(here).partition(" of ")[0]: name
        for key, name in remembered(MEMORY).items()
        if key.startswith(here)
    }
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())] or None,
        "engines": [f"{kind} on {device}" for device, kind in types.items()],
        "measured_fastest": [f"{name} for {model}" for model, name in sorted(choices.items())] or None,
    }


def _workspace(root: Path) -> Facts:
    standing = next(path for path in (root, *root.parents) if path.exists())
    remedy = "choose another folder with --workspace or correct its permissions"
    if not standing.is_dir():
        raise WorkspaceError(f"the workspace {root} can't be made, {standing} is a file", remedy)
    if not os.access(standing, os.W_OK | os.X_OK):
        raise WorkspaceError(f"the workspace {root} can't be written", remedy)
    free = shutil.disk_usage(standing).free / 2**30
    if free < LEAST_FREE_GB:
        raise WorkspaceError(f"only {free:.1f} GB are free for the workspace {root}", "free some disk space")
    state = "writable" if standing == root else "not made yet"
    return {"folder": str(root), "state": state, "free_gb": round(free, 1)}


def _database(path: Path) -> Facts:
    if not path.exists():
        return {"file": str(path), "state": "not made yet"}
    check_file(path, thorough=True)
    state = "healthy"
    if is_older(path):
        state += ", of an older version: it is migrated, after a backup, when it is opened"
    return {"file": str(path), "state": state, "size_mb": round(path.stat().st_size / 2**20, 1)}


def _demo() -> Facts:
    from inspector_core.detectors.model_file import read_metadata
    from inspector_core.jobs.demo_line import MODEL

    model = read_metadata(resource(f"models/{MODEL}"))
    return {"model": MODEL, "sha256": model.sha256, "preset": model.preset, "steps": model.training.steps}

"""Which engine is the fastest on this machine: measured once, and remembered."""

import json
import logging
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
import torch

from inspector_core.engines.engine import Engine, rounds
from inspector_core.images import write_bytes

log = logging.getLogger(__name__)
Kind = TypeVar("Kind", bound=Engine)

WARM_UPS, TURNS = 2, 5
"""Images before a measurement, and of it."""
ROUNDED_GAIN = 1.5
"""Times by which an engine that rounds to bfloat16 has to be faster than those that do not."""


def machine() -> str:
    """What a choice of engine depends on besides the model: the processor, its threads, and the libraries."""
    libraries = [f"{name} {_version(name)}" for name in ("norma-inspector", "torch", "openvino")]
    threads = f"{torch.get_num_threads()} threads"
    return " ".join([platform.machine(), torch.backends.cpu.get_cpu_capability(), threads, *libraries])


def fastest(key: str, makers: Mapping[str, Callable[[], Kind | None]], memory: Path) -> Kind:
    """The engine that looks at the most images a second, by what `memory` says under `key` or by trying all.

    One that computes in bfloat16 is off by up to 0.003 of the score's range, and is taken only where that
    saves much. They take turns, so that what else the machine does slows all of them alike.

    Args:
        makers: by name, of engines that reconstruct every image; one that can't be had gives None. At least
            one can.
        memory: JSON file of choices; missing, damaged or not writable, it costs only the time to measure.
    """
    known = makers.get(remembered(memory).get(key, ""))
    if known is not None and (engine := known()) is not None:
        return engine
    engines = {name: engine for name, make in makers.items() if (engine := make()) is not None}
    if len(engines) == 1:
        return next(iter(engines.values()))
    seconds = _take_turns(engines)
    if not seconds:
        raise RuntimeError("no engine can run this model")

    def weighed(name: str) -> float:
        return seconds[name] * (ROUNDED_GAIN if rounds(engines[name]) else 1.0)

    chosen = min(seconds, key=weighed)
    log.info("engines measured, ms an image: %s", {name: round(s * 1e3, 1) for name, s in seconds.items()})
    _remember(memory, key, chosen)
    return engines[chosen]


def _take_turns(engines: Mapping[str, Engine]) -> dict[str, float]:
    """Median seconds for an image of noise, which no part of a detector passes over; lanes share them.

    An engine that fails at it is left out.
    """
    size = next(iter(engines.values())).model.size
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(WARM_UPS + TURNS):
        for name in list(times):
            began = time.perf_counter()
            try:
                engines[name].infer([image] * engines[name].lanes)
            except RuntimeError:
                log.warning("the engine %s fails on this machine", name, exc_info=True)
                del times[name]
                continue
            if turn >= WARM_UPS:
                times[name].append((time.perf_counter() - began) / engines[name].lanes)
    return {name: median(taken) for name, taken in times.items()}


def remembered(memory: Path) -> dict[str, str]:
    """The choices in a file, by key; none where it can't be read."""
    try:
        stored = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {key: name for key, name in stored.items() if isinstance(name, str)}


def _remember(memory: Path, key: str, name: str) -> None:
    try:
        write_bytes(memory, json.dumps(remembered(memory) | {key: name}, indent=1).encode())
    except OSError:
        log.warning("the choice of engine can't be kept in %s", memory, exc_info=True)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"

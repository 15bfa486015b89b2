"""How long parts take: percentiles of the latency, and the mean time of each stage."""

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 1000
SMALLEST_MS = 0.01
STEP = 1.01
"""Width of a histogram cell as a factor: a percentile over all parts is exact to one percent."""
CELLS = math.ceil(math.log(1e8) / math.log(STEP))  # 0.01 ms to 1000 s


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds that half, 95 % and 99 % of the parts did not exceed; all 0 before the first part."""

    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0


class LatencyMeter:
    """Latencies of a whole run in constant memory; may be written and read from different threads."""

    def __init__(self, window: int = WINDOW) -> None:
        self._lock = threading.Lock()
        self._recent: deque[float] = deque(maxlen=window)
        self._cells: NDArray[np.int64] = np.zeros(CELLS, dtype=np.int64)

    def add(self, milliseconds: float) -> None:
        cell = int(math.log(max(milliseconds, SMALLEST_MS) / SMALLEST_MS) / math.log(STEP))
        with self._lock:
            self._recent.append(milliseconds)
            self._cells[min(cell, CELLS - 1)] += 1

    def recent(self) -> Percentiles:
        """Over the last `window` parts, exact."""
        with self._lock:
            values = np.array(self._recent)
        if not values.size:
            return Percentiles()
        return Percentiles(*(float(value) for value in np.percentile(values, (50, 95, 99), method="higher")))

    def overall(self) -> Percentiles:
        """Over all parts, to one percent."""
        with self._lock:
            cumulated = np.cumsum(self._cells)
        total = int(cumulated[-1])
        if not total:
            return Percentiles()
        ranks = [math.ceil(total * share) for share in (0.50, 0.95, 0.99)]
        return Percentiles(
            *(SMALLEST_MS * STEP ** (int(np.searchsorted(cumulated, rank)) + 0.5) for rank in ranks)
        )


class StageTimes:
    """Mean milliseconds of each stage over its last parts, in the order in which the stages first ran."""

    def __init__(self, window: int = 200) -> None:
        self._window = window
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, (time.perf_counter() - started) * 1000)

    def add(self, stage: str, milliseconds: float) -> None:
        with self._lock:
            self._times.setdefault(stage, deque(maxlen=self._window)).append(milliseconds)

    def means(self) -> dict[str, float]:
        with self._lock:
            return {stage: sum(times) / len(times) for stage, times in self._times.items()}

"""The counts on the screen: moved by commits, and by nothing else."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from inspector_core.inspection.verdict import Inspection, Verdict

RECENT = 500


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the triggers so far; every one of them stands in a committed row."""

    triggers: int = 0
    passed: int = 0
    failed: int = 0
    review: int = 0
    error: int = 0
    lost: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Of two lines together."""
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def identity_holds(self) -> bool:
        """triggers = pass + fail + review + error + lost."""
        return self.triggers == self.inspected + self.lost

    @property
    def inspected(self) -> int:
        """Parts that have a record of their own."""
        return self.passed + self.failed + self.review + self.error

    @property
    def yield_fraction(self) -> float:
        """Share of the triggers that passed, 0..1; 0 before the first."""
        return self.passed / self.triggers if self.triggers else 0.0


class Tally:
    """Counts committed inspections; `commit` is called by the recorder, the rest from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts = dict.fromkeys(Verdict, 0)
        self._triggers = 0
        self._lost = 0
        self._rejects_in_a_row = 0
        self._recent: deque[Inspection] = deque(maxlen=RECENT)

    def commit(self, inspections: Sequence[Inspection]) -> None:
        """Count one committed transaction, as one step."""
        with self._lock:
            for inspection in inspections:
                self._verdicts[inspection.verdict] += 1
                self._triggers += 1 + inspection.lost_before
                self._lost += inspection.lost_before
                self._recent.append(inspection)
                if inspection.verdict in (Verdict.FAIL, Verdict.ERROR):
                    self._rejects_in_a_row += 1
                elif inspection.verdict is Verdict.PASS:  # REVIEW is undecided: it neither adds nor clears
                    self._rejects_in_a_row = 0

    @property
    def counts(self) -> Counts:
        with self._lock:
            verdicts = self._verdicts
            return Counts(
                triggers=self._triggers,
                passed=verdicts[Verdict.PASS],
                failed=verdicts[Verdict.FAIL],
                review=verdicts[Verdict.REVIEW],
                error=verdicts[Verdict.ERROR],
                lost=self._lost,
            )

    @property
    def rejects_in_a_row(self) -> int:
        """FAIL and ERROR since the last PASS or the last `acknowledge`."""
        with self._lock:
            return self._rejects_in_a_row

    def acknowledge(self) -> None:
        """Begin to count rejects in a row afresh."""
        with self._lock:
            self._rejects_in_a_row = 0

    def recent(self) -> list[Inspection]:
        """The last committed inspections, oldest first, with their row numbers."""
        with self._lock:
            return list(self._recent)

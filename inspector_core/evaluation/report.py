"""The figures of one benchmark run, as values and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.dataset import GOOD
from inspector_core.evaluation.line_metrics import Rate, escape, false_reject_at_zero_escape, overkill
from inspector_core.evaluation.pixel_figures import PixelFigures
from inspector_core.evaluation.ranked_counts import rank

Json = dict[str, float | int | list[float] | None]

RATES = ("false_reject_at_zero_escape", "overkill", "escape")


@dataclass(frozen=True, slots=True)
class Case:
    """One scored image: file, defect type, raw score, and the engine's time for it."""

    path: Path
    defect: str
    score: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures over all parts, or over the good parts and one defect type.

    Areas and rates lie within 0..1, `ap` is over pixels; None where the images, the masks or the calibration
    that a figure needs are absent. The three rates carry their Clopper-Pearson interval.
    """

    image_auroc: float | None
    pixel_auroc: float | None
    pro: float | None
    ap: float | None
    false_reject_at_zero_escape: Rate | None
    threshold: float | None
    overkill: Rate | None
    escape: Rate | None
    ms_per_image: float | None
    images: int

    def as_json(self) -> Json:
        """Every figure under its name; `<rate>_interval` is a rate's 95 % Clopper-Pearson interval."""
        intervals = {f"{name}_interval": _interval(getattr(self, name)) for name in RATES}
        return {
            "image_auroc": self.image_auroc,
            "pixel_auroc": self.pixel_auroc,
            "pro": self.pro,
            "ap": self.ap,
            "false_reject_at_zero_escape": _value(self.false_reject_at_zero_escape),
            "threshold": self.threshold,
            "overkill": _value(self.overkill),
            "escape": _value(self.escape),
            "ms_per_image": self.ms_per_image,
            "images": self.images,
            **intervals,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What one benchmark run found.

    Attributes:
        overall, defects: the figures over all parts, and by defect type (each against all good parts).
        cases: every scored image.
        unreadable: what was wrong with each image or mask that was left out.
        without_mask: file names of defective images that the pixel figures leave out, as they have no mask or
            an empty one.
        pixel_error_bounds: how far overall pixel AUROC, AP and PRO can be off by counting scores in bins;
            0 where each score was held.
    """

    category: Path
    overall: Figures
    defects: dict[str, Figures]
    cases: tuple[Case, ...]
    unreadable: tuple[str, ...]
    without_mask: tuple[str, ...]
    pixel_error_bounds: tuple[float, float, float]

    def as_json(self) -> dict[str, object]:
        """The overall figures, and the same by defect type under `defects`; ready for `json.dumps`."""
        return {
            **self.overall.as_json(),
            "defects": {name: found.as_json() for name, found in self.defects.items()},
            "pixel_error_bounds": dict(
                zip(("pixel_auroc", "ap", "pro"), self.pixel_error_bounds, strict=True)
            ),
            "without_mask": list(self.without_mask),
            "left_out": list(self.unreadable),
        }

    def strangest_good(self, count: int) -> list[Case]:
        """The good parts of the highest scores: the first to be rejected."""
        return sorted((c for c in self.cases if c.defect == GOOD), key=lambda c: -c.score)[:count]

    def plainest_defective(self, count: int) -> list[Case]:
        """The defective parts of the lowest scores: the first to escape."""
        return sorted((c for c in self.cases if c.defect != GOOD), key=lambda c: c.score)[:count]


AREAS = ("image_auroc", "pixel_auroc", "pro", "ap")


def mean_figures(reports: Sequence[Report]) -> dict[str, float | None]:
    """The mean of each area and rate over categories that have it; None where none has it."""
    found: dict[str, float | None] = {}
    for name in (*AREAS, *RATES):
        figures_ = [report.overall.as_json()[name] for report in reports]
        known = [float(value) for value in figures_ if isinstance(value, int | float)]
        found[name] = float(np.mean(known)) if known else None
    return found


def figures(
    cases: Sequence[Case], pixels: PixelFigures, threshold: float | None, only: str | None = None
) -> Figures:
    """Measure a set of scored images.

    `only` names the defect type that the count of images and the time are of; None: of all the cases.
    """
    good = [c.score for c in cases if c.defect == GOOD]
    defective = [c.score for c in cases if c.defect != GOOD]
    timed = [c.milliseconds for c in cases if only is None or c.defect == only]
    return Figures(
        image_auroc=auroc(rank(defective, good)),
        pixel_auroc=pixels.auroc,
        pro=pixels.pro,
        ap=pixels.average_precision,
        false_reject_at_zero_escape=false_reject_at_zero_escape(good, defective),
        threshold=threshold,
        overkill=overkill(good, threshold),
        escape=escape(defective, threshold),
        ms_per_image=float(np.median(timed)) if timed else None,
        images=len(timed),
    )


def _value(rate: Rate | None) -> float | None:
    return None if rate is None else rate.value


def _interval(rate: Rate | None) -> list[float] | None:
    return None if rate is None else list(rate.interval())

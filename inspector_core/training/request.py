"""What is asked of a training run, and what it tells while it works."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from inspector_core.detectors.names import DetectorName
from inspector_core.detectors.tiling import Tiling

Phase = Literal["prepare", "train", "validate", "calibrate", "done"]


class TrainingRequest(BaseModel):
    """One training run.

    Attributes:
        data: folder of normal images, or an MVTec-layout category.
        out: the model file to write; `<out>.<run>.checkpoint` stands beside it until the run is complete.
        preset: `edge` or `paper`; None takes `paper` on a GPU and `edge` elsewhere.
        steps, minutes: length of the run, one or neither; neither takes the preset's number of steps.
        added: folder of further good parts, such as confirmed false rejects: trained on, never calibrated
            with, as they were chosen by their score.
        tiling: cut large images; each tile is trained on, and the thresholds are of whole parts.
        registration: "on" brings all parts into one pose, "off" takes them as they lie, "auto" brings them
            into one pose where they lie turned or shifted and are far more alike then.
        start_from: a model whose networks the run starts from; "base" is the one that ships with Norma.
        reject_rate: the false-reject rate to calibrate for, 0..1.
        textures: folder of texture images for the synthesis, in place of the procedural ones.
        samples: where to write a picture of the current state now and then; None writes none.
        command: goes into the model's metadata.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Path
    out: Path
    added: Path | None = None
    detector: DetectorName = "diffusion-ad"
    preset: str | None = None
    size: int = 256
    tiling: Tiling | None = None
    registration: Literal["auto", "on", "off"] = "auto"
    steps: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    start_from: Path | Literal["base"] | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: str = "auto"
    reject_rate: float = Field(default=0.01, gt=0, lt=1)
    textures: Path | None = None
    samples: Path | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        fraction: of the training steps, 0..1.
        seconds_left: estimate for the rest of the training steps; None where there is none yet.
        losses: means since the last report: `noise` (Eq. 9), `mask` (Eq. 10).
        samples: the newest picture (input, reconstruction and map side by side), where one was asked for.
    """

    phase: Phase
    step: int = 0
    fraction: float = 0.0
    seconds_left: float | None = None
    losses: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)
    samples: Path | None = None
    message: str = ""


Report = Callable[[Progress], None]


class TrainingCancelled(Exception):
    """The run was cancelled; its last checkpoint stands."""


class TrainingShared(Exception):
    """One of several processes has done its share of a run that another one saves."""

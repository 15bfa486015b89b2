"""Detectors as data: every choice that tells one preset from another.

The rows named in comments are those of the comparison of the paper with its published code in
docs/detectors.md; where the two differ, a field here says which is taken.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from inspector_core.detectors.feature_evidence import EvidenceConfig
from inspector_core.detectors.hdm_config import HDMConfig, HDMTraining
from inspector_core.detectors.names import DetectorName
from inspector_core.detectors.oriented_energy import LEAST_SIDE
from inspector_core.detectors.tiling import Tiling
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig
from inspector_core.errors import DataError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)  # row 27: an unknown key is an error


class DiffusionConfig(_Strict):
    """The forward process and what the network predicts.

    Attributes:
        beta_end: 0.02 as in the published code, to which t=200, 300 and 400 belong; the paper prints 0.01
            (row 1).
        pixel_range: `unit` feeds the network 0..1 as published, `signed` -1..1 (row 2).
        clamp: limits of the two clamps in the guidance (rows 2 and 13).
    """

    steps: PositiveInt = 1000
    beta_start: PositiveFloat = 1e-4
    beta_end: PositiveFloat = 0.02
    prediction: Literal["epsilon", "x0"] = "epsilon"
    pixel_range: Literal["unit", "signed"] = "unit"
    clamp: tuple[float, float] = (-1.0, 1.0)


class InferenceConfig(_Strict):
    """How an image becomes a score (rows 12, 14 and 22).

    Attributes:
        t_small, t_big: noise scales S and B.
        guidance: w of Eq. 7; 0 is one-step denoising from the small scale alone.
        noise_seed: the noise is drawn once from it and stored with the model.
        top_pixels: K of the image score at 256 x 256; other sizes scale it by area.
    """

    t_small: int = Field(default=200, ge=0)
    t_big: PositiveInt = 400
    guidance: float = Field(default=1.0, ge=0)
    noise_seed: int = 0
    top_pixels: PositiveInt = 50


class DetectorConfig(_Strict):
    """All that is needed to build the detector again; stored in its model file.

    Attributes:
        hdm: given exactly where `detector` is `hdm`.
        reconstruction: off, the segmentation sees the image alone and no denoiser runs; to compare with.
    """

    detector: DetectorName = "diffusion-ad"
    preset: str
    size: int = Field(default=256, ge=32, le=1024)
    diffusion: DiffusionConfig = DiffusionConfig()
    denoiser: UNetConfig = UNetConfig()
    segmentation: SegmentationConfig = SegmentationConfig()
    inference: InferenceConfig = InferenceConfig()
    evidence: EvidenceConfig | None = None
    hdm: HDMConfig | None = None
    reconstruction: bool = True

    @model_validator(mode="after")
    def _size_fits(self) -> "DetectorConfig":
        stride = max(self.denoiser.stride, self.segmentation.stride)
        if self.size % stride:
            raise ValueError(f"size {self.size} is not a multiple of {stride}")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "DetectorConfig":
        if (self.detector == "hdm") != (self.hdm is not None):
            raise ValueError("the detector hdm comes with its settings, and no other does")
        if not self.reconstruction and (self.hdm is not None or self.evidence is not None):
            raise ValueError("HDM and feature evidence need a reconstruction")
        if self.hdm is not None and not self.hdm.correction and self.evidence is not None:
            raise ValueError("feature evidence needs the segmentation")
        if self.evidence is not None and self.size < LEAST_SIDE:
            raise ValueError(f"feature evidence needs {LEAST_SIDE} pixels a side")
        inputs = 3 + 3 * self.reconstruction + (self.hdm.ratios if self.hdm is not None else 0)
        if self.segmentation.inputs != inputs:
            raise ValueError(f"the segmentation has {self.segmentation.inputs} inputs instead of {inputs}")
        return self

    @property
    def top_k(self) -> int:
        """K of the image score at this size."""
        return max(1, round(self.inference.top_pixels * self.size**2 / 256**2))


class TrainingConfig(_Strict):
    """How a detector is trained; Eq. 9 to 11.

    Attributes:
        batch: images a step, exactly half of them normal (rows 4 and 6).
        steps: length of the run where neither steps nor minutes are asked for (row 7).
        denoiser_lr, segmentation_lr: peak rates; linear warm-up over `warm_up` of the run, then one cosine to
            `final_lr` of the peak (row 8).
        fine_tuning: share of the denoiser's rate in a run that starts from another model: the full one undoes
            in its first steps more than a short run makes good.
        tau, t_small_min, t_big_max: S from [t_small_min, tau), B from [tau, t_big_max) (rows 10 and 11).
        detach_reconstruction: stops the mask loss at the reconstruction, so that the denoiser learns from
            normal images alone (row 5).
        replays: further segmentation steps after each joint step, on crops of normal images whose
            reconstructions are stored, half of them with a new anomaly.
        replay_bank: how many reconstructions are stored for that.
        replay_batch: crops a step, exactly half of them with an anomaly in them.
        replay_crop: side of the crops as a share of the image's.
        ema: decay of the averaged weights that are saved, ramped up; None saves the last weights (row 9).
        noise_weight, focal_weight, focal_alpha, focal_gamma, bce_weight: of the loss (rows 3 and 15).
        snr_cap: for x0-prediction.
        flips: mirror images at random (row 21).
        hdm: generation and choice of anomalies, for the detector HDM.
    """

    batch: int = Field(default=16, ge=2, multiple_of=2)
    steps: PositiveInt = 50_000
    optimiser: Literal["adam", "adamw"] = "adam"
    denoiser_lr: PositiveFloat = 1e-4
    segmentation_lr: PositiveFloat = 1e-4
    fine_tuning: PositiveFloat = 0.3
    weight_decay: float = 0.0
    warm_up: float = Field(default=0.02, ge=0, lt=1)
    final_lr: float = Field(default=0.01, ge=0, le=1)
    gradient_clip: PositiveFloat = 1.0
    tau: PositiveInt = 300
    t_small_min: int = 0
    t_big_max: PositiveInt = 1000
    detach_reconstruction: bool = False
    replays: int = Field(default=0, ge=0)
    replay_bank: int = Field(default=128, ge=0)
    replay_batch: int = Field(default=16, ge=2, multiple_of=2)
    replay_crop: float = Field(default=0.5, gt=0, le=1)
    ema: float | None = None
    noise_weight: PositiveFloat = 1.0
    focal_weight: PositiveFloat = 5.0
    focal_alpha: float = 0.5
    focal_gamma: float = 4.0
    bce_weight: float = 0.0
    snr_cap: PositiveFloat = 5.0
    flips: bool = False
    hdm: HDMTraining | None = None


class Preset(_Strict):
    """A named detector and how it is trained."""

    detector: DetectorConfig
    training: TrainingConfig


PAPER = Preset(
    detector=DetectorConfig(preset="paper"),
    training=TrainingConfig(),
)
"""DiffusionAD as published: 131.65 M and 28.37 M parameters at 256 x 256."""

EDGE = Preset(
    detector=DetectorConfig(
        preset="edge",
        diffusion=DiffusionConfig(prediction="x0"),
        denoiser=UNetConfig(
            patch=4,
            channels=64,
            multipliers=(1, 2, 3),
            blocks=1,
            attention=(16,),
            residual_resampling=False,
        ),
        segmentation=SegmentationConfig(patch=2, channels=32, multipliers=(1, 2, 2, 4)),
        evidence=EvidenceConfig(earned=True),
    ),
    training=TrainingConfig(
        batch=8,
        steps=2_000,
        optimiser="adamw",
        denoiser_lr=5e-4,
        segmentation_lr=1e-3,
        weight_decay=0.01,
        warm_up=0.05,
        t_small_min=50,
        t_big_max=600,
        detach_reconstruction=True,
        replays=6,
        replay_bank=256,
        ema=0.995,
        bce_weight=0.5,
    ),
)
"""For machines without a GPU: patches in place of pixels, a denoiser that predicts x̂0, and oriented energies
as evidence beside the segmentation (docs/decisions/0009)."""

PRESETS = {"paper": PAPER, "edge": EDGE}


def preset(name: str, size: int, detector: DetectorName = "diffusion-ad") -> Preset:
    """A preset at an input size; for `hdm` with that detector's settings beside it.

    Raises:
        DataError: no such preset, or a size that its networks can't take.
    """
    if name not in PRESETS:
        raise DataError(f"there is no preset {name!r}", f"choose one of {', '.join(sorted(PRESETS))}")
    chosen = PRESETS[name]
    stride = max(chosen.detector.denoiser.stride, chosen.detector.segmentation.stride)
    if not 128 <= size <= 512 or size % stride:
        raise DataError(
            f"the preset {name} can't take {size} x {size} pixels",
            f"choose a size from 128 to 512 that is a multiple of {stride}",
        )
    config = DetectorConfig.model_validate({**chosen.detector.model_dump(), "size": size})
    sized = Preset(detector=config, training=chosen.training)
    return with_hdm(sized, HDMConfig(), HDMTraining()) if detector == "hdm" else sized


def with_hdm(chosen: Preset, hdm: HDMConfig, training: HDMTraining) -> Preset:
    """The same networks as HDM; the segmentation takes the likelihood ratios as further inputs."""
    segmentation = chosen.detector.segmentation.model_copy(update={"inputs": 6 + hdm.ratios})
    changed = {"detector": "hdm", "hdm": hdm, "segmentation": segmentation}
    config = DetectorConfig.model_validate(chosen.detector.model_dump() | changed)
    return Preset(detector=config, training=chosen.training.model_copy(update={"hdm": training}))


def without_colour(chosen: Preset) -> Preset:
    """The same for a product whose images have none, so that feature evidence need not look for it."""
    evidence = chosen.detector.evidence
    if evidence is None:
        return chosen
    grey = evidence.model_copy(update={"colour": False})
    return chosen.model_copy(update={"detector": chosen.detector.model_copy(update={"evidence": grey})})


def for_tiles(chosen: Preset, tiling: Tiling | None) -> Preset:
    """The same for parts that are looked at in tiles, each of the detector's size."""
    evidence = chosen.detector.evidence
    if evidence is None or tiling is None:
        return chosen
    of_tiles = evidence.model_copy(update={"tiles": (tiling.rows, tiling.columns)})
    return chosen.model_copy(update={"detector": chosen.detector.model_copy(update={"evidence": of_tiles})})

"""HDM as data: what of it is on, in the detector and in its training (docs/hdm.md)."""

from typing import Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HDMConfig(_Strict):
    """The discriminative module (DDM).

    With `llr` and `adaptive_guidance` off and no refinement, its logits are DiffusionAD's to the bit.

    Attributes:
        llr: likelihood ratios as inputs of the segmentation and as the analytic logit ℓ0.
        correction: the segmentation, g of ℓ = ℓ0 + g; without it the analytic logit stands alone, and nothing
            but the denoiser is trained.
        adaptive_guidance: guide each pixel by its analytic probability.
        place: measure a residual against what is usual at its place, too; worth it where parts lie alike, and
            harmless elsewhere.
        windows: sides in pixels over which residuals are pooled; the last one weighs in ℓ0 from the start.
        strength: s of the alternative N(0, 1+s). Λ is affine in the energy, so that it decides no order.
        weights: c of ℓ0 at the start for the small and the big scale.
        prior: share of anomalous pixels that ℓ0 starts from.
        refine_steps: further passes on an image whose suspicious pixels are replaced by the reconstruction.
    """

    llr: bool = True
    correction: bool = True
    adaptive_guidance: bool = True
    place: bool = True
    windows: tuple[PositiveInt, ...] = (3, 9)
    strength: PositiveFloat = 3.0
    weights: tuple[NonNegativeFloat, NonNegativeFloat] = (0.2, 0.2)
    prior: float = Field(default=0.055, gt=0, lt=1)
    refine_steps: int = Field(default=0, ge=0, le=4)

    @model_validator(mode="after")
    def _something_decides(self) -> Self:
        if not self.windows or any(side % 2 == 0 for side in self.windows):
            raise ValueError("windows are odd, and there is at least one")
        if not (self.llr or self.correction):
            raise ValueError("without likelihood ratios and without the segmentation nothing decides")
        return self

    @property
    def ratios(self) -> int:
        """Channels that the likelihood ratios take."""
        return 2 * len(self.windows) if self.llr else 0


class HDMTraining(_Strict):
    """The anomaly generation (DAGM) and the probability optimisation (POM) while training.

    Attributes:
        dagm: generate anomalies with the denoiser; off, all of them are composites.
        pom: choose and weigh the generated ones, refine their labels, steer their strength; off, all are
            taken, with their whole masks as labels.
        start: share of the run after which anomalies are generated.
        local, diffused: relative shares of the two kinds that are generated, the inflated walk from a normal
            image and the diffused composite.
        share: of a batch's anomalies, those from the bank; the rest are composites, unfiltered.
        bank: generated anomalies kept.
        uses: how often one is trained on before it goes.
        every: joint steps between two rounds of generation.
        round: candidates a round.
        local_times, local_steps: range of the time that an inflated walk starts from, and its steps.
        diffused_times, diffused_steps: the same for diffused composites.
        last: time of a walk's last estimate.
        nu: exponent of the step's variance, 0 for β̃ and 1 for B.
        detail: add what the walk changed to the normal image, so that the network's loss of detail is not
            part of the anomaly.
        strength: s of the first candidates.
        opacity: range of β of Eq. 12 for what is generated.
        target: mean probabilities of the discriminator between which the strength is left as it is.
        strength_step: change of log s a round.
        budget: share of candidates to accept.
        change_quantile: of normal images' residuals; smaller changes bear no label.
        roughest: factor by which an anomaly's fine detail may exceed the normal image's.
        pacing: weigh candidates by the discriminator's probability, from easy to hard.
        calibration: images, half of them normal, that temperature and bias are fitted on.
    """

    dagm: bool = True
    pom: bool = True
    start: float = Field(default=0.3, ge=0, lt=1)
    local: NonNegativeFloat = 0.4
    diffused: NonNegativeFloat = 0.3
    share: float = Field(default=0.5, ge=0, le=0.75)
    bank: PositiveInt = 128
    uses: PositiveInt = 40
    every: PositiveInt = 8
    round: PositiveInt = 8
    local_times: tuple[PositiveInt, PositiveInt] = (300, 800)
    local_steps: int = Field(default=8, ge=2)
    diffused_times: tuple[PositiveInt, PositiveInt] = (60, 250)
    diffused_steps: int = Field(default=4, ge=2)
    last: int = Field(default=50, ge=0)
    nu: float = Field(default=0.5, ge=0, le=1)
    detail: bool = True
    strength: PositiveFloat = 16.0
    opacity: tuple[float, float] = (0.0, 0.5)
    target: tuple[float, float] = (0.5, 0.9)
    strength_step: PositiveFloat = 0.1
    budget: float = Field(default=0.6, gt=0, le=1)
    change_quantile: float = Field(default=0.9, gt=0, lt=1)
    roughest: PositiveFloat = 3.0
    pacing: bool = False
    calibration: PositiveInt = 128

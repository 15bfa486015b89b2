"""HDM: DiffusionAD that also knows how likely each pixel is under a normal and under an anomalous step.

HDM (arXiv 2502.19200) as its abstract describes it; details re-designed (docs/hdm.md). This is its
discriminative module: ℓ = ℓ0 + g, with ℓ0 in closed form from the reverse process and g the segmentation.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.diffusion.likelihood import (
    adaptive_guidance,
    edges,
    log_likelihood_ratio,
    pooled,
    residual_energy,
    residual_variance,
    usual,
)
from inspector_core.diffusion.norm_guided import Reconstruction, guide
from inspector_core.diffusion.schedule import at

BINS = 20
"""Stretches of time, each with residual statistics of its own."""
CELL = 8
"""Pixels, each way, to one place of the profile."""
RATIO_UNIT = 10.0
"""Nats to one unit of the segmentation's input."""
RATIO_LIMITS = (-10.0, 50.0)
"""Nats; beyond them a likelihood ratio says nothing more."""


class HDM(DiffusionAD):
    """DiffusionAD with likelihood ratios, adaptive guidance and a calibrated probability.

    Args:
        config: with `hdm` given.
    """

    log_variance: Tensor
    log_profile: Tensor
    temperature: Tensor
    bias: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        if config.hdm is None:
            raise ValueError("the configuration is not HDM's")
        self.hdm = hdm = config.hdm
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("bias", torch.zeros(()))
        # until residuals were observed, the variance is 1 and all ratios say normal
        grid = config.size // CELL
        self.register_buffer("log_variance", torch.zeros(BINS, 3, 2))
        self.register_buffer("log_profile", torch.zeros(2, grid, grid))
        if hdm.llr:
            last = [[0.0] * (len(hdm.windows) - 1) + [weight] for weight in hdm.weights]
            self.ratio_weight = nn.Parameter(torch.tensor(last).flatten(), requires_grad=hdm.correction)
            self.prior_logit = nn.Parameter(torch.tensor(self._prior), requires_grad=hdm.correction)
            if hdm.correction:  # a cold start begins at ℓ0
                for parameter in self.segmentation.outlet.parameters():
                    nn.init.zeros_(parameter)

    @property
    def weighs(self) -> bool:
        """Whether the likelihood ratios serve for anything."""
        return self.hdm.llr or self.hdm.adaptive_guidance

    @property
    def _prior(self) -> float:
        return math.log(self.hdm.prior / (1 - self.hdm.prior))

    def coefficients(self, t: Tensor) -> Tensor:
        """a and b of the residuals' variance at times t [B]: [B, 3, 2]."""
        return self.log_variance[t * BINS // self.config.diffusion.steps].exp()

    def energies(self, x: Tensor, r: Reconstruction, t_small: Tensor, t_big: Tensor) -> tuple[Tensor, Tensor]:
        """‖r(p)‖² of both scales before any profile, each [B, 1, S, S]; 3 on normal pixels on average."""
        edge = edges(r.guided)
        limits = self.config.diffusion.clamp
        small, big = (
            residual_energy(x, estimate.clamp(*limits), residual_variance(self.coefficients(t), edge))
            for estimate, t in ((r.small, t_small), (r.big, t_big))
        )
        return small, big

    def ratios(self, x: Tensor, r: Reconstruction, t_small: Tensor, t_big: Tensor) -> Tensor:
        """Λ of both scales over each window, in nats: [B, 2·windows, S, S], the small scale first."""
        found = []
        for energy, profile in zip(self.energies(x, r, t_small, t_big), self.log_profile, strict=True):
            relative = energy / usual(profile.exp()[None, None], *x.shape[2:])
            found += [
                log_likelihood_ratio(pooled(relative, side), self.hdm.strength, x.shape[1])
                for side in self.hdm.windows
            ]
        return torch.cat(found, dim=1).clamp(*RATIO_LIMITS)

    def estimates(self, x: Tensor, r: Reconstruction, t_small: Tensor, t_big: Tensor) -> Tensor:
        """The guided reconstruction [B, 3, S, S], and behind it the likelihood ratios where they are on."""
        if not self.weighs:
            return r.guided
        guided = r.guided
        ratios = self.ratios(x, r, t_small, t_big)
        if self.hdm.adaptive_guidance:
            a_small = at(self.denoiser.alpha_bar, t_small)
            small, big = ratios.chunk(2, dim=1)
            c_small, c_big = self.hdm.weights
            logit = self._prior + c_small * small[:, -1:] + c_big * big[:, -1:]
            w = adaptive_guidance(self.config.inference.guidance, a_small, logit)
            guided = guide(r.small, r.big, a_small, w, *self.config.diffusion.clamp)
        return torch.cat([guided, ratios], dim=1) if self.hdm.llr else guided

    def analytic_logit(self, ratios: Tensor) -> Tensor:
        """ℓ0 = logit π0 + Σ c Λ with c >= 0: [B, 1, S, S]."""
        # The weights are held at 0 going forward only, so that none that got there is lost to training.
        c = self.ratio_weight + (self.ratio_weight.clamp_min(0) - self.ratio_weight).detach()
        return self.prior_logit + (ratios * c.view(1, -1, 1, 1)).sum(1, keepdim=True)

    def segment(self, x: Tensor, guided: Tensor) -> Tensor:
        """Logits ℓ = ℓ0 + g, float32 [B, 1, S, S], from an encoded image and its `estimates`."""
        if not self.hdm.llr:
            return super().segment(x, guided)
        ratios = guided[:, 3:].float()
        analytic = self.analytic_logit(ratios)
        if not self.hdm.correction:
            return analytic
        inputs = torch.cat([guided[:, :3], ratios / RATIO_UNIT], dim=1)
        return analytic + super().segment(x, inputs)

    def reconstruct(self, image: Tensor) -> Tensor:
        estimates = super().reconstruct(image)
        for _ in range(self.hdm.refine_steps):  # suspicious pixels give way to the reconstruction
            p = self.compare(image, estimates).sigmoid()
            mixed = p * self.picture(image, estimates) + (1 - p) * image
            estimates = self._estimates_from(self.encode(image), self.encode(mixed))
        return estimates

    def probability(self, logits: Tensor) -> Tensor:
        """P = σ((ℓ + b) / T)."""
        return ((logits + self.bias) / self.temperature).sigmoid()

    def warm_start(self, weights: Mapping[str, Tensor]) -> None:
        """Begin as the DiffusionAD whose networks' weights these are: with adaptive guidance off, to the bit.

        The further inputs of the segmentation weigh nothing yet, and neither does ℓ0, unless it stands alone.

        Raises:
            RuntimeError: the networks are of another shape.
        """
        state = self.state_dict()
        taken = {name: value.float() for name, value in weights.items() if name in state}
        name = "segmentation.encoder.0.0.weight"
        if name in taken and self.hdm.llr and taken[name].shape[1] < state[name].shape[1]:
            first = torch.zeros_like(state[name])
            first[:, : taken[name].shape[1]] = taken[name]
            taken[name] = first
            if self.hdm.correction:
                with torch.no_grad():
                    self.ratio_weight.zero_()
                    self.prior_logit.zero_()
        self.load_state_dict(taken, strict=False)

"""What the denoiser leaves of normal images, followed while it learns (v_t of HDM)."""

import torch
from torch import Tensor

from inspector_core.detectors.hdm import BINS, CELL, HDM
from inspector_core.diffusion.likelihood import edges, energy_profile, fit_variance, residual_moments
from inspector_core.diffusion.norm_guided import Reconstruction

DECAY = 0.98
"""Of the average of a stretch of time, an image; the profile's stretches over four times as many."""


class ResidualStatistics:
    """Averages over normal images, from which a detector's residual variance is fitted.

    Args:
        detector: its `log_variance` and `log_profile` are kept up to date.
        decay: of the averages; 1 weighs all images alike.
    """

    def __init__(self, detector: HDM, decay: float = DECAY) -> None:
        self.decay = decay
        self.moments = torch.zeros(BINS, 3, 4, dtype=torch.float64)
        self.seen = torch.zeros(BINS, dtype=torch.int64)
        grid = detector.config.size // CELL
        self.profile = torch.ones(2, grid, grid, dtype=torch.float64)
        self.profiled = 0

    @torch.no_grad()
    def observe(self, detector: HDM, x: Tensor, r: Reconstruction, t_small: Tensor, t_big: Tensor) -> None:
        """Learn from the reconstructions r of encoded normal images x [B, 3, S, S]."""
        low, high = detector.config.diffusion.clamp
        edge = edges(r.guided)
        for estimate, t in ((r.small, t_small), (r.big, t_big)):
            moments = residual_moments(x, estimate.clamp(low, high), edge).cpu()
            for place, found in zip(
                (t * BINS // detector.config.diffusion.steps).tolist(), moments, strict=True
            ):
                keep = min(self.decay, int(self.seen[place]) / (int(self.seen[place]) + 1))
                self.moments[place] = keep * self.moments[place] + (1 - keep) * found
                self.seen[place] += 1
        self._fit(detector)
        if detector.hdm.place:
            self._observe_profile(detector, x, r, t_small, t_big)

    def _fit(self, detector: HDM) -> None:
        """Hand the fitted coefficients over; a stretch of time not seen yet takes the nearest one's."""
        known = self.seen.nonzero().flatten()
        nearest = known[(torch.arange(BINS)[:, None] - known).abs().argmin(1)]
        fitted = fit_variance(self.moments[nearest]).clamp_min(1e-12)
        detector.log_variance.copy_(fitted.log())

    def _observe_profile(
        self, detector: HDM, x: Tensor, r: Reconstruction, t_small: Tensor, t_big: Tensor
    ) -> None:
        found = torch.cat(
            [
                energy_profile(energy, detector.config.size // CELL, x.shape[1])[:, 0]
                for energy in detector.energies(x, r, t_small, t_big)
            ]
        )
        keep = min(self.decay ** (len(x) / 4), self.profiled / (self.profiled + len(x)))
        self.profile = keep * self.profile + (1 - keep) * found.double().cpu()
        self.profiled += len(x)
        detector.log_profile.copy_(self.profile.log())

    def state_dict(self) -> dict[str, object]:
        """All that `load_state_dict` needs."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take over stored averages."""
        for name, value in state.items():
            setattr(self, name, value)

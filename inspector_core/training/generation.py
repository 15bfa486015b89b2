"""The anomaly generation module of HDM (DAGM): anomalies drawn from a model of normal images.

HDM (arXiv 2502.19200) as its abstract describes it; details re-designed (docs/hdm.md). Two kinds are made
here, and a third, the composites of DiffusionAD, is always mixed in by the trainer:

local     a normal image, noised far and walked back with the inflated kernel inside a mask
          (the kernel of SDAS, CVPR 2024; that it is inflated in places only is new)
diffused  a composite, noised a little and walked back, which fits light and edges to their surroundings
          (SDEdit, arXiv 2108.01073)
"""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.presets import TrainingConfig
from inspector_core.diffusion.likelihood import pooled
from inspector_core.diffusion.reverse_kernel import descending_times, inflated_walk
from inspector_core.diffusion.schedule import add_noise, at
from inspector_core.engines.devices import body_type
from inspector_core.synthesis.composite import Synthesizer

Kind = Literal["local", "diffused"]
RIM = 1
"""Pixels that a mask grows by before its edge is softened."""


class Candidates(NamedTuple):
    """Generated anomalies, before anything judged them.

    Attributes:
        normal, image: float32 [B, 3, S, S], 0..1, in whole 8-bit steps; equal where `soft` is 0.
        soft: m, where something may have changed, [B, 1, S, S], 0..1.
        indices: of the normals, int64 [B].
    """

    normal: Tensor
    image: Tensor
    soft: Tensor
    indices: Tensor


class AnomalyGenerator:
    """Draws anomalies with a detector's denoiser.

    Args:
        synthesizer: of the normal images; it gives shapes, places and the composites.
        config: the whole training configuration, with `hdm` given.
    """

    def __init__(self, synthesizer: Synthesizer, config: TrainingConfig) -> None:
        assert config.hdm is not None
        self.synthesizer = synthesizer
        self._config = config.hdm
        # Times that the denoiser was never trained at mean nothing to it.
        self._latest = config.t_big_max - 1
        self._last = max(config.hdm.last, config.t_small_min)

    @torch.no_grad()
    def propose(
        self,
        detector: DiffusionAD,
        kind: Kind,
        indices: Tensor,
        strength: float,
        random: torch.Generator,
        noise: torch.Generator,
        opacity: tuple[float, float] | None = None,
    ) -> Candidates:
        """One anomaly for each of the normals at `indices` [B].

        Args:
            strength: s >= 0 of the inflated kernel.
            random: decides shapes, places, times and opacities.
            noise: on the detector's device.
            opacity: range of β of Eq. 12, in place of the configured one.
        """
        normal = self.synthesizer.normals(indices)
        start, mask = normal, None
        if kind == "local":
            mask = self.synthesizer.masks(indices, random)
        else:
            start, _ = self.synthesizer.sample(indices, random)
            mask = ((start - normal).abs().amax(1, keepdim=True) > 0).float()
        soft = soften(mask)
        made = self._walk(detector, kind, start, normal, soft, strength, random, noise)
        low, high = self._config.opacity if opacity is None else opacity
        beta = torch.rand(len(indices), generator=random).to(normal.device) * (high - low) + low
        changed = normal + (1 - beta.view(-1, 1, 1, 1)) * (made - normal)  # Eq. 12 with a soft edge
        image = changed.mul(255).round().clamp(0, 255).div(255)
        return Candidates(normal, image, soft, indices)

    def _walk(
        self,
        detector: DiffusionAD,
        kind: Kind,
        start: Tensor,
        normal: Tensor,
        soft: Tensor,
        strength: float,
        random: torch.Generator,
        noise: torch.Generator,
    ) -> Tensor:
        """The normal images with what the walk made in place of their masks, 0..1."""
        c = self._config
        denoiser, limits = detector.denoiser, detector.config.diffusion.clamp
        (low, high), steps = (
            (c.local_times, c.local_steps) if kind == "local" else (c.diffused_times, c.diffused_steps)
        )
        high = max(min(high, self._latest), self._last)
        drawn = torch.randint(min(low, high), high + 1, (len(normal),), generator=random).to(normal.device)
        times = descending_times(drawn.clamp_min(self._last), self._last, steps)
        z = torch.randn((steps, *normal.shape), generator=noise, device=normal.device)
        known = detector.encode(normal)
        s = torch.full((len(normal), 1, 1, 1), strength, device=normal.device)
        body = body_type(normal.device)
        with torch.autocast(normal.device.type, body, enabled=body != torch.float32):
            walked = inflated_walk(denoiser, detector.encode(start), known, soft, s, times, c.nu, z, limits)
            if c.detail:
                a_last = at(denoiser.alpha_bar, times[-1])
                walked += known - denoiser.x0(add_noise(known, z[0], a_last), times[-1]).clamp(*limits)
        made = detector.decode(walked)
        if self.synthesizer.grey:
            made = made.mean(1, keepdim=True).expand_as(made)
        return normal + soft * (made - normal)


def soften(mask: Tensor) -> Tensor:
    """A mask {0, 1} grown by RIM pixels, with a soft edge: [B, 1, S, S], 1 on the mask, 0 from RIM+1 on."""
    grown = F.max_pool2d(mask, 2 * RIM + 1, stride=1, padding=RIM)
    return torch.maximum(pooled(grown, 3) * grown, mask)

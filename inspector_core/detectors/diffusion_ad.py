"""DiffusionAD: reconstruct by norm-guided one-step denoising, then segment what differs."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inspector_core.detectors.feature_evidence import FeatureEvidence
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.diffusion import norm_guided
from inspector_core.diffusion.denoiser import Denoiser
from inspector_core.diffusion.schedule import linear_alpha_bar
from inspector_core.diffusion.segmentation import SegmentationNet
from inspector_core.diffusion.unet import UNet

RUN = 64
"""Pixels of which the strangest is looked for first, where K of many are wanted."""


class DetectorOutput(NamedTuple):
    """For each of B images: logits float32 [B, 1, S, S] and the reconstruction float32 [B, 3, S, S], 0..1."""

    logits: Tensor
    reconstruction: Tensor


class DiffusionAD(nn.Module):
    """The two sub-networks, the schedule, and the noise that every image gets.

    The noise is drawn once and kept in the state, so that the same image always gives the same score.
    """

    noise_small: Tensor
    noise_big: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        diffusion = config.diffusion
        alpha_bar = linear_alpha_bar(diffusion.steps, diffusion.beta_start, diffusion.beta_end)
        network = UNet(config.denoiser)
        self.denoiser = Denoiser(network, alpha_bar, diffusion.prediction)
        self.segmentation = SegmentationNet(config.segmentation)
        self.evidence: FeatureEvidence | None = None
        if config.evidence is not None:
            self.evidence = FeatureEvidence(config.evidence, config.size)
        generator = torch.Generator().manual_seed(config.inference.noise_seed)
        shape = (1, 3, config.size, config.size)
        self.register_buffer("noise_small", torch.randn(shape, generator=generator, device="cpu"))
        self.register_buffer("noise_big", torch.randn(shape, generator=generator, device="cpu"))

    def encode(self, image: Tensor) -> Tensor:
        """Image 0..1 to the network's range."""
        return image if self.config.diffusion.pixel_range == "unit" else image * 2 - 1

    def decode(self, x: Tensor) -> Tensor:
        """The network's range to an image 0..1."""
        return (x if self.config.diffusion.pixel_range == "unit" else (x + 1) / 2).clamp(0, 1)

    def estimates(self, x: Tensor, r: norm_guided.Reconstruction, t_small: Tensor, t_big: Tensor) -> Tensor:
        """What the segmentation gets beside the encoded images x: the guided reconstruction [B, 3, S, S].

        Args:
            r: reconstructed from x at the noise scales t_small and t_big, int64 [B].
        """
        return r.guided

    def segment(self, x: Tensor, guided: Tensor) -> Tensor:
        """Logits float32 [B, 1, S, S] from encoded images and `estimates` (DiffusionAD, section III-C)."""
        return self.segmentation(torch.cat([x, guided], dim=1)).float()  # type: ignore[no-any-return]

    def probability(self, logits: Tensor) -> Tensor:
        """The anomaly map, 0..1, from logits."""
        return logits.sigmoid()

    def forward(self, image: Tensor, tile: Tensor | None = None) -> DetectorOutput:
        """Images float32 [B, 3, S, S], 0..1, to logits and reconstructions.

        Args:
            tile: as for `FeatureEvidence.distance`.
        """
        output = self.pass_networks(image)
        if self.evidence is None or not self.evidence.fitted:
            return output
        combined = self.evidence.combine(output.logits, self.evidence.distance(image, tile))
        return output._replace(logits=combined)

    def pass_networks(self, image: Tensor) -> DetectorOutput:
        """The two sub-networks alone."""
        estimates = self.reconstruct(image)
        return DetectorOutput(self.compare(image, estimates), self.picture(image, estimates))

    def reconstruct(self, image: Tensor) -> Tensor:
        """The first sub-network: images float32 [B, 3, S, S], 0..1, to `estimates`."""
        x = self.encode(image)
        return self._estimates_from(x, x)

    def compare(self, image: Tensor, estimates: Tensor) -> Tensor:
        """The second: logits float32 [B, 1, S, S] of images and what `reconstruct` made of them."""
        return self.segment(self.encode(image), estimates)

    def picture(self, image: Tensor, estimates: Tensor) -> Tensor:
        """The reconstruction to be looked at, float32 [B, 3, S, S], 0..1."""
        return self.decode(estimates[:, :3] if self.config.reconstruction else self.encode(image))

    def _estimates_from(self, x: Tensor, source: Tensor) -> Tensor:
        """`estimates` beside encoded images x of what is reconstructed of `source`, both [B, 3, S, S]."""
        if not self.config.reconstruction:
            return x[:, :0]
        inference = self.config.inference
        t_small = torch.full((len(x),), inference.t_small, dtype=torch.int64, device=x.device)
        t_big = torch.full((len(x),), inference.t_big, dtype=torch.int64, device=x.device)
        low, high = self.config.diffusion.clamp
        # pixel by pixel, and so the same on the patches that the network takes, where it is moved about least
        patch, w = self.config.denoiser.patch, inference.guidance
        cut, small, big = (
            F.pixel_unshuffle(part, patch) for part in (source, self.noise_small, self.noise_big)
        )
        of_patches = norm_guided.reconstruct(self.denoiser, cut, small, big, t_small, t_big, w, low, high)
        r = norm_guided.Reconstruction(*[F.pixel_shuffle(part, patch) for part in of_patches])
        return self.estimates(x, r, t_small, t_big)


def image_score(logits: Tensor, k: int) -> float:
    """Mean probability of the K strangest pixels of one map of logits (DiffusionAD, section III-D).

    Chosen by logit and averaged in float64, so that saturated probabilities do not tie.
    """
    pixels = logits.flatten()
    if pixels.numel() % RUN == 0 and k <= pixels.numel() // RUN:  # all of the K are in the K strangest runs
        runs = pixels.view(-1, RUN)
        pixels = runs[runs.amax(1).topk(k).indices].flatten()
    top = pixels.topk(k).values.double()
    return float(top.sigmoid().mean())

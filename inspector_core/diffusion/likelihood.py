"""What a reconstruction says against a pixel: a likelihood ratio, without anything trained for it.

A residual of the denoiser, standardised by what it leaves of normal images, is N(0, 1) for a normal pixel and
N(0, 1+s) for one that was drawn from the inflated kernel. HDM as its abstract describes it; details
re-designed (docs/hdm.md). That the divergence of the posteriors scores better than a distance of colours is
reported for "Removing Anomalies as Noises" (ICCV 2023).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST_DEVIATION = 0.5 / 255
"""No standard deviation of a residual is taken to be smaller: half a step of an 8-bit image."""
LEAST_SHARE = 0.2
"""The part of the mean residual's variance that is not laid to edges, at least."""


def edges(image: Tensor) -> Tensor:
    """|∇|² by central differences, mean over the channels: [B, C, H, W] to [B, 1, H, W]."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    return (across.square() + down.square()).mean(1, keepdim=True)


def residual_variance(coefficients: Tensor, edge: Tensor) -> Tensor:
    """v(p) = a + b |∇x̂_g(p)|² for each channel.

    Args:
        coefficients: a and b, [B, C, 2].
        edge: from `edges`, [B, 1, H, W].

    Returns:
        [B, C, H, W], at least LEAST_DEVIATION².
    """
    a, b = coefficients[..., None, None].unbind(2)  # each [B, C, 1, 1]
    return (a + b * edge).clamp_min(LEAST_DEVIATION**2)


def residual_energy(x: Tensor, estimate: Tensor, variance: Tensor, window: int = 1) -> Tensor:
    """‖r(p)‖² over the channels, mean over a window about p: [B, 1, H, W]; C for normal pixels on average."""
    energy = ((x - estimate).square() / variance).sum(1, keepdim=True)
    return pooled(energy, window)


def pooled(values: Tensor, window: int) -> Tensor:
    """Mean over a square window of an odd side; at the border over what is inside."""
    if window == 1:
        return values
    return F.avg_pool2d(values, window, stride=1, padding=window // 2, count_include_pad=False)


def log_likelihood_ratio(energy: Tensor, strength: float, channels: int) -> Tensor:
    """Λ = log p(r|anomalous) - log p(r|normal) = ½ (s/(1+s) ‖r‖² - C log(1+s)), in nats.

    It is affine in the energy: the strength s moves and stretches it, and never changes an order.
    """
    return (strength / (1 + strength) * energy - channels * math.log1p(strength)) / 2


def adaptive_guidance(w: float, a_small: Tensor, logit: Tensor) -> Tensor:
    """Guidance strength for each pixel, [B, 1, H, W], to hand to `guide`.

    With λ = w (1-ᾱ_s), a pixel of probability P is moved by λ + (1-λ) P: normal pixels keep the detail of the
    small scale, suspicious ones go to the big one.
    """
    share = w * (1 - a_small)
    return (share + (1 - share).clamp_min(0) * logit.sigmoid()) / (1 - a_small)


def usual(profile: Tensor, height: int, width: int) -> Tensor:
    """A coarse map of how large the energy is where, [1, 1, h, w], at the size of the image."""
    return F.interpolate(profile, (height, width), mode="bilinear", align_corners=False)


def energy_profile(energy: Tensor, cells: int, channels: int) -> Tensor:
    """Mean energy of normal images on a grid of `cells` x `cells` against what is expected, [1, 1, h, w].

    Parts that lie alike differ alike from their reconstructions: an edge that wanders, a print that varies.
    Half a pixel's channel of expectation is mixed in, so that no place counts as known to the last digit.
    """
    mean = F.adaptive_avg_pool2d(energy.mean(0, keepdim=True), cells)
    return (mean + 0.5) / (channels + 0.5)


def residual_moments(x: Tensor, estimate: Tensor, edge: Tensor) -> Tensor:
    """Means over each image's pixels of r², g, g², r²g with g = |∇x̂_g|²: [B, C, 4], for `fit_variance`."""
    squared = (x - estimate).square().double()
    gradient = edge.double().expand_as(squared)
    kinds = (squared, gradient, gradient.square(), squared * gradient)
    return torch.stack([kind.mean((2, 3)) for kind in kinds], dim=2)


def fit_variance(moments: Tensor) -> Tensor:
    """Least-squares a and b of r² ≈ a + b g from mean moments [..., 4]: [..., 2]; both >= 0.

    The mean of the fit over the images stays the mean of r², also where b is held back.
    """
    squared, gradient, gradient2, product = moments.unbind(-1)
    spread = (gradient2 - gradient.square()).clamp_min(0)
    slope = (product - squared * gradient) / spread.clamp_min(1e-12)
    steepest = (1 - LEAST_SHARE) * squared / gradient.clamp_min(1e-12)
    slope = torch.where(spread > 1e-12, slope, 0.0).clamp_min(0).minimum(steepest)
    return torch.stack([squared - slope * gradient, slope], dim=-1)

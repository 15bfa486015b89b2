"""Norm-guided one-step denoising: both noise scales in one batch, Eq. 7 and 8 in closed form."""

from typing import NamedTuple

import torch
from torch import Tensor

from inspector_core.diffusion.denoiser import Denoiser
from inspector_core.diffusion.schedule import add_noise, at


class Reconstruction(NamedTuple):
    """Estimates of the part without a fault.

    Attributes:
        small, big, guided: float32 [B, C, H, W]; from the small scale, the big one, and both.
        outputs: the network's own output [2B, C, H, W], small scale first, for the loss of Eq. 9.
    """

    small: Tensor
    big: Tensor
    guided: Tensor
    outputs: Tensor


def guide(
    x0_small: Tensor, x0_big: Tensor, a_small: Tensor, w: float | Tensor, low: float, high: float
) -> Tensor:
    """Move the small-scale estimate towards the big-scale one (DiffusionAD Eq. 7 and 8).

    The guided noise of Eq. 7 put into Eq. 8 cancels to an interpolation,
    x̂_g = x̂_s + w (1-ᾱ_s) (clip(x̂_b) - x̂_s), since n_ts and x_ts share one ε_θ(x_ts).

    Args:
        x0_small, x0_big: one-step estimates [B, C, H, W].
        a_small: ᾱ at the small scale, broadcastable.
        w: guidance strength; a tensor [B, 1, H, W] guides each pixel by itself.
        low, high: limits of the two clamps.
    """
    big = x0_big.clamp(low, high)
    return (x0_small + w * (1 - a_small) * (big - x0_small)).clamp(low, high)


def reconstruct(
    denoiser: Denoiser,
    x: Tensor,
    noise_small: Tensor,
    noise_big: Tensor,
    t_small: Tensor,
    t_big: Tensor,
    w: float | Tensor,
    low: float = -1.0,
    high: float = 1.0,
) -> Reconstruction:
    """Reconstruct `x` [B, C, H, W] from both noise scales with one call of the network.

    Args:
        noise_small, noise_big: standard normal, of x's shape or [1, C, H, W].
        t_small, t_big: int64 [B], the noise scales S and B of the paper.
        w, low, high: as for `guide`.
    """
    a_small = at(denoiser.alpha_bar, t_small)
    a_big = at(denoiser.alpha_bar, t_big)
    x_t = torch.cat([add_noise(x, noise_small, a_small), add_noise(x, noise_big, a_big)])  # [2B, C, H, W]
    x0, outputs = denoiser(x_t, torch.cat([t_small, t_big]))
    small, big = x0.chunk(2)
    return Reconstruction(small, big, guide(small, big, a_small, w, low, high), outputs)

"""The forward process: β, ᾱ, and what follows from them in closed form.

Time is 0-based: `alpha_bar[t]` belongs to t+1 noising steps, as in the published code. Functions take
ᾱ_t already gathered and shaped to broadcast over [B, C, H, W]; they work in any float type.
"""

import torch
from torch import Tensor


def linear_alpha_bar(steps: int, beta_start: float, beta_end: float) -> Tensor:
    """Cumulative products ᾱ of 1-β for β linear from `beta_start` to `beta_end`; float64 [steps]."""
    if not (0 < beta_start <= beta_end < 1 and steps > 1):
        raise ValueError("a linear schedule needs 0 < beta_start <= beta_end < 1 and more than one step")
    beta = torch.linspace(beta_start, beta_end, steps, dtype=torch.float64)
    return torch.cumprod(1 - beta, dim=0)


def at(alpha_bar: Tensor, t: Tensor) -> Tensor:
    """ᾱ_t for integer times t [B], as [B, 1, 1, 1]."""
    return alpha_bar[t].view(-1, 1, 1, 1)


def add_noise(x0: Tensor, noise: Tensor, a: Tensor) -> Tensor:
    """Image and noise to the noisy image x_t = sqrt(ᾱ) x0 + sqrt(1-ᾱ) ε (DiffusionAD Eq. 1)."""
    return a.sqrt() * x0 + (1 - a).sqrt() * noise


def predict_x0(x_t: Tensor, epsilon: Tensor, a: Tensor) -> Tensor:
    """Predicted noise to the one-step estimate x̂0 (DiffusionAD Eq. 6)."""
    return (x_t - (1 - a).sqrt() * epsilon) / a.sqrt()


def predict_epsilon(x_t: Tensor, x0: Tensor, a: Tensor) -> Tensor:
    """Estimated image to the noise that it implies; inverse of `predict_x0`."""
    return (x_t - a.sqrt() * x0) / (1 - a).sqrt()


def snr(a: Tensor) -> Tensor:
    """Signal-to-noise ratio ᾱ/(1-ᾱ)."""
    return a / (1 - a)

"""The reverse step as a distribution, and the same with its variance inflated.

HDM's abstract-level idea (arXiv 2502.19200; details re-designed, docs/hdm.md): a normal pixel's step is drawn
from N(μ, Σ), an anomalous one's from N(μ, (1+s)Σ). `inflated_walk` samples from the second kernel, and
`evidence` tests which of the two explains a pixel.
"""

import torch
from torch import Tensor

from inspector_core.diffusion.denoiser import Denoiser, ancestral_variance
from inspector_core.diffusion.schedule import add_noise, at, snr


def step_variance(a_t: Tensor, a_u: Tensor, nu: float) -> Tensor:
    """Σ = B^ν β̃^(1-ν) of a jump from t down to u: β̃ at ν=0, B at ν=1, 0 for the jump to the clean image.

    A network that learns its variance interpolates the same way (arXiv 2102.09672, Eq. 15); here ν is given.
    """
    b, posterior = ancestral_variance(a_t, a_u)
    return torch.where(a_u < 1, b**nu * posterior ** (1 - nu), torch.zeros_like(b))


def step_mean(x_t: Tensor, x0: Tensor, a_t: Tensor, a_u: Tensor) -> Tensor:
    """μ of q(x_u | x_t, x0) for a jump from t down to u (DDPM, arXiv 2006.11239, Eq. 7)."""
    b = 1 - a_t / a_u
    return (a_u.sqrt() * b * x0 + (a_t / a_u).sqrt() * (1 - a_u) * x_t) / (1 - a_t)


def inflated(variance: Tensor, strength: Tensor, soft: Tensor) -> Tensor:
    """(1 + s·m(p)) Σ: the variance of a step that is anomalous with strength s where the mask m is.

    Args:
        variance: Σ, broadcastable.
        strength: s >= 0, [B, 1, 1, 1].
        soft: m, [B, 1, H, W], 0..1.
    """
    return (1 + strength * soft) * variance


def posterior_kl(x0: Tensor, estimate: Tensor, a_t: Tensor, a_u: Tensor) -> Tensor:
    """KL of q(x_u | x_t, x0) from the same posterior with x̂0 in place of x0, [B, 1, H, W], in nats.

    Both have the variance β̃, so that it is ½ (SNR(u) - SNR(t)) ‖x0 - x̂0‖²; u must be above the clean image.
    """
    squared = (x0 - estimate).square().sum(1, keepdim=True)
    return (snr(a_u) - snr(a_t)) / 2 * squared


def descending_times(start: Tensor, last: int, steps: int) -> Tensor:
    """`steps` times for each image, evenly from `start` [B] down to `last`: int64 [steps, B].

    Raises:
        ValueError: a start below `last`, or no step.
    """
    if steps < 1 or int(start.min()) < last:
        raise ValueError(f"{steps} steps do not lead from t={int(start.min())} down to t={last}")
    share = torch.linspace(1, 0, steps, device=start.device)[:, None] if steps > 1 else start.new_ones(1, 1)
    return (last + share * (start - last)).round().long()


def inflated_walk(
    denoiser: Denoiser,
    start: Tensor,
    known: Tensor,
    soft: Tensor,
    strength: Tensor,
    times: Tensor,
    nu: float,
    noise: Tensor,
    limits: tuple[float, float],
) -> Tensor:
    """Noise an image, and walk back with the inflated kernel inside a mask; x̂0 at the last time.

    Outside the mask each step takes up the known image again, under the noise that the walk began with
    (the inpainting of arXiv 2201.09865, with one noise), so that what is made fits its surroundings.

    Args:
        start: what is noised, [B, C, H, W]; `known` is what stands outside the mask, of the same shape.
        soft: m, [B, 1, H, W], 0..1.
        strength: s >= 0, [B, 1, 1, 1].
        times: int64 [K, B], not ascending.
        nu: exponent of `step_variance`.
        noise: standard normal [K, B, C, H, W]; the first is the forward process's.
        limits: every x̂0 is clamped to them.
    """
    a_t = at(denoiser.alpha_bar, times[0])
    x_t = add_noise(start, noise[0], a_t)
    for t, u, z in zip(times[:-1], times[1:], noise[1:], strict=True):
        a_u = at(denoiser.alpha_bar, u)
        x0 = denoiser.x0(x_t, t).clamp(*limits)
        variance = inflated(step_variance(a_t, a_u, nu), strength, soft)
        drawn = step_mean(x_t, x0, a_t, a_u) + variance.sqrt() * z
        x_t = soft * drawn + (1 - soft) * add_noise(known, noise[0], a_u)
        a_t = a_u
    return denoiser.x0(x_t, times[-1]).clamp(*limits)

"""Denoising over many steps, for comparison with one step (DiffusionAD Table VIII)."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from inspector_core.diffusion.denoiser import Denoiser, ancestral_variance
from inspector_core.diffusion.schedule import add_noise


def spaced_times(start: int, steps: int) -> list[int]:
    """`steps` different times from `start` down, as evenly spaced as whole numbers allow."""
    if not 1 <= steps <= start + 1:
        raise ValueError(f"{steps} steps do not fit between t={start} and t=0")
    return [(start + 1) * (steps - k) // steps - 1 for k in range(steps)]


def ddim(denoiser: Denoiser, x_t: Tensor, times: Sequence[int]) -> Tensor:
    """Deterministic sampling (DDIM, arXiv 2010.02502, Eq. 12 with σ=0) from x_t at times[0] to x̂0."""
    x0 = x_t
    for t, u in _pairs(times):
        a_t, a_u = _alpha(denoiser, t), _alpha(denoiser, u)
        x0 = denoiser.x0(x_t, _batch(x_t, t)).clamp(-1, 1)
        epsilon = (x_t - a_t.sqrt() * x0) / (1 - a_t).sqrt()
        x_t = add_noise(x0, epsilon, a_u)
    return x0


def iterative(denoiser: Denoiser, x_t: Tensor, times: Sequence[int], noises: Sequence[Tensor]) -> Tensor:
    """Ancestral sampling (DDPM, arXiv 2006.11239, Eq. 6 and 7) from x_t at times[0] to x̂0.

    Args:
        times: descending; each jump uses the posterior q(x_u | x_t, x̂0).
        noises: standard normal of x_t's shape, one for each of `times`; the last is not used.
    """
    x0 = x_t
    for (t, u), noise in zip(_pairs(times), noises, strict=True):
        a_t, a_u = _alpha(denoiser, t), _alpha(denoiser, u)
        b, variance = ancestral_variance(a_t, a_u)
        x0 = denoiser.x0(x_t, _batch(x_t, t)).clamp(-1, 1)
        mean = a_u.sqrt() * b / (1 - a_t) * x0 + (a_t / a_u).sqrt() * (1 - a_u) / (1 - a_t) * x_t
        x_t = mean + variance.sqrt() * noise
    return x0


def _pairs(times: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each time with the next; -1 stands for the clean image."""
    if any(u >= t for t, u in pairwise(times)):
        raise ValueError("times must descend")
    return zip(times, [*times[1:], -1], strict=True)


def _alpha(denoiser: Denoiser, t: int) -> Tensor:
    return denoiser.alpha_bar[t] if t >= 0 else denoiser.alpha_bar.new_ones(())


def _batch(x: Tensor, t: int) -> Tensor:
    return torch.full((len(x),), t, dtype=torch.int64, device=x.device)

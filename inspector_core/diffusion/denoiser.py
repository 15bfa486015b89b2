"""A network wrapped so that nobody outside needs to know what it predicts."""

from typing import Literal

import torch
from torch import Tensor, nn

from inspector_core.diffusion.schedule import at, predict_x0, snr

Prediction = Literal["epsilon", "x0"]


class Denoiser(nn.Module):
    """x_t and t to either estimate, whichever of them the network was trained to predict.

    The schedule's arithmetic is float32 whatever the network's type: x̂0 amplifies an error of ε by
    sqrt((1-ᾱ)/ᾱ), which is 0.7 at t=200 and 2 at t=400.

    Args:
        network: (x_t [B, C, H, W], t int64 [B]) to a tensor of x_t's shape.
        alpha_bar: [T], from `linear_alpha_bar`.
        prediction: what the network's output means.
    """

    alpha_bar: Tensor

    def __init__(self, network: nn.Module, alpha_bar: Tensor, prediction: Prediction) -> None:
        super().__init__()
        self.network = network
        self.prediction = prediction
        self.register_buffer("alpha_bar", alpha_bar.float(), persistent=False)

    def forward(self, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """One-step estimate of the clean image, not clamped (Eq. 6), and the network's own output.

        Both float32 [B, C, H, W]; the second is what `noise_loss` takes.
        """
        out = self.network(x_t, t).float()
        x0 = out if self.prediction == "x0" else predict_x0(x_t.float(), out, at(self.alpha_bar, t))
        return x0, out

    def x0(self, x_t: Tensor, t: Tensor) -> Tensor:
        """One-step estimate of the clean image, float32 [B, C, H, W], not clamped (Eq. 6)."""
        estimate: Tensor = self(x_t, t)[0]
        return estimate

    def noise_loss(self, out: Tensor, t: Tensor, x0: Tensor, noise: Tensor, snr_cap: float) -> Tensor:
        """Mean squared error of the network's output for x0 and noise at t, float32 [B] (a square of Eq. 9).

        An x0-predicting network is weighted by min(SNR, `snr_cap`), which makes its loss that of ε-prediction
        where SNR is below the cap (min-SNR weighting, arXiv 2303.09556).
        """
        if self.prediction == "epsilon":
            return (out - noise).square().mean(dim=(1, 2, 3))
        weight = snr(at(self.alpha_bar, t)).clamp(max=snr_cap)
        return (weight * (out - x0).square()).mean(dim=(1, 2, 3))


def ancestral_variance(a_t: Tensor, a_u: Tensor) -> tuple[Tensor, Tensor]:
    """B = 1-ᾱ_t/ᾱ_u and the posterior variance β̃ of a jump from t down to u (0-based ᾱ)."""
    b = 1 - a_t / a_u
    return b, b * (1 - a_u) / (1 - a_t).clamp_min(torch.finfo(a_t.dtype).tiny)

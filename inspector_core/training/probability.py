"""The probability optimisation module of HDM (POM), while anomalies are generated.

It says which pixels of a generated anomaly are anomalous and which had better be left out, which candidates
are worth training on and how much they weigh, and how strong the next ones should be. HDM (arXiv 2502.19200)
as its abstract describes it; details re-designed (docs/hdm.md).
"""

import math
from collections import deque
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from inspector_core.detectors.hdm import RATIO_LIMITS
from inspector_core.diffusion.likelihood import pooled

NOISE_LIKE = 0.8 * RATIO_LIMITS[1]
"""Mean nats inside an anomaly above which it is taken for noise of the network."""
COHERENT = 0.5
"""Correlation of neighbouring changes above which fine detail is a defect's edge."""
LEAST_AREA = 16 / 256**2
"""Share of an image that an anomaly must change."""
BINS = 8
WEIGHT_LIMITS = (0.2, 5.0)
STRENGTH_LIMITS = (0.02, 200.0)


class NormalFigures(NamedTuple):
    """What normal images look like to the discriminator.

    Attributes:
        change: of |n - x̂_s|, 0..1 (as the image), the quantile that a change must exceed to bear a label.
        strangest: 0.99 quantile of the images' mean Λ_s.
        usual: median of the images' mean Λ_s.
    """

    change: float
    strangest: float
    usual: float


def normal_figures(normal: Tensor, small: Tensor, ratios: Tensor, quantile: float) -> NormalFigures:
    """From normal images and their small-scale reconstructions [B, 3, S, S], 0..1, and Λ_s [B, 1, S, S]."""
    means = ratios.mean((1, 2, 3))
    residual = change(normal, small).flatten()[:: max(1, normal[:, 0].numel() // 2**20)]
    return NormalFigures(
        float(residual.quantile(quantile)), float(means.quantile(0.99)), float(means.median())
    )


def change(image: Tensor, normal: Tensor) -> Tensor:
    """δ: by how much each pixel's neighbourhood of 3 x 3 differs, mean of the channels: [B, 1, S, S]."""
    return pooled((image - normal).abs().mean(1, keepdim=True), 3)


def refine_label(image: Tensor, normal: Tensor, soft: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """The label M' = 1[m > ½, δ > least], and which pixels count at all, both {0, 1} [B, 1, S, S].

    A pixel that may have changed and bears no label is left out: to call it normal would teach blindness to
    faint defects.
    """
    label = ((soft > 0.5) & (change(image, normal) > least)).float()
    counts = torch.maximum((soft == 0).float(), label)
    return label, counts


class Judgement(NamedTuple):
    """What is thought of candidates; each [B].

    Attributes:
        valid: visible, on a normal ground, and no mere noise.
        inside: mean Λ_s on the label, nats.
        probability: mean of the discriminator's probability on the label.
    """

    valid: Tensor
    inside: Tensor
    probability: Tensor


def judge(
    image: Tensor,
    normal: Tensor,
    soft: Tensor,
    label: Tensor,
    ratios: Tensor,
    probability: Tensor,
    figures: NormalFigures,
    roughest: float,
) -> Judgement:
    """Check candidates against what normal images look like.

    Args:
        image, normal: [B, 3, S, S], 0..1.
        soft, label: m and M', [B, 1, S, S].
        ratios: Λ_s of the candidates, [B, 1, S, S].
        probability: the discriminator's, [B, 1, S, S].
        roughest: limit of `roughness` for changes that do not cohere.
    """
    outside = masked_mean(ratios, (soft == 0).float())
    inside = masked_mean(ratios, label)
    valid = label.mean((1, 2, 3)) >= LEAST_AREA
    valid &= outside <= figures.strangest
    valid &= (inside >= figures.usual) & (inside <= NOISE_LIKE)
    noisy = coherence((image - normal).mean(1, keepdim=True), label) < COHERENT
    valid &= ~(noisy & (roughness(image, normal, label) > roughest))
    return Judgement(valid, inside, masked_mean(probability, label))


def roughness(image: Tensor, normal: Tensor, label: Tensor) -> Tensor:
    """Fine detail on the label against the whole normal image's, as root mean squares, [B]."""

    def fine(picture: Tensor) -> Tensor:
        return (picture - pooled(picture, 5)).square().mean(1, keepdim=True)

    there = torch.maximum(masked_mean(fine(normal), label), fine(normal).mean((1, 2, 3)))
    return (masked_mean(fine(image), label) / there.clamp_min(1e-6)).sqrt()


def coherence(changed: Tensor, label: Tensor) -> Tensor:
    """How alike neighbours on the label were changed, along the best of four directions: [B], at most 1.

    0 for noise, 1 for a flat patch and also for a line of one pixel's width, which is all edge but no noise.
    """
    held = F.pad(changed * label, (1, 1, 0, 1))  # [B, 1, S+1, S+2]
    middle = held[..., :-1, 1:-1]
    energy = middle.square().sum((1, 2, 3)).clamp_min(1e-9)
    neighbours = (held[..., :-1, 2:], held[..., 1:, 1:-1], held[..., 1:, 2:], held[..., 1:, :-2])
    return torch.stack([(middle * other).sum((1, 2, 3)) / energy for other in neighbours]).amax(0)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of [B, 1, S, S] over each image's mask; 0 where that is empty."""
    return (values * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp_min(1)


class Acceptance:
    """Takes a budgeted share of the candidates, so that weak and strong ones come alike.

    A candidate's ratio ρ is 0 where it is not valid, else how rare its strength is. It is accepted with
    A = min(1, ρ/M), M such that the mean over recent candidates is the budget (optimal budgeted rejection
    sampling, AISTATS 2024), and weighs ρ/A afterwards.
    """

    def __init__(self, budget: float, recent: int = 64) -> None:
        self.budget = budget
        self.histogram = torch.ones(BINS, dtype=torch.float64)
        self._ratios: deque[float] = deque(maxlen=recent)

    def ratio(self, judgement: Judgement, pacing: float | None = None) -> Tensor:
        """ρ of each candidate, [B]; takes their strengths into the histogram.

        Args:
            pacing: where given, the discriminator's probability that is preferred.
        """
        place = (judgement.inside.double().clamp(0, RATIO_LIMITS[1]).cpu() / 2).log1p()
        place = (place / math.log1p(RATIO_LIMITS[1] / 2) * BINS).long().clamp(0, BINS - 1)
        rarity = self.histogram.mean() / self.histogram[place]
        valid = judgement.valid.cpu()
        rho = torch.where(valid, rarity.clamp(0.25, 4.0), 0.0)
        if pacing is not None:
            rho = rho * (-(judgement.probability.double().cpu() - pacing).square() / (2 * 0.25**2)).exp()
        self.histogram *= 0.99
        self.histogram += torch.bincount(place[valid], minlength=BINS)
        self._ratios.extend(rho.tolist())
        return rho

    def accept(self, rho: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Which are accepted, bool [B], and the weight that each would have, [B]."""
        highest = self._bound()
        chance = (rho / highest).clamp(max=1)
        weight = torch.where(rho > 0, rho / chance.clamp_min(1e-12), 0.0).clamp(*WEIGHT_LIMITS)
        return torch.rand(len(rho), generator=random) < chance, weight

    def _bound(self) -> float:
        """M with mean min(1, ρ/M) = budget; tiny where even taking every valid one is below it."""
        rho = torch.tensor(list(self._ratios), dtype=torch.float64)
        low, high = 1e-9, max(float(rho.max()), 1e-9) / self.budget
        for _ in range(50):
            middle = (low + high) / 2
            if float((rho / middle).clamp(max=1).mean()) > self.budget:
                low = middle
            else:
                high = middle
        return high

    def state_dict(self) -> dict[str, object]:
        """All that `load_state_dict` needs."""
        return {"histogram": self.histogram, "ratios": list(self._ratios)}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take over a stored state."""
        self.histogram = state["histogram"].clone()  # type: ignore[attr-defined]
        self._ratios.clear()
        self._ratios.extend(state["ratios"])  # type: ignore[arg-type]


def next_strength(strength: float, probability: float, target: tuple[float, float], step: float) -> float:
    """s for the next round: stronger where the discriminator misses the anomalies, weaker where all is easy.

    Args:
        probability: mean over the valid candidates of the last round.
        target: probabilities between which nothing changes.
        step: change of log s.
    """
    direction = 1 if probability < target[0] else -1 if probability > target[1] else 0
    low, high = STRENGTH_LIMITS
    return min(max(strength * math.exp(step * direction), low), high)

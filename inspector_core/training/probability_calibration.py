"""From logits and scores to probabilities that mean what they say (POM, after the training).

Temperature and bias for pixels (Guo et al., ICML 2017, with a bias), a logistic curve for images (Platt,
1999). Both are monotone: no ranking changes.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.detectors.hdm import HDM
from inspector_core.engines.devices import body_type
from inspector_core.training.dataset import evenly

MOST = 64
"""Images of each kind that are looked at."""
PIXELS = 4096
"""Taken from an image, half of them anomalous where it has as many."""
TEMPERATURES = (0.05, 20.0)
BINS = 15


class PixelSample(NamedTuple):
    """Logits and labels {0, 1}, each [N] float64, and weights that undo the balanced choice."""

    logits: Tensor
    labels: Tensor
    weights: Tensor


class Reliability(NamedTuple):
    """How far probabilities are from frequencies.

    Attributes:
        nll: negative log likelihood a pixel, nats.
        ece: expected calibration error over 15 equal bins.
        brier: mean squared error.
    """

    nll: float
    ece: float
    brier: float


def sample_pixels(logits: Tensor, label: Tensor, counts: Tensor, random: torch.Generator) -> PixelSample:
    """Pixels of one image, as many anomalous as normal ones as far as they reach; inputs [1, S, S]."""
    logits, label, counts = (part.flatten().cpu() for part in (logits, label, counts))
    chosen, weights = [], []
    for value in (0, 1):
        places = ((label == value) & (counts > 0)).nonzero().flatten()
        taken = places[torch.randperm(len(places), generator=random)[: PIXELS // 2]]
        chosen.append(taken)
        weights.append(torch.full((len(taken),), len(places) / max(len(taken), 1), dtype=torch.float64))
    where = torch.cat(chosen)
    return PixelSample(logits[where].double(), label[where].double(), torch.cat(weights))


def join(samples: list[PixelSample]) -> PixelSample:
    """All pixels together."""
    return PixelSample(*(torch.cat(parts) for parts in zip(*samples, strict=True)))


def fit_temperature(sample: PixelSample, prior: float | None = None) -> tuple[float, float]:
    """T and b of P = σ((ℓ + b)/T) by maximum likelihood (L-BFGS) on pixels balanced by kind.

    Args:
        prior: share of anomalous pixels where the detector will work, 0..1; None takes the sample's.

    Returns:
        T > 0 and b; 1 and 0 where only one kind of pixel is there.
    """
    logits, labels, weights = sample
    positive = labels > 0.5
    if not positive.any() or positive.all():
        return 1.0, 0.0
    share = float(weights[positive].sum() / weights.sum()) if prior is None else prior
    balanced = torch.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum()).double()
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # log T, b/T
    optimiser = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        scaled = logits / parameters[0].exp() + parameters[1]
        loss = F.binary_cross_entropy_with_logits(scaled, labels, balanced, reduction="sum")
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    log_temperature, offset = parameters.detach()
    temperature = float(log_temperature.exp().clamp(*TEMPERATURES))
    offset = float(offset) + float(
        torch.logit(torch.tensor(share, dtype=torch.float64))
    )  # from ½ to the prior
    return temperature, offset * temperature


def fit_platt(normal: Tensor, anomalous: Tensor) -> tuple[float, float]:
    """Slope > 0 and intercept of P = σ(slope · logit(score) + intercept) from image scores 0..1, each [N].

    Labels are drawn in by one part each way, as Platt has it, so that a perfect separation stays finite.
    """
    scores = torch.cat([normal, anomalous]).double()
    n, a = len(normal), len(anomalous)
    targets = torch.cat([torch.full((n,), 1 / (n + 2)), torch.full((a,), (a + 1) / (a + 2))]).double()
    z = logit_score(scores)
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # log slope, intercept
    optimiser = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = parameters[0].exp() * z + parameters[1]
        loss = F.binary_cross_entropy_with_logits(logits, targets)
        loss = loss + 1e-4 * parameters[0].square()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    log_slope, intercept = parameters.detach()
    return float(log_slope.exp()), float(intercept)


def logit_score(scores: Tensor) -> Tensor:
    """Scores 0..1 to logits, held to ±28 so that 0 and 1 stay finite."""
    return scores.double().clamp(1e-12, 1 - 1e-12).logit()


def reliability(sample: PixelSample, temperature: float, bias: float) -> Reliability:
    """Of P = σ((ℓ + b)/T) on a sample, its balanced choice undone."""
    logits, labels, weights = sample
    share = weights / weights.sum()
    scaled = (logits + bias) / temperature
    p = scaled.sigmoid()
    nll = F.binary_cross_entropy_with_logits(scaled, labels, share, reduction="sum")
    place = (p * BINS).long().clamp(max=BINS - 1)
    gap = torch.zeros(BINS, dtype=torch.float64).index_add(0, place, share * (p - labels))
    return Reliability(float(nll), float(gap.abs().sum()), float((share * (p - labels).square()).sum()))


@torch.no_grad()
def calibrate_probability(
    detector: HDM, normals: NDArray[np.uint8], check: tuple[Tensor, Tensor], seed: int, tiles: int = 1
) -> None:
    """Fit the detector's temperature and bias on held-out parts, as they are and with synthetic anomalies.

    Both are monotone, so that neither a score nor a threshold changes.

    Args:
        normals: uint8 [N, S, S, 3].
        check: images float32 [M, 3, S, S], 0..1, with anomalies, and their masks [M, 1, S, S].
        tiles: of each part, one after another in both.
    """
    random = torch.Generator().manual_seed(seed)
    device = detector.noise_small.device
    rows, drawn = evenly(len(normals), MOST), evenly(len(check[0]), MOST)
    images, masks = (part[drawn] for part in check)
    whole = torch.from_numpy(normals[rows]).permute(0, 3, 1, 2).float() / 255
    body = body_type(device)
    samples = []
    labelled = [(part, torch.zeros_like(part[:1])) for part in whole]
    labelled += zip(images, masks, strict=True)
    for row, (image, mask) in zip([*rows, *drawn], labelled, strict=True):
        tile = torch.tensor([int(row) % tiles], device=device)
        with torch.autocast(device.type, body, enabled=body != torch.float32):
            logits = detector(image[None].to(device), tile).logits[0].float()
        samples.append(sample_pixels(logits, (mask > 0.5).float(), torch.ones_like(mask), random))
    with torch.enable_grad():
        temperature, bias = fit_temperature(join(samples))
    detector.temperature.fill_(temperature)
    detector.bias.fill_(bias)

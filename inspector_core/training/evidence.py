"""Fitting the feature evidence of a trained detector to the normal parts it was trained on."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.feature_evidence import FeatureEvidence
from inspector_core.engines.devices import body_type
from inspector_core.evaluation.pixel_tally import PixelTally
from inspector_core.training.dataset import evenly
from inspector_core.training.moments import Moments

BATCH = 8
FIRST = 64
"""Parts that each feature's mean and deviation are taken from."""
STANDARD = 256
"""Parts that the segmentation is made commensurable on."""
CHECKED = 48
"""Drawn anomalies that the segmentation is judged by."""
FITTED = ("mean", "known", "factor")
"""What of the evidence's state a fit decides."""

Fit = dict[str, Tensor]
"""Part of a state."""


@torch.no_grad()
def fit_evidence(
    detector: DiffusionAD,
    normals: NDArray[np.uint8],
    folds: NDArray[np.intp],
    seed: int,
    check: tuple[Tensor, Tensor] | None = None,
) -> list[Fit]:
    """Fit and standardise `detector.evidence`, where it has one.

    It is fitted to all parts, and once more without those of each fold: by what these fits say of the parts
    that they do not know, distances are standardised, and thresholds can be calibrated.

    Args:
        normals: uint8 [N, S, S, 3], or the tiles of each part one after another.
        folds: for each of them the fit that must not know it, 0 to K - 1, or `dataset.ALWAYS`; [N]. The
            networks do not know those of fold 0.
        check: parts of fold 0 with drawn anomalies [N, 3, S, S], 0..1, and their masks; they tell how far the
            segmentation is to be trusted. None, no trust.

    Returns:
        the part of the detector's state that a fit decides: without fold 0, which the detector is left with,
        without fold 1, and so on; last that of all parts. Without evidence, two empty ones.
    """
    evidence = detector.evidence
    if evidence is None:
        return [{}, {}]
    detector.eval()
    order = np.random.default_rng(seed).permutation(len(normals))
    fits, distances = fit_across(evidence, normals, folds, order[:FIRST])
    k = detector.config.top_k
    device = detector.noise_small.device
    trained_on = order[folds[order] != 0][:STANDARD]
    logits = [
        _logits(detector, images).flatten(1).topk(k).values.mean(1)
        for images in _batches(normals, trained_on, device)
    ]
    evidence.standardise(torch.cat(logits), distances)
    if check is not None:
        tally = PixelTally()
        chosen = evenly(len(check[0]), CHECKED)
        for image, mask in zip(*(part[chosen] for part in check), strict=True):
            probability = _logits(detector, image[None].to(device)).sigmoid()
            tally.add(probability[0, 0].float().cpu().numpy(), mask[0].cpu().numpy() > 0.5)
        evidence.judge_segmentation(tally.auroc() or 0.0)
    for name, tensor in fits[0].items():
        getattr(evidence, name).copy_(tensor)
    return [{f"evidence.{name}": tensor for name, tensor in fit.items()} for fit in fits]


@torch.no_grad()
def fit_across(
    evidence: FeatureEvidence, normals: NDArray[np.uint8], folds: NDArray[np.intp], first: NDArray[np.intp]
) -> tuple[list[Fit], Tensor]:
    """The evidence's fits without each fold and, last and left in place, with all parts.

    Args:
        normals, folds: as for `fit_evidence`.
        first: rows of parts that each feature's mean and deviation are taken from.

    Returns:
        the fits, and `image_distance` of the parts of all folds, each by the fit that does not know it.
    """
    device = evidence.mean.device
    evidence.measure(torch.cat(list(_batches(normals, first, device))))

    def moments(rows: NDArray[np.intp], dtype: torch.dtype) -> Moments:
        found = Moments(evidence.regions, evidence.mean, dtype)
        for images, tiles in tiled(rows):
            found.add(evidence.describe(images), tiles)
        return found

    def tiled(rows: NDArray[np.intp]) -> Iterator[tuple[Tensor, Tensor]]:
        of_part = torch.from_numpy(rows % evidence.regions.tiles).to(device)
        numbers = (of_part[start : start + BATCH] for start in range(0, len(rows), BATCH))
        return zip(_batches(normals, rows, device), numbers, strict=True)

    members = [np.flatnonzero(folds == fold) for fold in range(folds.max() + 1)]
    whole = moments(np.flatnonzero(folds < 0), torch.float64)
    sums = []
    for rows in members:
        sums.append(moments(rows, torch.float32))
        whole.join(sums[-1])
    fits: list[Fit] = []
    distances = [evidence.location.new_zeros(0)]
    for rows, left_out in zip(members, sums, strict=True):
        evidence.set_distribution(*whole.distribution(left_out))
        fits.append(_fit(evidence))
        distances += [evidence.image_distance(evidence.distance(*part)) for part in tiled(rows)]
    evidence.set_distribution(*whole.distribution())
    fits.append(_fit(evidence))
    return fits, torch.cat(distances)


def is_grey(normals: NDArray[np.uint8]) -> bool:
    """Whether no image of [N, S, S, 3] has any colour."""
    return all(bool((image == image[..., :1]).all()) for image in normals)


def _logits(detector: DiffusionAD, images: Tensor) -> Tensor:
    body = body_type(images.device)
    with torch.autocast(images.device.type, body, enabled=body != torch.float32):
        return detector.pass_networks(images).logits


def _fit(evidence: FeatureEvidence) -> Fit:
    return {name: getattr(evidence, name).clone() for name in FITTED}


def _batches(normals: NDArray[np.uint8], rows: NDArray[np.intp], device: torch.device) -> Iterator[Tensor]:
    """Some of the images, float32 [B, 3, S, S], 0..1."""
    for start in range(0, len(rows), BATCH):
        pixels = torch.from_numpy(normals[rows[start : start + BATCH]]).to(device)
        yield pixels.permute(0, 3, 1, 2).float() / 255

"""Fitting the feature evidence of a trained detector to the normal parts it was trained on."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.engines.devices import body_type
from inspector_core.evaluation.pixel_tally import PixelTally

BATCH = 8
FIRST = 64
"""Parts that each feature's mean and deviation are taken from."""
STANDARD = 256
"""Parts that the segmentation is made commensurable on."""

CHECKED = 48
"""Drawn anomalies that the segmentation is judged by."""


@torch.no_grad()
def fit_evidence(
    detector: DiffusionAD,
    normals: NDArray[np.uint8],
    seed: int,
    check: tuple[Tensor, Tensor] | None = None,
) -> None:
    """Fit and standardise `detector.evidence`, where it has one, on normals uint8 [N, S, S, 3].

    Held-out parts play no part in it, so that the calibration on them stays valid: what a part would look
    like unseen is computed (`FeatureEvidence.fit`). Drawn anomalies in them only tell how far the
    segmentation is to be trusted with outlines.

    Args:
        check: held-out parts with drawn anomalies [N, 3, S, S], 0..1, and their masks; none, no trust.
    """
    evidence = detector.evidence
    if evidence is None:
        return
    detector.eval()
    shuffled = normals[np.random.default_rng(seed).permutation(len(normals))]
    first = torch.cat(list(_batches(detector, shuffled[:FIRST])))
    distances = evidence.fit(lambda: _batches(detector, shuffled), first)
    k = detector.config.top_k
    logits = [
        _logits(detector, images).flatten(1).topk(k).values.mean(1)
        for images in _batches(detector, shuffled[:STANDARD])
    ]
    evidence.standardise(torch.cat(logits), distances)
    if check is not None:
        tally = PixelTally()
        for image, mask in zip(*(part[:CHECKED] for part in check), strict=True):
            probability = _logits(detector, image[None].to(first.device)).sigmoid()
            tally.add(probability[0, 0].float().cpu().numpy(), mask[0].cpu().numpy() > 0.5)
        evidence.judge_segmentation(tally.auroc() or 0.0)


def is_grey(normals: NDArray[np.uint8]) -> bool:
    """Whether no image of [N, S, S, 3] has any colour."""
    return all(bool((image == image[..., :1]).all()) for image in normals)


def _logits(detector: DiffusionAD, images: Tensor) -> Tensor:
    body = body_type(images.device)
    with torch.autocast(images.device.type, body, enabled=body != torch.float32):
        return detector.pass_networks(images).logits


def _batches(detector: DiffusionAD, normals: NDArray[np.uint8]) -> Iterator[Tensor]:
    """Images float32 [B, 3, S, S], 0..1, on the detector's device."""
    device = detector.noise_small.device
    for start in range(0, len(normals), BATCH):
        pixels = torch.from_numpy(np.ascontiguousarray(normals[start : start + BATCH])).to(device)
        yield pixels.permute(0, 3, 1, 2).float() / 255

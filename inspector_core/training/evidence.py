"""Fitting the feature evidence of a trained detector to the normal parts it was trained on."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.engines.devices import body_type

BATCH = 8
FIRST = 64
"""Parts that each feature's mean and deviation are taken from."""
STANDARD = 256
"""Parts that the segmentation is made commensurable on."""


@torch.no_grad()
def fit_evidence(detector: DiffusionAD, normals: NDArray[np.uint8], seed: int) -> None:
    """Fit and standardise `detector.evidence`, where it has one, on normals uint8 [N, S, S, 3].

    Held-out parts play no part in it, so that the calibration on them stays valid: what a part would look
    like unseen is computed (`FeatureEvidence.fit`).
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

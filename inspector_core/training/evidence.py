"""Fitting the feature evidence of a trained detector to the normal parts it was trained on."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.engines.factory import body_type

BATCH = 8
FIRST = 64
"""Parts that each feature's mean and deviation are taken from."""
STANDARD = 256
"""Parts that the two kinds of evidence are made commensurable on."""


@torch.no_grad()
def fit_evidence(detector: DiffusionAD, normals: NDArray[np.uint8], seed: int) -> None:
    """Fit and standardise `detector.evidence`, where it has one, on normals uint8 [N, S, S, 3].

    Held-out parts play no part in it, so that the calibration on them stays valid: what a part would look
    like unseen is computed (`FeatureEvidence.left_out`).
    """
    evidence = detector.evidence
    if evidence is None:
        return
    detector.eval()
    shuffled = normals[np.random.default_rng(seed).permutation(len(normals))]
    first: list[Tensor] = [
        torch.cat(maps) for maps in zip(*_features(detector, shuffled[:FIRST]), strict=True)
    ]
    evidence.fit(_features(detector, shuffled), first)
    logits, distances = [], []
    k = detector.config.top_k
    for images in _batches(detector, shuffled[:STANDARD]):
        features: list[Tensor] = []
        output = _pass(detector, images, features)
        logits.append(output.flatten(1).topk(k).values.mean(1))
        distance = evidence.left_out(evidence.distance(features), len(normals))
        distances.append(evidence.image_distance(distance))
    evidence.standardise(torch.cat(logits), torch.cat(distances))


def _features(detector: DiffusionAD, normals: NDArray[np.uint8]) -> Iterator[list[Tensor]]:
    for images in _batches(detector, normals):
        features: list[Tensor] = []
        _pass(detector, images, features)
        yield features


def _pass(detector: DiffusionAD, images: Tensor, features: list[Tensor]) -> Tensor:
    body = body_type(images.device)
    with torch.autocast(images.device.type, body, enabled=body != torch.float32):
        return detector.pass_networks(images, features).logits


def _batches(detector: DiffusionAD, normals: NDArray[np.uint8]) -> Iterator[Tensor]:
    """Images float32 [B, 3, S, S], 0..1, on the detector's device."""
    device = detector.noise_small.device
    for start in range(0, len(normals), BATCH):
        pixels = torch.from_numpy(np.ascontiguousarray(normals[start : start + BATCH])).to(device)
        yield pixels.permute(0, 3, 1, 2).float() / 255

"""From trained networks to what a model file holds: the evidence, the thresholds, the validation."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import NO_PICTURES, rounds
from inspector_core.engines.factory import LANES, build_engine
from inspector_core.training.calibration import NormalPart, calibrate, detect_all, normal_parts
from inspector_core.training.dataset import NormalImages
from inspector_core.training.evidence import fit_evidence
from inspector_core.training.probability_calibration import calibrate_probability
from inspector_core.training.request import TrainingRequest
from inspector_core.training.validation import validate

MOST_SCORED = 300
"""Parts of a fold, or tiles of a further one, whose scores the thresholds come from."""
LEAST_SCORED = 8
"""Parts of a further fold, at least, where they are tiled."""
STORED_TYPE = torch.float16
"""Of the weights in the file: half the size; scores and thresholds are taken after rounding."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What stands in the model's file.

    Attributes:
        metadata: as it was given, with calibration and validation.
        tensors: the detector's weights, rounded.
    """

    metadata: ModelMetadata
    tensors: dict[str, Tensor]


def finish(
    detector: DiffusionAD,
    metadata: ModelMetadata,
    normals: NormalImages,
    check: tuple[Tensor, Tensor],
    request: TrainingRequest,
    on_fraction: Callable[[float], None],
) -> Finished:
    """Fit the evidence to all parts; calibrate and validate by fits that don't know the parts they score.

    Args:
        detector: with trained networks, on its device.
        metadata: without calibration and validation.
        check: held-out parts with synthetic anomalies, and their masks.
        on_fraction: told how much is done, 0..1.
    """
    on_fraction(0.0)
    folds = normals.folds(request.seed)
    fits = fit_evidence(detector, normals.images, folds, request.seed, check)
    if isinstance(detector, HDM):
        calibrate_probability(detector, normals.images[folds == 0], check, request.seed, normals.tiles)
    weights = detector.state_dict()
    device = detector.noise_small.device
    of_tiles = metadata.model_copy(update={"tiling": None})

    def scored(fold: int, images: int, done: int) -> None:
        on_fraction((fold + done / images) / (len(fits) - 1))

    parts: list[NormalPart] = []
    validation: dict[str, float] = {}
    rounded: bool | None = None
    for fold, fit in enumerate(fits[:-1]):
        engine = build_engine(
            of_tiles,
            stored_weights(weights | fit),
            device,
            lasting=fold == 0,  # the others look at fewer parts, and are to be open at once
            picture_from=NO_PICTURES,
            lines=normals.tiles,
            lanes=LANES,
            rounded=rounded,
        )
        rounded = rounds(engine)
        most = MOST_SCORED if fold == 0 else max(LEAST_SCORED, MOST_SCORED // normals.tiles)
        names, images = normals.of_fold(fold, request.seed, most)
        detections = detect_all(engine, images, normals.tiles, partial(scored, fold, len(images)))
        parts += normal_parts(names, detections)
        if fold == 0:
            validation = validate(engine, detections, check, normals.tiles)
        del engine
    training = metadata.training.model_copy(update={"validation": validation})
    calibration = calibrate(parts, request.reject_rate, shared=len(fits) > 2)
    complete = metadata.model_copy(update={"training": training, "calibration": calibration})
    return Finished(complete, stored_weights(weights | fits[-1]))


def stored_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they go into the file."""
    return {
        name: tensor.to(STORED_TYPE) if tensor.is_floating_point() else tensor
        for name, tensor in weights.items()
    }

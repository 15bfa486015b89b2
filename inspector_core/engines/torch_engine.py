"""The detector in torch, on a CPU or a CUDA device."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.diffusion_ad import DiffusionAD, image_score
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import Ignore, IgnoreMask, Image, masks_of, tiles_of
from inspector_core.engines.preprocess import compact_image, fit, fit_mask, unfit_image, unfit_map

NEVER = -1e4
"""Logit of an ignored pixel: probability 0 in any type."""


def as_pictures(reconstructions: Tensor) -> Tensor:
    """Reconstructions [B, 3, S, S], 0..1, as RGB uint8 [B, S, S, 3]."""
    return (reconstructions * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


class TorchEngine:
    """Runs one image at a time, both noise scales together.

    A fixed batch shape is what makes a score independent of its neighbours: a library may choose another
    kernel, and so another order of additions, for another shape.

    Args:
        detector: with its weights loaded; the engine takes it over.
        model: what its file says.
        device: a torch device.
        body: number type of the denoiser's body; schedule, normalisation, last convolution, segmentation and
            scores stay float32. An error of the segmentation would reach the map whole.
        picture_from: a part that scores less gets no reconstruction where its score can do without the
            networks; its score and map are the same to the bit. 0 reconstructs every part.
    """

    def __init__(
        self,
        detector: DiffusionAD,
        model: ModelMetadata,
        device: torch.device,
        body: torch.dtype,
        picture_from: float = 0.0,
    ) -> None:
        self._model = model
        self.picture_from = picture_from
        self._device = device
        self._size = detector.config.size
        self._top_k = detector.config.top_k
        self._name = f"torch-{device.type}-{'bf16' if body == torch.bfloat16 else 'fp32'}"
        self._detector = detector.eval().requires_grad_(False).to(device)
        network = detector.denoiser.network
        network.to(dtype=body, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for layer in network.modules():
            if layer is network.outlet or isinstance(layer, nn.GroupNorm):
                layer.float()
        detector.segmentation.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def name(self) -> str:
        return self._name

    @property
    def model(self) -> ModelMetadata:
        return self._model

    @property
    def at_once(self) -> int:
        return 1

    @property
    def lanes(self) -> int:
        return 1

    def keep_graphs(self) -> None:
        """What took long to make, for the next engine of this model."""

    def warm_up(self) -> None:
        blank = np.zeros((self._size, self._size, 3), dtype=np.uint8)
        for _ in range(3):
            self.infer([blank])

    @torch.inference_mode()
    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        masks, of_part = masks_of(ignore, len(images)), tiles_of(tiles, len(images))
        return [self._detect(*one) for one in zip(images, masks, of_part, strict=True)]

    def _run(self, x: Tensor, tile: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits [1, 1, S, S] of one image, and its picture without a fault unless it is left out.

        Where the segmentation has no say, it is not asked.
        """
        evidence = self._detector.evidence
        if evidence is None or not evidence.fitted:
            estimates, picture = self._reconstruct(x)
            return self._compare(x, estimates), picture
        distance = self._distance(x, tile)
        logits = None if evidence.suspects(distance) else evidence.combine(None, distance)
        if (
            logits is not None
            and self.picture_from > 0
            and image_score(logits, self._top_k) < self.picture_from
        ):
            return logits, None
        estimates, picture = self._reconstruct(x)
        if logits is None:
            logits = self._join(self._compare(x, estimates), distance)
        if not bool(estimates.sum().isfinite()):  # a network that fails must not pass for a good part
            logits.fill_(math.nan)
        return logits, picture

    def _reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Estimates [1, C, S, S] for `_compare`, and the picture without a fault, uint8 [1, S, S, 3]."""
        estimates = self._detector.reconstruct(x)
        return estimates, as_pictures(self._detector.picture(x, estimates))

    def _compare(self, x: Tensor, estimates: Tensor) -> Tensor:
        """Logits [1, 1, S, S] of the segmentation."""
        return self._detector.compare(x, estimates)

    def _join(self, logits: Tensor, distance: Tensor) -> Tensor:
        assert self._detector.evidence is not None
        return self._detector.evidence.combine(logits, distance)

    def _distance(self, x: Tensor, tile: Tensor) -> Tensor:
        assert self._detector.evidence is not None
        return self._detector.evidence.distance(x, tile)

    def _detect(self, image: Image, ignore: IgnoreMask | None, tile: int) -> Detection:
        height, width = image.shape[:2]
        planes = np.empty((3, self._size, self._size), dtype=np.uint8)
        cv2.split(fit(image, self._size), list(planes))  # torch takes twice as long to bring them apart
        x = torch.from_numpy(planes).to(self._device)[None].float() / 255  # [1, 3, S, S]
        logits, picture = self._run(x, torch.tensor([tile], device=self._device))
        if ignore is not None:
            ignored = torch.from_numpy(fit_mask(ignore, self._size)).to(self._device)
            logits = logits.masked_fill(ignored, NEVER)
        anomaly_map: NDArray[np.float32] = self._detector.probability(logits)[0, 0].cpu().numpy()
        restored = compact = None
        if picture is not None:
            seen = picture[0].cpu().numpy()
            restored, compact = unfit_image(seen, height, width), compact_image(seen, height, width)
        return Detection(
            score=image_score(logits, self._top_k),
            anomaly_map=unfit_map(anomaly_map, height, width),
            reconstruction=restored,
            compact=compact,
        )

"""What training minimises (DiffusionAD, Eq. 9 to 11)."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from inspector_core.detectors.presets import TrainingConfig


class MaskLoss(NamedTuple):
    """Terms of Eq. 10, each a scalar."""

    smooth_l1: Tensor
    focal: Tensor
    bce: Tensor

    def total(self, config: TrainingConfig) -> Tensor:
        """Weighted sum."""
        return self.smooth_l1 + config.focal_weight * self.focal + config.bce_weight * self.bce


def mask_loss(logits: Tensor, mask: Tensor, config: TrainingConfig, weight: Tensor | None = None) -> MaskLoss:
    """Loss of the segmentation, float32 (Eq. 10): logits and mask {0, 1}, both [B, 1, H, W].

    The focal term works on logits, so that a confident pixel neither overflows nor loses its gradient.

    Args:
        weight: of each pixel, [B, 1, H, W]; None weighs all alike.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    probability = logits.sigmoid()
    missed = mask * (1 - probability) + (1 - mask) * probability
    balance = mask * config.focal_alpha + (1 - mask) * (1 - config.focal_alpha)
    focal = balance * missed**config.focal_gamma * cross_entropy
    smooth = F.smooth_l1_loss(probability, mask, reduction="none")
    if weight is not None:
        smooth, focal, cross_entropy = weight * smooth, weight * focal, weight * cross_entropy
    return MaskLoss(smooth.mean(), focal.mean(), cross_entropy.mean())


def normal_mean(loss: Tensor, anomalous: Tensor) -> Tensor:
    """Mean of per-image losses [B] over the normal images only, (1-y) of Eq. 9; 0 where there are none.

    Args:
        anomalous: y, bool [B].
    """
    normal = (~anomalous).to(loss.dtype)
    return (loss * normal).sum() / normal.sum().clamp_min(1)

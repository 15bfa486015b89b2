"""Statistics of batch normalisation for the weights that are saved."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from inspector_core.detectors.diffusion_ad import DiffusionAD


@torch.no_grad()
def settle_batch_norm(detector: DiffusionAD, batches: Iterable[Tensor]) -> None:
    """Replace the running statistics by those of `batches`, seen as inference sees them.

    While training, they follow weights that no longer are (and never were the averaged ones), on
    reconstructions from random noise scales. Here they are plain means over the given images [B, 3, S, S],
    0..1, each reconstructed at the fixed scales with the stored noise. The detector ends in evaluation mode.
    """
    layers = [layer for layer in detector.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean
        layer.train()
    for images in batches:
        detector.pass_networks(images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    detector.eval()

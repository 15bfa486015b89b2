"""How much memory the denoiser's gradient takes, and what is done where it is too much."""

import logging

import psutil
import torch
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.diffusion.unet import UNet
from inspector_core.engines.devices import body_type

log = logging.getLogger(__name__)

SHARE = 0.6
"""Of the free memory that one step may keep for its gradient; the rest is for all else that a step needs."""


def save_memory_if_needed(detector: DiffusionAD, images: int) -> bool:
    """Let the denoiser compute parts of its forward pass twice where a step would not fit otherwise.

    Args:
        detector: on its device, in training mode.
        images: that pass the denoiser with gradient in one step.

    Returns:
        whether it does.
    """
    network = detector.denoiser.network
    if not isinstance(network, UNet) or not detector.config.reconstruction:
        return False
    device = detector.noise_small.device
    needed, free = images * bytes_per_image(detector), free_bytes(device)
    network.checkpointing = needed > SHARE * free
    if network.checkpointing:
        sizes = f"{needed / 2**30:.1f} GB for its gradient, {free / 2**30:.1f} GB are free"
        log.info("a training step would keep %s: activations are computed twice", sizes)
    return network.checkpointing


def bytes_per_image(detector: DiffusionAD) -> int:
    """What the denoiser keeps of one more image for its gradient, measured."""
    two, one = (_kept_bytes(detector, count) for count in (2, 1))  # weights are kept once, and cancel
    return two - one


def free_bytes(device: torch.device) -> int:
    """Memory that nobody uses on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def _kept_bytes(detector: DiffusionAD, count: int) -> int:
    device, size = detector.noise_small.device, detector.config.size
    body = body_type(device)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.zeros((count, 3, size, size), device=device).contiguous(memory_format=torch.channels_last)
    t = torch.ones(count, dtype=torch.int64, device=device)
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast(device.type, body, enabled=body != torch.float32):
        result = detector.denoiser.network(x, t)  # alive until all is counted, so that no storage is reused
    del result
    return sum(kept.values())

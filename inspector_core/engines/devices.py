"""Devices to compute on, and the number types that they multiply in hardware."""

import torch

from inspector_core.errors import DeviceError


def choose_device(device: str) -> torch.device:
    """A torch device for `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        DeviceError: an unknown word, or a GPU that is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    remedy = "use --device auto or --device cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise DeviceError(f"there is no device {device!r}", remedy) from error
    if chosen.type not in ("cpu", "cuda"):
        raise DeviceError(f"Norma can't compute on {device!r}", remedy)
    if chosen.type == "cuda" and (
        not torch.cuda.is_available() or (chosen.index or 0) >= torch.cuda.device_count()
    ):
        raise DeviceError(
            f"the GPU {device!r} was asked for and is not there", f"check its driver, or {remedy}"
        )
    return chosen


def body_type(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it in hardware, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32

"""Which engine runs a model on which device."""

from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.model_file import ModelMetadata, load_model
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.engines.engine import Engine
from inspector_core.engines.tiled import tiled
from inspector_core.engines.torch_engine import TorchEngine
from inspector_core.errors import DeviceError, ModelFileError


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


def open_engine(path: Path, device: str = "auto") -> Engine:
    """Load a model file onto a device.

    Raises:
        ModelFileError: the file can't be used.
        DeviceError: the device can't be used.
    """
    chosen = choose_device(device)
    metadata, tensors = load_model(path)
    try:
        return build_engine(metadata, tensors, chosen)
    except (ValidationError, RuntimeError) as error:
        problem = f"the model {path} does not fit this version of Norma ({str(error).splitlines()[0]})"
        raise ModelFileError(problem, "update Norma or train the model again") from error


def build_engine(metadata: ModelMetadata, tensors: Mapping[str, Tensor], device: torch.device) -> Engine:
    """An engine from a model's parts, as `load_model` returns them; it tiles as the model was calibrated."""
    detector = build_detector(DetectorConfig.model_validate(metadata.config))
    detector.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return tiled(TorchEngine(detector, metadata, device, body_type(device)), metadata.tiling)

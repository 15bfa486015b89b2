"""Which engine runs a model on which device."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from platformdirs import user_cache_path
from pydantic import ValidationError
from torch import Tensor

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata, load_model
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.engines.cuda_engine import CudaEngine
from inspector_core.engines.engine import Engine
from inspector_core.engines.tiled import tiled
from inspector_core.engines.torch_engine import TorchEngine
from inspector_core.errors import DeviceError, ModelFileError

log = logging.getLogger(__name__)

MOST_AT_ONCE = 16
"""Tiles of an image that a GPU looks at in one run."""


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


def open_engine(path: Path, device: str = "auto", picture_from: float = 0.0) -> Engine:
    """Load a model file onto a device, with the engine that is fastest there.

    Args:
        picture_from: parts that score less and in which nothing is suspicious get no reconstruction, which
            saves most of the time; scores and maps stay the same. 0 reconstructs every part.

    Raises:
        ModelFileError: the file can't be used.
        DeviceError: the device can't be used.
    """
    chosen = choose_device(device)
    metadata, tensors = load_model(path)
    try:
        return build_engine(metadata, tensors, chosen, lasting=True, picture_from=picture_from)
    except (ValidationError, RuntimeError) as error:
        problem = f"the model {path} does not fit this version of Norma ({str(error).splitlines()[0]})"
        raise ModelFileError(problem, "update Norma or train the model again") from error


def build_engine(
    metadata: ModelMetadata,
    tensors: Mapping[str, Tensor],
    device: torch.device,
    lasting: bool = False,
    picture_from: float = 0.0,
) -> Engine:
    """An engine from a model's parts, as `load_model` returns them; it tiles as the model was calibrated.

    Args:
        lasting: it will see many images, so that seconds of preparation pay.
        picture_from: as for `open_engine`; without effect on tiles.
    """
    detector = build_detector(DetectorConfig.model_validate(metadata.config))
    detector.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    limit = picture_from if metadata.tiling is None else 0.0
    engine: Engine | None = None
    if device.type == "cuda":
        engine = _cuda(detector, metadata, device, lasting)
    elif lasting and uses_openvino(device):
        engine = _openvino(detector, metadata, limit)
    engine = engine or TorchEngine(detector, metadata, device, body_type(device), limit)
    return tiled(engine, metadata.tiling)


def _cuda(detector: DiffusionAD, metadata: ModelMetadata, device: torch.device, compiled: bool) -> Engine:
    """What is compiled for a GPU is kept on disk: the next start finds it there."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(user_cache_path("norma") / "compiled"))
    batch = 1 if metadata.tiling is None else min(metadata.tiling.count, MOST_AT_ONCE)
    return CudaEngine(detector, metadata, device, body_type(device), batch, compiled)


def uses_openvino(device: torch.device) -> bool:
    """On CPUs that multiply bfloat16 in hardware, torch does; OpenVINO's bfloat16 is not measured there."""
    return device.type == "cpu" and body_type(device) == torch.float32


def _openvino(detector: DiffusionAD, metadata: ModelMetadata, picture_from: float) -> Engine | None:
    """None where OpenVINO can't take the detector; torch can."""
    try:
        from inspector_core.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(detector, metadata, torch.get_num_threads(), picture_from)
    except ImportError:  # the folder application goes without it
        return None
    except RuntimeError:
        log.warning("OpenVINO can't run this model; torch does", exc_info=True)
        return None

"""Which engine runs a model on which device."""

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Lock

import torch
from platformdirs import user_cache_path
from pydantic import ValidationError
from torch import Tensor

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata, load_model
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.engines.choice import ROUNDED_GAIN, fastest, machine
from inspector_core.engines.cuda_engine import CudaEngine
from inspector_core.engines.devices import body_type, choose_device
from inspector_core.engines.engine import Engine
from inspector_core.engines.registered import RegisteredEngine
from inspector_core.engines.registration import REFERENCE, Registration, from_stored
from inspector_core.engines.tiled import tiled
from inspector_core.engines.torch_engine import TorchEngine
from inspector_core.errors import ModelFileError

log = logging.getLogger(__name__)

MEMORY = user_cache_path("norma") / "engines.json"
GRAPHS = user_cache_path("norma") / "graphs"
_OPENING = Lock()
"""Held while an engine is opened: two at a time would spoil each other's measurement, or captured graph."""
MOST_AT_ONCE = 16
"""Tiles of an image that a GPU looks at in one run."""
LANES = 2
"""Images that a CPU looks at at the same time, each with its share of the cores: cores that work on one image
together wait for each other at every layer, and longest for the one that lent itself to another thread."""


def open_engine(
    path: Path, device: str = "auto", picture_from: float = 0.0, lines: int = 1, lanes: int = 1
) -> Engine:
    """Load a model file onto a device, with the engine that was measured to be the fastest there.

    Args:
        picture_from: parts, or tiles of parts, that score less and are judged without the networks get no
            reconstruction, which saves most of the time; scores and maps stay the same. 0 reconstructs all.
        lines: that share the engine, so that so many images may come together; a GPU runs them together.
        lanes: images that a CPU may look at at the same time; with 1 each has all cores. Tiles always share
            the cores among `LANES` of them.

    Raises:
        ModelFileError: the file can't be used.
        DeviceError: the device can't be used.
    """
    chosen = choose_device(device)
    metadata, tensors = load_model(path)
    if not metadata.tiles_fit:
        problem = f"the model {path} was trained on other tiles than those it says it cuts parts into"
        raise ModelFileError(problem, "train the model again")
    try:
        with _OPENING:
            return build_engine(
                metadata, tensors, chosen, lasting=True, picture_from=picture_from, lines=lines, lanes=lanes
            )
    except (ValidationError, RuntimeError) as error:
        problem = f"the model {path} does not fit this version of Norma ({str(error).splitlines()[0]})"
        raise ModelFileError(problem, "update Norma or train the model again") from error


def build_engine(
    metadata: ModelMetadata,
    tensors: Mapping[str, Tensor],
    device: torch.device,
    lasting: bool = False,
    picture_from: float = 0.0,
    lines: int = 1,
    lanes: int = 1,
    rounded: bool | None = None,
) -> Engine:
    """An engine from a model's parts, as `load_model` returns them; it brings parts into the model's pose and
    tiles them as the model was calibrated.

    Args:
        lasting: it will see many images, so that seconds of preparation pay.
        picture_from: as for `open_engine`.
        lines, lanes: as for `open_engine`.
        rounded: whether an engine on the CPU that is not to last rounds to bfloat16; by default where that is
            fast.
    """
    reference = tensors.get(REFERENCE)

    def detector() -> DiffusionAD:
        return loaded_detector(metadata, tensors)

    engine: Engine | None = None
    if device.type == "cuda":
        engine = _on_gpu(detector, metadata, device, lasting, lines)
    if engine is None:
        lanes = max(lanes, 1 if metadata.tiling is None else LANES)
        engine = _on_cpu(detector, metadata, lasting, picture_from, lanes, rounded)
    engine = tiled(engine, metadata.tiling)
    if reference is None:
        return engine
    return RegisteredEngine(engine, Registration(from_stored(reference.numpy())))


def loaded_detector(metadata: ModelMetadata, tensors: Mapping[str, Tensor]) -> DiffusionAD:
    """The torch detector of a model's parts, as `load_model` returns them, in float32."""
    detector = build_detector(DetectorConfig.model_validate(metadata.config))
    detector.load_state_dict({name: tensor.float() for name, tensor in tensors.items() if name != REFERENCE})
    return detector


def _on_gpu(
    detector: Callable[[], DiffusionAD],
    metadata: ModelMetadata,
    device: torch.device,
    compiled: bool,
    lines: int,
) -> Engine | None:
    """None where the GPU's memory can't hold the model; what is compiled for it is kept on disk."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(user_cache_path("norma") / "compiled"))
    tiles = 1 if metadata.tiling is None else metadata.tiling.count
    batch = min(lines * tiles, MOST_AT_ONCE)
    engine: Engine | None = None
    try:
        engine = CudaEngine(detector(), metadata, device, body_type(device), batch, compiled)
        engine.warm_up()
        return engine
    except torch.OutOfMemoryError:
        log.warning("the GPU %s has too little free memory for this model; the CPU runs it", device)
    del engine
    torch.cuda.empty_cache()
    return None


def _on_cpu(
    detector: Callable[[], DiffusionAD],
    metadata: ModelMetadata,
    lasting: bool,
    picture_from: float,
    lanes: int,
    rounded: bool | None,
) -> Engine:
    cpu = torch.device("cpu")

    def by_torch() -> TorchEngine:
        return TorchEngine(detector(), metadata, cpu, body_type(cpu))

    def by_openvino(rounded: bool) -> TorchEngine | None:
        return _openvino(detector(), metadata, lanes, rounded)

    if not lasting:
        body = {None: body_type(cpu), True: torch.bfloat16, False: torch.float32}[rounded]
        return TorchEngine(detector(), metadata, cpu, body, picture_from)
    makers: dict[str, Callable[[], TorchEngine | None]]
    makers = {"torch": by_torch, "openvino": partial(by_openvino, False)}
    if body_type(cpu) != torch.float32:
        makers["openvino rounded"] = partial(by_openvino, True)
    of = f"of {' '.join(makers)} at {ROUNDED_GAIN} in {lanes} lanes"
    key = " ".join([machine(), metadata.detector, metadata.preset, str(metadata.size), of])
    engine = fastest(key, makers, MEMORY)
    engine.keep_graphs()  # now: of those that were only measured nothing needs to stay
    engine.picture_from = picture_from  # now: what is measured is the whole of the detector
    return engine


def _openvino(
    detector: DiffusionAD, metadata: ModelMetadata, lanes: int, rounded: bool
) -> TorchEngine | None:
    """None where OpenVINO can't take the detector, or does not agree with torch; torch can."""
    try:
        from inspector_core.engines.kept_graphs import KeptGraphs
        from inspector_core.engines.openvino_engine import OpenVinoEngine

        threads, graphs = torch.get_num_threads(), KeptGraphs(GRAPHS, metadata.sha256)
        lanes = min(threads, lanes)
        while True:
            engine = OpenVinoEngine(detector, metadata, threads, lanes=lanes, rounded=rounded, graphs=graphs)
            if engine.agrees():
                return engine
            if not graphs.forget():  # with graphs that were made here
                break
        log.error("OpenVINO computes this model wrongly here; torch does it")
        return None
    except ImportError:  # a packager may have left it out
        return None
    except (RuntimeError, OSError):
        log.warning("OpenVINO can't run this model; torch does", exc_info=True)
        return None

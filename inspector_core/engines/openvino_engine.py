"""The detector as OpenVINO graphs, for CPUs.

Layers are fused and laid out for the processor: 105 ms for torch's 142 on two AVX2 cores. The graph is made
from the torch detector when the model is opened, so that one definition says what a detector computes.
"""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Literal, get_args

import numpy as np
import openvino
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor, nn

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.diffusion_ad import DetectorOutput, DiffusionAD
from inspector_core.detectors.feature_evidence import FeatureEvidence
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.devices import body_type
from inspector_core.engines.engine import Ignore, IgnoreMask, Image, masks_of, tiles_of
from inspector_core.engines.torch_engine import TorchEngine

Precision = Literal["f32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
OFF_BY = 1e-3
"""Of the largest number that torch gives; rounding to bfloat16 is not looked at so."""


class OpenVinoEngine(TorchEngine):
    """As `TorchEngine`, with the detector itself run by OpenVINO.

    Args:
        threads: of the CPU, for all lanes together.
        lanes: images that are looked at at the same time.
        precision: number type of the networks' bodies; the features' distance is always float32.
        networks: False leaves the networks to torch, which multiplies bfloat16 where the processor does.

    Raises:
        RuntimeError: the detector has an operation that OpenVINO can't take.
    """

    def __init__(
        self,
        detector: DiffusionAD,
        model: ModelMetadata,
        threads: int,
        picture_from: float = 0.0,
        lanes: int = 1,
        precision: Precision = "f32",
        networks: bool = True,
    ) -> None:
        cpu = torch.device("cpu")
        super().__init__(detector, model, cpu, torch.float32 if networks else body_type(cpu), picture_from)
        short = "bf16" if precision == "bf16" else "fp32"
        self._name = f"openvino-cpu-{short}" if networks else f"openvino-{self._name}"
        self._lanes = lanes
        if lanes > 1:  # other numbers of threads add in another order
            self._name += f"-x{lanes}"
        self._pool = ThreadPoolExecutor(lanes, "norma-lane") if lanes > 1 else None
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": max(1, threads // lanes),
            "ENABLE_CPU_PINNING": lanes == 1,  # else all lanes would be pinned to the same cores
        }
        core, size = openvino.Core(), detector.config.size

        def compiled(part: nn.Module, kind: Precision, of_tile: bool = False) -> _Graph:
            graph = _graph(part, size, of_tile)
            chosen = {**settings, "INFERENCE_PRECISION_HINT": kind}
            # one for each lane: with two streams OpenVINO 2026.4 gets the distance wrong
            return _Graph([core.compile_model(graph, "CPU", chosen) for _ in range(lanes)])

        self._of_networks = compiled(_Networks(self._detector), precision) if networks else None
        self._of_distance = None
        if detector.evidence is not None and detector.evidence.fitted:
            self._of_tile = detector.evidence.regions.tiles > 1
            self._of_distance = compiled(_Distance(detector.evidence), "f32", self._of_tile)

    @torch.inference_mode()
    def agrees(self) -> bool:
        """Whether each lane gives what torch gives, of one image of noise; a library may be wrong."""
        x = torch.rand((1, 3, self._size, self._size), generator=torch.Generator().manual_seed(0))
        last = torch.tensor([0 if self._model.tiling is None else self._model.tiling.count - 1])
        pairs = []
        for _ in range(self._lanes):
            if self._of_networks is not None:
                pairs.append((self._networks(x).logits, super()._networks(x).logits))
            if self._of_distance is not None:
                pairs.append((self._distance(x, last), super()._distance(x, last)))
        return all(bool((one - other).abs().max() <= OFF_BY * other.abs().max()) for one, other in pairs)

    @property
    def lanes(self) -> int:
        return self._lanes

    @property
    def at_once(self) -> int:
        return self._lanes

    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        if self._pool is None or len(images) < 2:
            return super().infer(images, ignore, tiles)
        one_by_one = zip(images, masks_of(ignore, len(images)), tiles_of(tiles, len(images)), strict=True)
        return list(self._pool.map(lambda one: self._alone(*one), one_by_one))

    def _alone(self, image: Image, mask: IgnoreMask | None, tile: int) -> Detection:
        return super().infer([image], [mask], [tile])[0]

    def _networks(self, x: Tensor) -> DetectorOutput:
        if self._of_networks is None:
            return super()._networks(x)
        logits, reconstruction = self._of_networks(x)
        return DetectorOutput(logits, reconstruction)

    def _distance(self, x: Tensor, tile: Tensor) -> Tensor:
        assert self._of_distance is not None
        return self._of_distance(x, tile)[0] if self._of_tile else self._of_distance(x)[0]


class _Graph:
    """A graph, compiled for each lane; as many threads may call it."""

    def __init__(self, models: Sequence[openvino.CompiledModel]) -> None:
        self._outputs = range(len(models[0].outputs))
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for model in models:
            self._idle.put(model.create_infer_request())

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        request = self._idle.get()
        try:
            found = request.infer({k: part.numpy() for k, part in enumerate(inputs)})
            # copied: the next run writes over it
            return [torch.from_numpy(np.array(found[k])) for k in self._outputs]
        finally:
            self._idle.put(request)


class _Networks(nn.Module):
    """The networks' pass with outputs that a tracer understands."""

    def __init__(self, detector: DiffusionAD) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.detector.pass_networks(image))


class _Distance(nn.Module):
    def __init__(self, evidence: FeatureEvidence) -> None:
        super().__init__()
        self.evidence = evidence

    def forward(self, image: Tensor, tile: Tensor | None = None) -> tuple[Tensor, ...]:
        return (self.evidence.distance(image, tile),)


def _graph(part: nn.Module, size: int, of_tile: bool) -> openvino.Model:
    """For one image [1, 3, S, S], float32 0..1; with `of_tile` also for which tile it is, int64 [1]."""
    image = torch.zeros((1, 3, size, size))
    example = (image, torch.zeros(1, dtype=torch.int64)) if of_tile else (image,)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sizes become constants, as they shall
        traced = torch.jit.trace(part.eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
        decoder = TorchScriptPythonDecoder(traced, example_input=example)  # lives until it is converted
        frontend = FrontEndManager().load_by_framework("pytorch")
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape({k: list(part.shape) for k, part in enumerate(example)})
    return graph

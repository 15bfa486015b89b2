"""The detector as OpenVINO graphs, for CPUs.

Layers are fused and laid out for the processor: 105 ms for torch's 142 on two AVX2 cores. The graphs are
made from the torch detector, so that one definition says what a detector computes, and kept on disk.
"""

import copy
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import NamedTuple

import openvino
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import Ignore, IgnoreMask, Image, masks_of, tiles_of
from inspector_core.engines.kept_graphs import KeptGraphs
from inspector_core.engines.rewriting import (
    MOMENTS,
    RationalSiLU,
    ReducedGroupNorm,
    Unlimited,
    fold_repetition,
    fold_time,
    replace,
    settle,
)
from inspector_core.engines.torch_engine import TorchEngine, as_pictures

Compute = Callable[..., tuple[Tensor, ...]]
OFF_BY, ROUNDED_OFF_BY = 1e-3, 0.1
"""What a graph may be off, of the largest number that torch gives; the second, where it rounds."""
LAYER = re.compile(r'<layer id="\d+" name="(?P<name>[^"]*)" type="(?P<kind>\w+)"[^>]*>\s*(<data[^>]*/>)?')
"""A layer's beginning in a graph's file, with its data, behind which the mark goes."""
PRECISE = '<rt_info><attribute name="precise" version="0" /></rt_info>'


class OpenVinoEngine(TorchEngine):
    """As `TorchEngine`, with the detector itself run by OpenVINO.

    Args:
        threads: of the CPU, for all lanes together.
        lanes: images that are looked at at the same time.
        rounded: whether the networks multiply in bfloat16, where the processor does, with a SiLU that is off
            by 0.0016. Schedule and images, the convolution that compares them, what the last convolutions
            add up, and the features' distance stay float32.
        graphs: where they are looked for before they are made; None makes them.

    Raises:
        RuntimeError: the detector has an operation that OpenVINO can't take.
        OSError: there is no room for a temporary file as large as the networks.
    """

    def __init__(
        self,
        detector: DiffusionAD,
        model: ModelMetadata,
        threads: int,
        picture_from: float = 0.0,
        lanes: int = 1,
        rounded: bool = False,
        graphs: KeptGraphs | None = None,
    ) -> None:
        super().__init__(detector, model, torch.device("cpu"), torch.float32, picture_from)
        self._off_by = ROUNDED_OFF_BY if rounded else OFF_BY
        self._name = f"openvino-cpu-{'bf16' if rounded else 'fp32'}"
        self._lanes = lanes
        if lanes > 1:  # other numbers of threads add in another order
            self._name += f"-x{lanes}"
        self._pool = ThreadPoolExecutor(lanes, "norma-lane")
        self._helpers = ThreadpoolController().select(user_api="openmp")
        self._graphs = graphs or KeptGraphs(Path(), "")
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": max(1, threads // lanes),
            "ENABLE_CPU_PINNING": lanes == 1,  # else all lanes would be pinned to the same cores
        }
        settled = cache(lambda: _settled(self._detector, rounded))

        def compiled(
            name: str, rounds: bool, compute: Compute, *inputs: Tensor
        ) -> list[openvino.CompiledModel]:
            def make() -> openvino.Model:
                graph = _graph(_Traced(settled(), compute), *inputs)
                return _exact(graph) if rounds else graph

            chosen = {**settings, "INFERENCE_PRECISION_HINT": "bf16" if rounds else "f32"}
            return self._graphs.compiled(name, make, chosen, lanes)

        image = torch.zeros((1, 3, self._size, self._size))
        reconstruction = compiled("reconstruction", rounded, _reconstruct, image)
        estimates = torch.zeros(tuple(reconstruction[0].outputs[0].shape))
        models = [reconstruction, compiled("comparison", rounded, _compare, image, estimates)]
        if (evidence := detector.evidence) is not None and evidence.fitted:
            self._of_tile = evidence.regions.tiles > 1
            tile = torch.zeros(1, dtype=torch.int64)
            models.append(compiled("distance", False, _distance, *(image, tile)[: 1 + self._of_tile]))
            logits, distance = image[:, :1], torch.zeros((1, 1, evidence.grid, evidence.grid))
            models.append(compiled("joining", False, _join, logits, distance))
        self._idle: SimpleQueue[_Lane] = SimpleQueue()
        for of_lane in zip(*models, strict=True):
            self._idle.put(_Lane(*[model.create_infer_request() for model in of_lane]))
        self._here = threading.local()

    def keep_graphs(self) -> None:
        self._graphs.keep()

    @torch.inference_mode()
    def agrees(self) -> bool:
        """Whether each lane gives what torch gives, of one image of noise; a library may be wrong."""
        x = torch.rand((1, 3, self._size, self._size), generator=torch.Generator().manual_seed(0))
        last = torch.tensor([0 if self._model.tiling is None else self._model.tiling.count - 1])
        evidence = self._detector.evidence

        def computed(by: type[TorchEngine]) -> list[Tensor]:
            logits = by._compare(self, x, by._reconstruct(self, x)[0])
            if evidence is None or not evidence.fitted:
                return [logits]
            distance = by._distance(self, x, last)
            return [logits, distance, by._join(self, logits, distance)]

        def near(one: Tensor, other: Tensor, off_by: float) -> bool:
            return bool((one - other).abs().max() <= off_by * other.abs().max())

        expected, limits = computed(TorchEngine), (self._off_by, OFF_BY, self._off_by)
        for _ in range(self._lanes):  # they come in turns
            with self._in_a_lane():
                if not all(map(near, computed(type(self)), expected, limits)):
                    return False
        return True

    @property
    def lanes(self) -> int:
        return self._lanes

    @property
    def at_once(self) -> int:
        return self._lanes

    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        if self._lanes == 1:
            return super().infer(images, ignore, tiles)
        masks, of_part = masks_of(ignore, len(images)), tiles_of(tiles, len(images))
        each = self._pool.map if len(images) > 1 else map
        return list(each(self._alone, images, masks, of_part))

    def _alone(self, image: Image, mask: IgnoreMask | None, tile: int) -> Detection:
        # helpers of torch's small operations would take the other lanes' cores; torch sets the number of a
        # new thread when it is first asked
        torch.get_num_threads()
        with self._helpers.limit(limits=1):
            return super().infer([image], [mask], [tile])[0]

    def _detect(self, image: Image, ignore: IgnoreMask | None, tile: int) -> Detection:
        with self._in_a_lane():
            return super()._detect(image, ignore, tile)

    @contextmanager
    def _in_a_lane(self) -> Iterator[None]:
        """One is this thread's meanwhile, and with it what its graphs give, until they run again."""
        self._here.lane = self._idle.get()
        try:
            yield
        finally:
            self._idle.put(self._here.lane)
            del self._here.lane

    def _reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        estimates, picture = _results(self._here.lane.reconstruction, x)
        return estimates, picture.clone()  # which leaves the lane

    def _compare(self, x: Tensor, estimates: Tensor) -> Tensor:
        return _results(self._here.lane.comparison, x, estimates)[0]

    def _join(self, logits: Tensor, distance: Tensor) -> Tensor:
        return _results(self._here.lane.joining, logits, distance)[0]

    def _distance(self, x: Tensor, tile: Tensor) -> Tensor:
        return _results(self._here.lane.distance, *(x, tile)[: 1 + self._of_tile])[0]


class _Lane(NamedTuple):
    """What looks at one image at a time."""

    reconstruction: openvino.InferRequest
    comparison: openvino.InferRequest
    distance: openvino.InferRequest | None = None
    joining: openvino.InferRequest | None = None


def _results(request: openvino.InferRequest, *inputs: Tensor) -> list[Tensor]:
    """Nothing is copied: the next run of this request writes over what this one gave."""
    given = {k: part.numpy() for k, part in enumerate(inputs)}
    return [torch.from_numpy(part) for part in request.infer(given, True, True).to_tuple()]


def _settled(detector: DiffusionAD, rounded: bool) -> DiffusionAD:
    """A copy with layers that OpenVINO does fast."""
    detector = copy.deepcopy(detector)
    networks = settle(detector, 1, ReducedGroupNorm)
    fold_time(networks[0])
    if rounded:  # their errors are lost among those of rounding
        replace(networks[0], nn.SiLU, lambda _: RationalSiLU())
        fold_repetition(networks[0])
    for network in networks:
        # fused into the convolution, which then gives its sums as they are: see `_exact`
        network.outlet = nn.Sequential(network.outlet, Unlimited())  # type: ignore[assignment]
    return detector


class _Traced(nn.Module):
    """A function of a detector and inputs as a tracer takes it, with its results in a tuple."""

    def __init__(self, detector: DiffusionAD, compute: Compute) -> None:
        super().__init__()
        self.detector, self.compute = detector, compute

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self.compute(self.detector, *inputs)


def _reconstruct(detector: DiffusionAD, image: Tensor) -> tuple[Tensor, ...]:
    estimates = detector.reconstruct(image)
    return estimates, as_pictures(detector.picture(image, estimates))


def _compare(detector: DiffusionAD, image: Tensor, estimates: Tensor) -> tuple[Tensor, ...]:
    return (detector.compare(image, estimates),)


def _distance(detector: DiffusionAD, image: Tensor, tile: Tensor | None = None) -> tuple[Tensor, ...]:
    assert detector.evidence is not None
    return (detector.evidence.distance(image, tile),)


def _join(detector: DiffusionAD, logits: Tensor, distance: Tensor) -> tuple[Tensor, ...]:
    assert detector.evidence is not None
    return (detector.evidence.combine(logits, distance),)


def _graph(part: nn.Module, *inputs: Tensor) -> openvino.Model:
    """For inputs of these shapes and types: an image [1, 3, S, S], float32 0..1, and what else it takes."""
    # here: where no graph is made, a tenth of a second is saved
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sizes become constants, as they shall
        traced = torch.jit.trace(part.eval(), inputs, check_trace=False)  # type: ignore[no-untyped-call]
        decoder = TorchScriptPythonDecoder(traced, example_input=inputs)  # lives until it is converted
        frontend = FrontEndManager().load_by_framework("pytorch")
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape({k: list(part.shape) for k, part in enumerate(inputs)})
    return graph


def _exact(graph: openvino.Model) -> openvino.Model:
    """A graph of the networks, told what stays float32 where the rest is rounded to bfloat16.

    The segmentation's first convolution takes the difference of image and reconstruction, which rounding
    would lose: rounded alone, it puts the map as far off as all of the segmentation does. A group's spread is
    a difference, too. A layer is told by an attribute of the graph's file; no function sets it.
    """
    network, segmentation = "__module.detector.denoiser.network", "__module.detector.segmentation"
    exact = (
        f"{segmentation}/aten::pixel_unshuffle",
        f"{segmentation}.encoder.0.0",
        *(f"{part}.outlet.1" for part in (network, segmentation)),
    )

    def told(layer: re.Match[str]) -> str:
        name, kind = layer["name"], layer["kind"]
        rounded = name.startswith((network, segmentation)) and not name.startswith(exact)
        rounded = rounded and f".{MOMENTS}" not in name
        return layer[0] if rounded or kind in ("Const", "Parameter", "Result") else layer[0] + PRECISE

    with TemporaryDirectory() as folder:
        layers, weights = Path(folder) / "graph.xml", Path(folder) / "graph.bin"
        openvino.serialize(graph, layers, weights)
        written = layers.read_text("utf-8")
        marked, count = LAYER.subn(told, written)
        if count != written.count("<layer "):
            raise RuntimeError("OpenVINO writes graphs in another form than is known here")
        return openvino.Core().read_model(marked.encode(), weights.read_bytes())

"""The detector as one CUDA graph: for one image, a GPU waits for its next kernel longer than it works.

Everything from the uploaded pixels to the score is captured once and replayed. Before, layers are rewritten
to what a fixed noise scale and a trained network allow, and torch.compile fuses what lies between the
convolutions. Nothing of it needs a GPU but the capture: on a CPU the same program runs uncaptured, which is
how it is tested.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import Ignore, IgnoreMask, Image, masks_of, tiles_of
from inspector_core.engines.preprocess import compact_image, fit, fit_mask, unfit_image, unfit_map
from inspector_core.engines.rewriting import ChannelGroupNorm, Float32Conv, settle
from inspector_core.engines.torch_engine import NEVER, as_pictures

log = logging.getLogger(__name__)

WARM_UPS = 3
"""Runs before the capture, in which libraries choose their kernels and take their memory."""


class _Found(NamedTuple):
    """Of B images: scores float64 [B], maps float32 [B, S, S], reconstructions uint8 [B, S, S, 3]."""

    scores: Tensor
    maps: Tensor
    reconstructions: Tensor


class CudaEngine:
    """Runs `batch` images at a time, padded where there are fewer, both noise scales together.

    Args:
        detector: with its weights loaded; the engine takes it over and rewrites it.
        model: what its file says.
        device: a torch device.
        body: number type of both networks' bodies.
        batch: images a run; one shape, so that a score is independent of its neighbours.
        compiled: fuse with torch.compile, which needs Triton and a C compiler. Where that fails, the graph is
            captured from torch's own kernels.
    """

    def __init__(
        self,
        detector: DiffusionAD,
        model: ModelMetadata,
        device: torch.device,
        body: torch.dtype,
        batch: int = 1,
        compiled: bool = True,
    ) -> None:
        self._model = model
        self._device = device
        self._size = size = detector.config.size
        self._batch = batch
        self._lock = threading.Lock()
        self._masks: list[IgnoreMask | None] = [None] * batch
        self._detector = specialise(detector.eval().requires_grad_(False).to(device), batch, body)
        self._networks: Callable[[Tensor], tuple[Tensor, Tensor]] = self._detector.pass_networks
        self._compiled = compiled and device.type == "cuda"
        self._graph: torch.cuda.CUDAGraph | None = None
        pinned = device.type == "cuda"
        self._upload = torch.zeros((batch, size, size, 3), dtype=torch.uint8, pin_memory=pinned)
        self._pixels = self._upload.to(device, copy=True)
        self._ignored = torch.zeros((batch, 1, size, size), dtype=torch.bool, device=device)
        self._tile = torch.zeros(batch, dtype=torch.int64, device=device)
        self._tiles = [0] * batch
        self._found: _Found | None = None
        self._download: _Found | None = None
        short = {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(body, "fp32")
        self._name = f"graph-{device.type}-{short}" + (f"-x{batch}" if batch > 1 else "")
        if not compiled:
            self._name += "-plain"

    @property
    def name(self) -> str:
        return self._name

    @property
    def model(self) -> ModelMetadata:
        return self._model

    @property
    def at_once(self) -> int:
        return self._batch

    @property
    def lanes(self) -> int:
        return 1

    def warm_up(self) -> None:
        self.infer([np.zeros((self._size, self._size, 3), dtype=np.uint8)])

    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        masks, of_part = masks_of(ignore, len(images)), tiles_of(tiles, len(images))
        with self._lock, torch.no_grad():
            detections: list[Detection] = []
            for start in range(0, len(images), self._batch):
                run = slice(start, start + self._batch)
                self._set_ignored(masks[run])
                self._set_tiles(of_part[run])
                detections += self._detect(images[run])
            return detections

    def _set_ignored(self, masks: Sequence[IgnoreMask | None]) -> None:
        """A line asks with the same mask for every part: it is sent once."""
        for k, mask in enumerate(masks):
            if mask is self._masks[k]:
                continue
            if mask is None:
                self._ignored[k].zero_()
            else:
                self._ignored[k, 0].copy_(torch.from_numpy(fit_mask(mask, self._size)))
            self._masks[k] = mask  # last: one that could not be set is tried again

    def _set_tiles(self, tiles: Sequence[int]) -> None:
        """Whole parts are always the first, and are told so once."""
        if self._tiles[: len(tiles)] != list(tiles):
            self._tile[: len(tiles)].copy_(torch.tensor(tiles))
            self._tiles[: len(tiles)] = tiles

    def _detect(self, images: Sequence[Image]) -> list[Detection]:
        for k, image in enumerate(images):
            self._upload[k].numpy()[:] = fit(image, self._size)
        found = self._replay()
        detections = []
        for k, image in enumerate(images):
            height, width = image.shape[:2]
            # what leaves the engine is its own: the buffers are written again by the next run
            anomaly_map: NDArray[np.float32] = found.maps[k].numpy().copy()
            reconstruction: Image = found.reconstructions[k].numpy().copy()
            detections.append(
                Detection(
                    score=float(found.scores[k]),
                    anomaly_map=unfit_map(anomaly_map, height, width),
                    reconstruction=unfit_image(reconstruction, height, width),
                    compact=compact_image(reconstruction, height, width),
                )
            )
        return detections

    def _replay(self) -> _Found:
        if self._device.type != "cuda":
            self._pixels.copy_(self._upload)
            return self._program()
        with torch.cuda.device(self._device):
            if self._graph is None:
                self._capture()
            assert self._graph is not None
            assert self._found is not None
            assert self._download is not None
            self._pixels.copy_(self._upload, non_blocking=True)
            self._graph.replay()
            for there, here in zip(self._found, self._download, strict=True):
                here.copy_(there, non_blocking=True)
            torch.cuda.current_stream().synchronize()
        return self._download

    def _program(self) -> _Found:
        """From the uploaded pixels to what is found in them."""
        image = self._pixels.permute(0, 3, 1, 2).float() / 255
        logits, reconstruction = self._networks(image)
        evidence = self._detector.evidence
        if evidence is not None and evidence.fitted:
            logits = evidence.combine(logits, evidence.distance(image, self._tile))
        logits = logits.masked_fill(self._ignored, NEVER)
        top = logits.flatten(1).topk(self._detector.config.top_k).values
        maps = self._detector.probability(logits)[:, 0]
        return _Found(top.double().sigmoid().mean(1), maps, as_pictures(reconstruction))

    def _capture(self) -> None:
        if self._compiled:
            self._networks = torch.compile(self._detector.pass_networks, dynamic=False)
            try:
                self._program()
            except Exception:  # of any of the many things a compiler needs
                log.warning(
                    "torch.compile can't be used here; the GPU runs torch's own kernels", exc_info=True
                )
                self._networks = self._detector.pass_networks
                self._name += "-plain"
        stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._program()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            self._found = self._program()
        self._download = _Found(*[torch.empty_like(part, device="cpu").pin_memory() for part in self._found])
        self._graph = graph


def specialise(detector: DiffusionAD, batch: int, body: torch.dtype) -> DiffusionAD:
    """Rewrite a detector, in place, for inference at its fixed noise scales on `batch` images.

    Time embeddings become constants, batch norm is folded into the convolutions before it, group norm is
    written such that a compiler fuses it, and the networks' bodies take the type `body`; normalisation, last
    convolutions, the one that compares image and reconstruction, schedule and scores stay float32.
    """
    for part in settle(detector, batch, ChannelGroupNorm):
        outlet = part.outlet
        part.to(dtype=body, memory_format=torch.channels_last)  # type: ignore[call-overload]
        outlet.float()
        for layer in part.modules():
            if isinstance(layer, ChannelGroupNorm):
                layer.float()
    comparing = detector.segmentation.encoder[0]
    assert isinstance(comparing, nn.Sequential)
    assert isinstance(comparing[0], nn.Conv2d)
    comparing[0] = Float32Conv(comparing[0], body)
    return detector

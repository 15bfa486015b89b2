"""Every engine of this machine beside a literal baseline, in one run: milliseconds, memory, agreement.

python benchmarks/engines.py --preset edge
python benchmarks/engines.py --preset paper --images 60

The baseline is what the paper's published code does for an image: float32, two calls of the U-Net one after
the other, fresh noise. Networks have random weights, on which no time depends. Each image is suspicious, so
that the segmentation has a say; `unsuspicious` has the figures where none is, and engines of a CPU do without
it. Agreement with float32 torch is measured on the model that `--model` names (default: the demo's) and parts
of the demo, or the test images of the category that `--data` names. Prints JSON.
"""

import argparse
import copy
import itertools
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from inspector_core.demo.parts import stream
from inspector_core.detectors.build import build_detector
from inspector_core.detectors.detection import Detection
from inspector_core.detectors.diffusion_ad import DiffusionAD, image_score
from inspector_core.detectors.model_file import ModelMetadata, TrainingInfo, load_model
from inspector_core.detectors.presets import preset
from inspector_core.diffusion.schedule import add_noise, predict_x0
from inspector_core.engines.cuda_engine import CudaEngine
from inspector_core.engines.devices import body_type, choose_device
from inspector_core.engines.engine import Engine, Image
from inspector_core.engines.factory import loaded_detector
from inspector_core.engines.openvino_engine import OpenVinoEngine
from inspector_core.engines.preprocess import fit
from inspector_core.engines.torch_engine import TorchEngine
from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.dataset import read_category
from inspector_core.evaluation.ranked_counts import rank
from inspector_core.resources import resource as shipped

console = Console(stderr=True)
FAR = 100.0
"""Robust standard deviations that no distance of a random detector reaches."""
Make = Callable[[DiffusionAD, ModelMetadata], Engine]


class LiteralBaseline:
    """DiffusionAD's inference as its published code has it: Eq. 7 and 8 word for word."""

    def __init__(self, detector: DiffusionAD, model: ModelMetadata, device: torch.device) -> None:
        self.name, self.model = f"literal-{device.type}-fp32", model
        self._detector, self._device = detector.eval().to(device), device

    lanes = 1

    def warm_up(self) -> None:
        pass

    @torch.no_grad()
    def infer(self, images: list[Image], ignore: None = None) -> list[float]:
        return [self._score(image) for image in images]

    def _score(self, image: Image) -> float:
        detector = self._detector
        inference, size = detector.config.inference, detector.config.size
        pixels = torch.from_numpy(np.ascontiguousarray(fit(image, size))).permute(2, 0, 1)[None]
        x = pixels.to(self._device).float() / 255
        alpha_bar = detector.denoiser.alpha_bar
        noised, noise = [], []
        for t in (inference.t_small, inference.t_big):
            x_t = add_noise(x, torch.randn_like(x), alpha_bar[t])
            noised.append(x_t)
            noise.append(self._network(x_t, t))
        low, high = detector.config.diffusion.clamp
        a = alpha_bar[inference.t_small]
        target = predict_x0(noised[1], noise[1], alpha_bar[inference.t_big]).clamp(low, high)
        toward = a.sqrt() * target + (1 - a).sqrt() * noise[0]
        guided = noise[0] - inference.guidance * (1 - a).sqrt() * (toward - noised[0])
        restored = predict_x0(noised[0], guided, a).clamp(low, high)
        return image_score(detector.segment(x, restored), detector.config.top_k)

    def _network(self, x_t: Tensor, t: int) -> Tensor:
        return self._detector.denoiser.network(x_t, torch.tensor([t], device=self._device)).float()


def engines(device: torch.device) -> dict[str, Make]:
    """What can run here, by a name for the table."""
    body = body_type(device)
    if device.type == "cuda":
        found: dict[str, Make] = {"torch float32": lambda d, m: TorchEngine(d, m, device, torch.float32)}
        for kind in (torch.bfloat16, torch.float16):
            for batch in (1, 8):
                for compiled in (False, True):
                    name = f"graph {str(kind)[6:]} x{batch}" + ("" if compiled else " plain")
                    found[name] = lambda d, m, k=kind, b=batch, c=compiled: CudaEngine(d, m, device, k, b, c)
        return found
    found = {"torch float32": lambda d, m: TorchEngine(d, m, device, torch.float32)}
    if body != torch.float32:
        found["torch bfloat16"] = lambda d, m: TorchEngine(d, m, device, body)
    threads = torch.get_num_threads()
    for kind in ("float32", "bfloat16") if body != torch.float32 else ("float32",):
        for lanes in (1, 2):
            name = f"openvino {kind}" + (f" in {lanes} lanes" if lanes > 1 else "")
            found[name] = lambda d, m, n=lanes, k=kind: OpenVinoEngine(
                d, m, threads, lanes=n, rounded=k == "bfloat16"
            )
    return found


def random_detector(name: str, size: int) -> tuple[DiffusionAD, ModelMetadata]:
    """A detector with weights that mean nothing, its feature evidence, where it has one, switched on."""
    torch.manual_seed(0)
    config = preset(name, size).detector
    detector = build_detector(config)
    for layer, parameter in detector.named_parameters():
        if "outlet" in layer or "conv_out" in layer:
            torch.nn.init.normal_(parameter, std=0.02)
    if detector.evidence is not None:
        detector.evidence.factor.fill_(0.01)
    info = TrainingInfo(
        command="",
        data="",
        data_fingerprint="",
        normals=0,
        steps=0,
        seconds=0,
        seed=0,
        device="",
        created_at=datetime.now(UTC),
    )
    return detector, ModelMetadata(config=config.model_dump(mode="json"), training=info)


def suspect(detector: DiffusionAD, every: bool) -> None:
    """Put the distance at which a place is suspicious below that of all images, or above it."""
    if detector.evidence is not None:
        detector.evidence.location[1] = -FAR if every else FAR
        detector.evidence.trust.fill_(1)


def stored_detector(path: Path) -> tuple[DiffusionAD, ModelMetadata]:
    metadata, tensors = load_model(path)
    return loaded_detector(metadata, tensors), metadata


def timed(engine: Engine, images: list[Image], group: int) -> tuple[list[float], float]:
    """Milliseconds of each call with `group` images, and images a second; lanes have each a thread."""
    starts = range(0, len(images) - group + 1, group)

    def call(start: int) -> float:
        began = time.perf_counter()
        engine.infer(images[start : start + group])
        return (time.perf_counter() - began) * 1e3

    began = time.perf_counter()
    if engine.lanes == 1:  # in the thread that made it: another one gets helper threads of its own
        times = [call(start) for start in starts]
    else:
        with ThreadPoolExecutor(engine.lanes) as lanes:
            times = list(lanes.map(call, starts))
    return times, group * len(starts) / (time.perf_counter() - began)


def memory(device: torch.device) -> float:
    """Peak MB: of the GPU since it was last asked to forget, or of this process since its start."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def image_auroc(detections: list[Detection], defective: list[bool]) -> float:
    scores = np.array([one.score for one in detections])
    bad = np.array(defective)
    area = auroc(rank(scores[bad], scores[~bad]))
    assert area is not None
    return area


def agreement(
    engine: Engine, parts: list[Image], defective: list[bool], reference: list[Detection]
) -> dict[str, float | str]:
    """How far an engine's scores and maps are from float32 torch's, and whether they repeat to the bit."""
    calibration = engine.model.calibration
    threshold = calibration.threshold if calibration is not None else 0.5
    found, again = engine.infer(parts), engine.infer(parts)
    pairs = list(zip(found, reference, strict=True))
    return {
        "score_off": max(abs(a.score - b.score) for a, b in pairs),
        "map_off": max(float(np.abs(a.anomaly_map - b.anomaly_map).max()) for a, b in pairs),
        "auroc_off": image_auroc(found, defective) - image_auroc(reference, defective),
        "verdicts_changed": sum((a.score >= threshold) != (b.score >= threshold) for a, b in pairs),
        "repeats": all(a.score == b.score for a, b in zip(found, again, strict=True)),
        "first_score": float.hex(found[0].score),
    }


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--preset", default="edge")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--baseline-images", type=int, default=10)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--model", type=Path, default=shipped("models/demo-edge.safetensors"))
    parser.add_argument("--data", type=Path, help="an MVTec-layout category; default: 40 drawn parts")
    parser.add_argument("--only", nargs="+", help="names of engines; default: all that run here")
    parser.add_argument("--no-agreement", action="store_true", help="times alone")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    random = np.random.default_rng(0)
    shape = (arguments.images, arguments.size, arguments.size, 3)
    images: list[Image] = list(random.integers(0, 256, shape, dtype=np.uint8))
    if arguments.data is None:
        drawn = list(itertools.islice(stream(seed=5, defect_rate=0.5), 40))
        parts, defective = [part.image for part in drawn], [bool(part.defect) for part in drawn]
    else:
        tested = read_category(arguments.data).parts
        parts, defective = [part.image() for part in tested], [not part.is_good for part in tested]
    rows: dict[str, dict[str, object]] = {}

    detector, model = random_detector("paper", arguments.size)
    baseline = LiteralBaseline(detector, model, device)
    timed(baseline, images[:2], 1)

    def baseline_now() -> float:
        return float(np.median(timed(baseline, images[: arguments.baseline_images], 1)[0]))

    before = baseline_now()
    rows["literal baseline, paper"] = {"p50_ms": before, "times_the_baseline": 1.0}
    console.print(rows)

    exact, theirs = stored_detector(arguments.model)
    reference: list[Detection] = []
    if not arguments.no_agreement:
        reference = TorchEngine(copy.deepcopy(exact), theirs, device, torch.float32).infer(parts)
    for name, make in engines(device).items():
        if arguments.only and name not in arguments.only:
            continue
        engine = None
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            began = time.perf_counter()
            detector, model = random_detector(arguments.preset, arguments.size)
            suspect(detector, every=True)
            engine = make(detector, model)
            engine.warm_up()
            ready = time.perf_counter() - began
            group = 8 if " x8" in name else 1
            timed(engine, images[: max(4, group)], group)
            times, rate = timed(engine, images, group)
            after = baseline_now()
            rows[name] = {
                "ready_s": ready,
                "p50_ms": float(np.median(times)),
                "p95_ms": float(np.percentile(times, 95)),
                "p99_ms": float(np.percentile(times, 99)),
                "images_a_second": rate,
                "baseline_ms": (before + after) / 2,  # just before and after: a machine's neighbours change
                "times_the_baseline": (before + after) / 2 * rate / 1e3,
                "peak_mb": memory(device),  # on a CPU only the first engine's is its own
            }
            if isinstance(engine, TorchEngine) and detector.evidence is not None:
                suspect(detector, every=False)
                times, rate = timed(engine, images, group)
                before = baseline_now()
                rows[name]["unsuspicious"] = {
                    "p50_ms": float(np.median(times)),
                    "p99_ms": float(np.percentile(times, 99)),
                    "images_a_second": rate,
                    "times_the_baseline": (before + after) / 2 * rate / 1e3,
                }
            else:
                before = after
            if reference:
                rows[name] |= agreement(make(copy.deepcopy(exact), theirs), parts, defective, reference)
        except Exception as error:  # one engine that fails must not cost the others' figures
            rows[name] = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
        console.print(name, rows[name])
    print(json.dumps({"device": str(device), "preset": arguments.preset, "size": arguments.size, **rows}))


if __name__ == "__main__":
    main()

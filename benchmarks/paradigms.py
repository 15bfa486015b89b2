"""DiffusionAD's Tables VII and VIII on one category: what reconstructs, in training and in inference.

python benchmarks/paradigms.py --data CATEGORY --minutes 5 --size 128 --most 12

Three detectors are trained equally long from scratch: on an auto-encoder in place of the diffusion model, on
one-step denoising from the small scale, and on norm-guided denoising. The two on diffusion are then given, in
turn, what one step at either scale, norm guidance, DDIM and ancestral sampling make of an image. Feature
evidence is left out. `--most` limits the images of each kind: sampling in hundreds of steps takes its time.
Prints JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD, image_score
from inspector_core.detectors.model_file import load_model
from inspector_core.detectors.presets import Preset, preset
from inspector_core.diffusion.norm_guided import reconstruct
from inspector_core.diffusion.samplers import ddim, iterative, spaced_times
from inspector_core.diffusion.schedule import add_noise
from inspector_core.engines.devices import body_type
from inspector_core.engines.factory import loaded_detector
from inspector_core.engines.preprocess import fit, fit_mask
from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.dataset import TestPart, read_category
from inspector_core.evaluation.pixel_tally import PixelTally
from inspector_core.evaluation.ranked_counts import rank
from inspector_core.training.request import TrainingRequest
from inspector_core.training.run import run_training

T_SMALL, T_BIG = 200, 400
console = Console(stderr=True)
Paradigm = Callable[[DiffusionAD, Tensor], Tensor]
"""Encoded images [B, 3, S, S] to their reconstructions."""


def one_step(t: int) -> Paradigm:
    def made(detector: DiffusionAD, x: Tensor) -> Tensor:
        times = torch.full((len(x),), t)
        noised = add_noise(x, detector.noise_big.expand_as(x), detector.denoiser.alpha_bar[t])
        return detector.denoiser.x0(noised, times).clamp(*detector.config.diffusion.clamp)

    return made


def sampled(steps: int, ancestral: bool) -> Paradigm:
    times = spaced_times(T_BIG, steps)

    def made(detector: DiffusionAD, x: Tensor) -> Tensor:
        noised = add_noise(x, detector.noise_big.expand_as(x), detector.denoiser.alpha_bar[times[0]])
        if not ancestral:
            return ddim(detector.denoiser, noised, times)
        random = torch.Generator().manual_seed(0)
        noises = [torch.randn(x.shape, generator=random) for _ in times]
        return iterative(detector.denoiser, noised, times, noises)

    return made


def norm_guided(detector: DiffusionAD, x: Tensor) -> Tensor:
    t_small, t_big = (torch.full((len(x),), t) for t in (T_SMALL, T_BIG))
    noise = (detector.noise_small, detector.noise_big)
    limits = detector.config.diffusion.clamp
    return reconstruct(detector.denoiser, x, *noise, t_small, t_big, 1.0, *limits).guided


PARADIGMS: dict[str, Paradigm] = {
    f"one step, t={T_SMALL}": one_step(T_SMALL),
    f"one step, t={T_BIG}": one_step(T_BIG),
    "norm-guided": norm_guided,
    "DDIM, 30 steps": sampled(30, ancestral=False),
    "iterative, 400 steps": sampled(400, ancestral=True),
}


@torch.inference_mode()
def measure(
    detector: DiffusionAD, parts: list[TestPart], paradigm: Paradigm | None
) -> dict[str, float | None]:
    """Image and pixel AUROC, and seconds an image."""
    size, body = detector.config.size, body_type(torch.device("cpu"))
    good, defective, tally = [], [], PixelTally()
    began = time.monotonic()
    for part in parts:
        image = part.image()
        pixels = torch.from_numpy(np.ascontiguousarray(fit(image, size))).permute(2, 0, 1)[None].float() / 255
        with torch.autocast("cpu", body, enabled=body != torch.float32):
            if paradigm is None:
                logits = detector.pass_networks(pixels).logits.float()
            else:
                x = detector.encode(pixels)
                logits = detector.segment(x, paradigm(detector, x)).float()
        (good if part.is_good else defective).append(image_score(logits, detector.config.top_k))
        mask = part.mask(*image.shape[:2])
        tally.add(logits.sigmoid()[0, 0].numpy(), None if mask is None else fit_mask(mask, size))
    seconds = (time.monotonic() - began) / len(parts)
    return {
        "image_auroc": auroc(rank(defective, good)),
        "pixel_auroc": tally.auroc(),
        "seconds_an_image": round(seconds, 3),
    }


def paradigm_preset(name: str, size: int) -> Preset:
    """The `edge` preset without feature evidence, its segmentation trained on such reconstructions."""
    plain = preset("edge", size)
    detector, training = plain.detector, plain.training
    inference, denoiser = detector.inference, detector.denoiser
    if name == "auto-encoder":  # the same network without its skips, on images without noise
        inference = inference.model_copy(update={"t_small": 0, "t_big": 1, "guidance": 0.0})
        denoiser = denoiser.model_copy(update={"skips": False})
        training = training.model_copy(update={"t_small_min": 0, "tau": 1, "t_big_max": 2})
    elif name == "one step":
        inference = inference.model_copy(update={"guidance": 0.0})
    changed = {"inference": inference, "denoiser": denoiser, "evidence": None}
    return Preset(detector=detector.model_copy(update=changed), training=training)


def trained(name: str, data: Path, size: int, minutes: float, folder: Path) -> DiffusionAD:
    """A detector in evaluation mode, on the CPU."""
    out = folder / f"{name}.safetensors"
    request = TrainingRequest(data=data, out=out, preset="edge", size=size, minutes=minutes)
    info = run_training(request, chosen=paradigm_preset(name, size)).training
    console.print(name, f"{info.steps} rounds")
    metadata, tensors = load_model(out)
    return loaded_detector(metadata, tensors).eval()


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--most", type=int, default=12, help="images of each kind")
    arguments = parser.parse_args()
    parts: list[TestPart] = []
    for _, kind in groupby(read_category(arguments.data).parts, key=lambda part: part.defect):
        parts += list(kind)[: arguments.most]
    result: dict[str, dict[str, dict[str, float | None]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("auto-encoder", "one step", "norm-guided"):
            made = trained(name, arguments.data, arguments.size, arguments.minutes, Path(folder))
            paradigms: dict[str, Paradigm | None] = (
                {"its own": None} if name == "auto-encoder" else {**PARADIGMS}
            )
            result[name] = {}
            for paradigm, way in paradigms.items():
                result[name][paradigm] = measure(made, parts, way)
                console.print(name, "-", paradigm, result[name][paradigm])
    print(json.dumps({"images": len(parts), "minutes": arguments.minutes, **result}, indent=1))


if __name__ == "__main__":
    main()

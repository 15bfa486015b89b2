"""DiffusionAD's Table VIII along the inference: how the reconstruction is made, on one trained model.

python benchmarks/paradigms.py --model MODEL --data CATEGORY --most 12

The model's segmentation was trained on norm-guided reconstructions. It is given, in turn, those of one step
at either scale, of norm guidance, of DDIM and of ancestral sampling. Feature evidence is left out. `--most`
limits the images of each kind: sampling in hundreds of steps takes its time. Prints JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import DiffusionAD, image_score
from inspector_core.detectors.model_file import load_model
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.diffusion.samplers import ddim, iterative, spaced_times
from inspector_core.diffusion.schedule import add_noise
from inspector_core.engines.devices import body_type
from inspector_core.engines.preprocess import fit, fit_mask
from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.dataset import TestPart, read_category
from inspector_core.evaluation.pixel_tally import PixelTally
from inspector_core.evaluation.ranked_counts import rank

T_SMALL, T_BIG = 200, 400
console = Console(stderr=True)
Paradigm = Callable[[DiffusionAD, Tensor], Tensor]
"""Encoded images [B, 3, S, S] to their reconstructions."""


def one_step(t: int) -> Paradigm:
    def reconstruct(detector: DiffusionAD, x: Tensor) -> Tensor:
        times = torch.full((len(x),), t)
        noised = add_noise(x, detector.noise_big.expand_as(x), detector.denoiser.alpha_bar[t])
        return detector.denoiser.x0(noised, times).clamp(*detector.config.diffusion.clamp)

    return reconstruct


def sampled(steps: int, ancestral: bool) -> Paradigm:
    times = spaced_times(T_BIG, steps)

    def reconstruct(detector: DiffusionAD, x: Tensor) -> Tensor:
        noised = add_noise(x, detector.noise_big.expand_as(x), detector.denoiser.alpha_bar[times[0]])
        if not ancestral:
            return ddim(detector.denoiser, noised, times)
        random = torch.Generator().manual_seed(0)
        noises = [torch.randn(x.shape, generator=random) for _ in times]
        return iterative(detector.denoiser, noised, times, noises)

    return reconstruct


PARADIGMS: dict[str, Paradigm | None] = {
    f"one step, t={T_SMALL}": one_step(T_SMALL),
    f"one step, t={T_BIG}": one_step(T_BIG),
    "norm-guided": None,
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


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=int, default=1_000_000, help="images of each kind")
    arguments = parser.parse_args()
    metadata, tensors = load_model(arguments.model)
    detector = build_detector(DetectorConfig.model_validate({**metadata.config, "evidence": None}))
    kept = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith("evidence.")}
    detector.load_state_dict(kept)
    detector.eval()
    parts: list[TestPart] = []
    for _, kind in groupby(read_category(arguments.data).parts, key=lambda part: part.defect):
        parts += list(kind)[: arguments.most]
    result = {}
    for name, paradigm in PARADIGMS.items():
        result[name] = measure(detector, parts, paradigm)
        console.print(name, result[name])
    print(json.dumps({"images": len(parts), **result}, indent=1))


if __name__ == "__main__":
    main()

"""What a product would cost on disk as low-rank adapters on the base model and evidence in few bits.

python benchmarks/product_size.py --data CATEGORY --model MODEL --most 60

MODEL was trained on CATEGORY by `norma train --from base`. What its networks' weights differ by from the
base's is cut to a few ranks, and the networks alone are measured on held-out parts with drawn anomalies. Then
feature evidence is fitted with fewer directions, rounded, and measured alone on test images. Prints JSON.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from few_normals import subset
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import image_score
from inspector_core.detectors.feature_evidence import EvidenceConfig, FeatureEvidence
from inspector_core.detectors.model_file import load_model
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.engines.devices import body_type
from inspector_core.engines.preprocess import fit
from inspector_core.engines.registration import REFERENCE
from inspector_core.evaluation.auroc import auroc
from inspector_core.evaluation.dataset import read_category
from inspector_core.evaluation.pixel_tally import PixelTally
from inspector_core.evaluation.ranked_counts import rank
from inspector_core.resources import BASE_MODEL, resource
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.synthesis.foreground import choose_method, foreground_masks
from inspector_core.training.dataset import ALWAYS, load_normals
from inspector_core.training.evidence import fit_across, is_grey

RANKS = (4, 8, 16, 32)
CHANNELS, BITS = (64, 32, 16), (16, 8, 4)
HELD_OUT, BATCH = 60, 4
console = Console(stderr=True)
Weights = dict[str, Tensor]


def of_networks(name: str) -> bool:
    return name.startswith(("denoiser.", "segmentation."))


def planes(images: NDArray[np.uint8]) -> Iterator[Tensor]:
    """Batches [B, 3, S, S], 0..1, of [N, S, S, 3]."""
    for start in range(0, len(images), BATCH):
        yield torch.from_numpy(images[start : start + BATCH]).permute(0, 3, 1, 2).float() / 255


def cut(weights: Weights, base: Weights, most: int) -> tuple[Weights, int]:
    """The networks with what they differ by from the base cut to a rank, and its bytes in half precision."""
    made, numbers = dict(weights), 0
    if most == 0:
        return made | {name: base[name] for name in weights if of_networks(name)}, 0
    for name, tensor in weights.items():
        if not of_networks(name):
            continue
        difference = (tensor.float() - base[name].float()).flatten(1 if tensor.dim() > 1 else 0)
        if tensor.dim() > 1 and min(difference.shape) > most:
            u, s, v = torch.linalg.svd(difference, full_matrices=False)
            difference = (u[:, :most] * s[:most]) @ v[:most]
            numbers += most * sum(difference.shape)
        else:
            numbers += difference.numel()
        made[name] = base[name].float() + difference.view_as(tensor)
    return made, 2 * numbers


@torch.no_grad()
def networks_alone(
    config: DetectorConfig, weights: Weights, good: NDArray[np.uint8], drawn: tuple[Tensor, Tensor]
) -> dict[str, float | None]:
    """Drawn anomalies told from good parts, and the mean squared error of good parts' reconstructions."""
    detector = build_detector(config)
    detector.load_state_dict({name: tensor.float() for name, tensor in weights.items() if name != REFERENCE})
    detector.eval()
    tally, normal, strange, error = PixelTally(), [], [], []
    body = body_type(torch.device("cpu"))
    with torch.autocast("cpu", body, enabled=body != torch.float32):
        for images, masks in zip(*(torch.split(part, BATCH) for part in drawn), strict=True):
            logits = detector.pass_networks(images).logits.float()
            strange += [image_score(one[None], config.top_k) for one in logits]
            for one, mask in zip(logits.sigmoid(), masks, strict=True):
                tally.add(one[0].numpy(), mask[0].numpy() > 0.5)
        for images in planes(good):
            found = detector.pass_networks(images)
            normal += [image_score(one[None], config.top_k) for one in found.logits.float()]
            for one in found.logits.float().sigmoid():
                tally.add(one[0].numpy())
            error.append(float((found.reconstruction.float() - images).square().mean()))
    return {
        "image_auroc": auroc(rank(strange, normal)),
        "pixel_auroc": tally.auroc(),
        "error": float(np.mean(error)),
    }


def rounded(values: Tensor, bits: int) -> Tensor:
    """Each place's numbers in so many bits, in steps of its largest one."""
    if bits >= 16:
        return values
    flat = values.flatten(1)
    step = flat.abs().amax(1, keepdim=True).clamp_min(1e-9) / (2 ** (bits - 1) - 1)
    return ((flat / step).round() * step).view_as(values)


@torch.no_grad()
def evidence_rows(normals: NDArray[np.uint8], data: Path, most: int) -> list[dict[str, float | None]]:
    """Evidence alone, fitted to normals, on test images."""
    size = normals.shape[1]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        parts = read_category(subset(data, [], most, Path(folder) / data.name)).parts
        images = np.stack([fit(part.image(), size) for part in parts])
    for channels in CHANNELS:
        config = EvidenceConfig(channels=channels, context=channels, colour=not is_grey(normals))
        evidence = FeatureEvidence(config, size)
        fit_across(evidence, normals, np.full(len(normals), ALWAYS), np.arange(min(64, len(normals))))
        exact = [part.clone() for part in (evidence.mean, evidence.known, evidence.factor)]
        for bits in BITS:
            for part, values in zip((evidence.mean, evidence.known, evidence.factor), exact, strict=True):
                part.copy_(rounded(values, bits))
            scores = torch.cat([evidence.image_distance(evidence.distance(x)) for x in planes(images)])
            good = [s for s, part in zip(scores.tolist(), parts, strict=True) if part.is_good]
            bad = [s for s, part in zip(scores.tolist(), parts, strict=True) if not part.is_good]
            stored = sum(part.numel() for part in exact) * bits / 8e6
            rows.append(
                {"channels": channels, "bits": bits, "mb": stored, "image_auroc": auroc(rank(bad, good))}
            )
            console.print(rows[-1])
    return rows


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="leaves the networks out where there is none")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--most", type=int, default=60)
    arguments = parser.parse_args()
    normals = load_normals(arguments.data, arguments.size)
    folds = normals.folds(0)
    result: dict[str, object] = {"data": arguments.data.name}
    if arguments.model is not None:
        good = normals.images[folds == 0][:HELD_OUT]
        method = choose_method(normals.images)
        foreground = torch.from_numpy(foreground_masks(good, method))[:, None]
        pixels = torch.from_numpy(good).permute(0, 3, 1, 2)
        synthesizer = Synthesizer(pixels, foreground, SynthesisConfig(texture=method == "full"))
        drawn = synthesizer.sample(torch.arange(len(good)), torch.Generator().manual_seed(1))
        metadata, weights = load_model(arguments.model)
        config = DetectorConfig.model_validate(metadata.config)
        _, base = load_model(resource(BASE_MODEL))
        rows = []
        for most in (0, *RANKS, 10_000):
            made, stored = cut(weights, base, most)
            rows.append({"rank": most, "mb": stored / 1e6, **networks_alone(config, made, good, drawn)})
            console.print(rows[-1])
        result["networks"] = rows
    result["evidence"] = evidence_rows(normals.images[folds != 0], arguments.data, arguments.most)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

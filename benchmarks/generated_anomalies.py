"""Pictures of what HDM generates, on the demo product with the shipped model.

python benchmarks/generated_anomalies.py --out docs/pictures/generated-anomalies.jpg

Rows: normal parts; what became of them; the label, where pixels that don't count are grey. Upper three: walks
through the inflated reverse step; lower three: diffused composites. Invisible ones are passed over.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from inspector_core.demo import Split, draw_part, part_seed
from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.hdm_config import HDMConfig, HDMTraining
from inspector_core.detectors.model_file import load_model
from inspector_core.detectors.presets import preset, with_hdm
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.synthesis.foreground import choose_method, foreground_masks
from inspector_core.training.generation import AnomalyGenerator, Kind
from inspector_core.training.optimised_generation import assess
from inspector_core.training.probability import normal_figures, refine_label

MODEL = Path(__file__).parent.parent / "resources" / "models" / "demo-edge.safetensors"
SIZE, NORMALS, SHOWN = 192, 24, 6
LEAST_PIXELS = 25
"""Of a label, for an anomaly to be shown."""


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--out", type=Path, default=Path("generated-anomalies.jpg"))
    parser.add_argument("--strength", type=float, default=16.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    parts = [draw_part(part_seed(3, Split.TRAIN, k), None, SIZE).image for k in range(NORMALS)]
    images = np.stack(parts)
    chosen = with_hdm(preset("edge", SIZE), HDMConfig(), HDMTraining())
    detector = HDM(chosen.detector)
    _, tensors = load_model(MODEL)
    networks = {k: v for k, v in tensors.items() if k.startswith(("denoiser.", "segmentation."))}
    detector.warm_start(networks)
    detector.eval()
    method = choose_method(images)
    foreground = torch.from_numpy(foreground_masks(images, method))[:, None]
    synthesizer = Synthesizer(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), foreground, SynthesisConfig()
    )
    generator = AnomalyGenerator(synthesizer, chosen.training)
    random = torch.Generator().manual_seed(arguments.seed)
    noise = torch.Generator().manual_seed(arguments.seed)
    normal = synthesizer.normals(torch.arange(NORMALS))
    seen = assess(detector, detector.encode(normal))
    figures = normal_figures(normal, detector.decode(seen.reconstruction.small), seen.ratios, 0.9)
    halves = []
    for kind in ("local", "diffused"):
        rows: list[Tensor] = []
        while len(rows) < SHOWN:
            indices = torch.randperm(NORMALS, generator=random)[:8]
            made = generator.propose(detector, _kind(kind), indices, arguments.strength, random, noise)
            label, counts = refine_label(made.image, made.normal, made.soft, figures.change)
            shown = torch.where(counts > 0, label, torch.full_like(label, 0.4)).expand(-1, 3, -1, -1)
            visible = (label.sum((1, 2, 3)) >= LEAST_PIXELS).nonzero().flatten()
            rows += [torch.stack([part[k] for part in (made.normal, made.image, shown)]) for k in visible]
        columns = torch.stack(rows[:SHOWN])  # [SHOWN, 3, 3, S, S]
        halves.append(np.vstack([_row(columns[:, k]) for k in range(3)]))
    cv2.imwrite(str(arguments.out), np.vstack(halves)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


def _kind(name: str) -> Kind:
    return "local" if name == "local" else "diffused"


def _row(images: Tensor) -> np.ndarray:
    return np.hstack([(image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for image in images])


if __name__ == "__main__":
    main()

"""Images a second of Norma's training beside a literal loop in the style of the published one, in one run.

python benchmarks/training_speed.py --preset edge --size 256 --batch 16 --rounds 8

The literal loop: each image is read, resized and spoilt by itself in a DataLoader's worker process; float32;
two calls of the U-Net, one for each scale, with gradients for anomalous images too although their noise loss
does not count; Adam. Norma's step: the same losses, synthesis in one batch on the device, both scales in one
call, bfloat16 where the device has it, the discarded half without gradient. Replays are left out of both.
They take turns of some steps, so that what else the machine does slows both alike; two batches of each turn
of the literal loop are made during the other's.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from inspector_core.demo import write_dataset
from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.presets import Preset, preset
from inspector_core.diffusion.norm_guided import guide
from inspector_core.diffusion.schedule import add_noise, at
from inspector_core.engines.devices import choose_device
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.dataset import load_normals
from inspector_core.training.losses import mask_loss, normal_mean
from inspector_core.training.trainer import Trainer

PARTS, TURNS = 64, 2
Step = Callable[[], None]


def synthesizer(normals: NDArray[np.uint8], device: torch.device) -> Synthesizer:
    images = torch.from_numpy(normals).permute(0, 3, 1, 2).to(device)
    everywhere = torch.ones((len(images), 1, *images.shape[2:]), dtype=torch.bool, device=device)
    return Synthesizer(images, everywhere, SynthesisConfig())


class SpoiltOneByOne(Dataset[tuple[Tensor, Tensor, bool]]):
    """Every second image with an anomaly; each is read from its file when it is asked for."""

    def __init__(self, folder: Path, size: int, count: int) -> None:
        self.paths = sorted((folder / "train" / "good").iterdir())
        self.folder, self.size, self.count = folder, size, count
        self._maker: Synthesizer | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor, bool]:
        read = cv2.imread(str(self.paths[k % len(self.paths)]))
        image = cv2.resize(read[..., ::-1], (self.size, self.size), interpolation=cv2.INTER_AREA)
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
        if k % 2 == 0:
            return pixels.float() / 255, torch.zeros(1, self.size, self.size), False
        if self._maker is None:
            self._maker = synthesizer(load_normals(self.folder, self.size).images, torch.device("cpu"))
        place = torch.tensor([k % len(self.paths)])
        spoilt, mask = self._maker.sample(place, torch.Generator().manual_seed(k))
        return spoilt[0], mask[0], True


def literal(chosen: Preset, folder: Path, device: torch.device, rounds: int) -> Step:
    """A step of the loop in the published style."""
    torch.manual_seed(0)
    detector = build_detector(chosen.detector).to(device).train()
    config = chosen.training
    optimiser = torch.optim.Adam(detector.parameters(), lr=1e-4)
    dataset = SpoiltOneByOne(folder, chosen.detector.size, config.batch * rounds)
    batches: Iterator[tuple[Tensor, Tensor, Tensor]] = iter(
        DataLoader(dataset, config.batch, num_workers=2, prefetch_factor=1)
    )
    low, high = chosen.detector.diffusion.clamp

    def step() -> None:
        image, mask, anomalous = (part.to(device) for part in next(batches))
        x = detector.encode(image)
        found, noise_loss = [], x.new_zeros(())
        times = [
            torch.randint(config.t_small_min, config.tau, (len(x),), device=device),
            torch.randint(config.tau, config.t_big_max, (len(x),), device=device),
        ]
        for t in times:
            noise = torch.randn_like(x)
            x0, out = detector.denoiser(add_noise(x, noise, at(detector.denoiser.alpha_bar, t)), t)
            loss = detector.denoiser.noise_loss(out, t, x, noise, config.snr_cap)
            noise_loss = noise_loss + normal_mean(loss, anomalous)
            found.append(x0)
        guided = guide(*found, at(detector.denoiser.alpha_bar, times[0]), 1.0, low, high)
        total = mask_loss(detector.segment(x, guided), mask, config).total(config) + noise_loss
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        float(total)

    return step


def norma(chosen: Preset, folder: Path, device: torch.device) -> Step:
    """A joint step as Norma takes it."""
    torch.manual_seed(0)
    detector: DiffusionAD = build_detector(chosen.detector).to(device)
    normals = load_normals(folder, chosen.detector.size).images
    trainer = Trainer(detector, normals, synthesizer(normals, device), chosen.training, seed=0)

    def step() -> None:
        trainer.step(0.1)

    return step


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--preset", default="edge")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    plain = preset(arguments.preset, arguments.size)
    training = plain.training.model_copy(update={"batch": arguments.batch, "replays": 0})
    chosen = plain.model_copy(update={"training": training})
    seconds = {"literal": 0.0, "norma": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder), train=PARTS, good=1, per_defect=1, seed=0)
        steps = {
            "literal": literal(chosen, Path(folder), device, TURNS * arguments.rounds + 1),
            "norma": norma(chosen, Path(folder), device),
        }
        for step in steps.values():  # the first one warms up
            step()
        for _ in range(TURNS):
            for name, step in steps.items():
                began = time.perf_counter()
                for _ in range(arguments.rounds):
                    step()
                seconds[name] += time.perf_counter() - began
    images = TURNS * arguments.rounds * arguments.batch
    rates = {name: images / taken for name, taken in seconds.items()}
    print(
        json.dumps(
            {
                "device": str(device),
                "preset": arguments.preset,
                "size": arguments.size,
                "batch": arguments.batch,
                "literal_images_a_second": round(rates["literal"], 3),
                "norma_images_a_second": round(rates["norma"], 3),
                "times": round(rates["norma"] / rates["literal"], 2),
            }
        )
    )


if __name__ == "__main__":
    main()

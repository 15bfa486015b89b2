"""Makes the base model that new products start from, on families of parts that nobody makes.

python benchmarks/base_model.py train --minutes 120
python benchmarks/base_model.py sheet --out families.png

No photograph enters it. A training that is stopped goes on where it was when the command is given again.
"""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata, TrainingInfo, save_model
from inspector_core.detectors.presets import preset
from inspector_core.families.family import Family
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.checkpoint import load_checkpoint, save_checkpoint
from inspector_core.training.mixture import SynthesizerMixture
from inspector_core.training.run import stored_weights
from inspector_core.training.trainer import Trainer

MODEL = Path(__file__).parent.parent / "resources" / "models" / "base-edge.safetensors"
FAMILIES, SPECIMENS, SIZE = 600, 12, 256
VIEW = 128
"""Networks are convolutional, and a step on views of this side costs a quarter of one on whole pictures."""
MARGIN = 9
"""Anomalies may reach this many pixels beyond a part's edge."""
CHECKPOINT_EVERY_S = 300.0
console = Console(stderr=True)


def draw() -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.int64]]:
    """Two views of each specimen [N, V, V, 3], where its part is [N, V, V], and the sort of each [N].

    One view is the whole picture made smaller, the other a piece of it as large as it is, at a random place.
    """
    count = 2 * FAMILIES * SPECIMENS
    images = np.empty((count, VIEW, VIEW, 3), np.uint8)
    parts = np.empty((count, VIEW, VIEW), bool)
    sorts = np.empty(count, np.int64)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (MARGIN, MARGIN))
    random = np.random.default_rng(0)
    row = 0
    for seed in range(FAMILIES):
        family = Family(seed, SIZE)
        for sample in range(SPECIMENS):
            image, part = family.draw(sample)
            covered = cv2.dilate(part.astype(np.uint8), around)
            y, x = random.integers(0, SIZE - VIEW + 1, 2)
            images[row] = cv2.resize(image, (VIEW, VIEW), interpolation=cv2.INTER_AREA)
            parts[row] = cv2.resize(covered, (VIEW, VIEW), interpolation=cv2.INTER_NEAREST) > 0
            images[row + 1] = image[y : y + VIEW, x : x + VIEW]
            parts[row + 1] = covered[y : y + VIEW, x : x + VIEW] > 0
            sorts[row : row + 2] = 2 * family.texture + family.camera.grey
            row += 2
        if seed % 100 == 0:
            console.print(f"family {seed} of {FAMILIES}")
    return images, parts, sorts


def mixture(
    images: NDArray[np.uint8], parts: NDArray[np.bool_], sorts: NDArray[np.int64]
) -> SynthesizerMixture:
    """One synthesizer for each sort: texture or object, grey or in colour."""
    members = []
    for sort in np.unique(sorts):
        rows = np.flatnonzero(sorts == sort)
        chosen = torch.from_numpy(images[rows]).permute(0, 3, 1, 2).contiguous()
        foreground = torch.from_numpy(parts[rows])[:, None]
        config = SynthesisConfig(texture=bool(sort >= 2))
        members.append((Synthesizer(chosen, foreground, config), torch.from_numpy(rows)))
    return SynthesizerMixture(members)


def train(minutes: float, out: Path, seed: int) -> None:
    """Train the `edge` preset on all families at once, and save its networks."""
    chosen = preset("edge", VIEW)
    settings = chosen.training.model_copy(update={"replay_crop": 0.75})
    torch.manual_seed(seed)
    images, parts, sorts = draw()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    detector = DiffusionAD(chosen.detector).to(device)
    trainer = Trainer(detector, images, mixture(images, parts, sorts), settings, seed)
    run, path = f"base {minutes} {seed}", out.with_name(f"{out.name}.checkpoint")
    elapsed = 0.0
    if (state := load_checkpoint(path, run)) is not None:
        elapsed = float(state.pop("elapsed"))  # type: ignore[arg-type]
        trainer.load_state_dict(state)
        console.print(f"resumed at step {trainer.step_count}")
    saved, losses = time.monotonic(), []
    while elapsed < minutes * 60:
        began = time.monotonic()
        losses.append(trainer.step(elapsed / (minutes * 60)))
        now = time.monotonic()
        elapsed += now - began
        if trainer.step_count % 50 == 0:
            means = {name: round(float(np.mean([step[name] for step in losses])), 4) for name in losses[0]}
            console.print(trainer.step_count, f"{elapsed / 60:.1f} min", means)
            losses = []
        if now - saved >= CHECKPOINT_EVERY_S:
            save_checkpoint(path, run, {**trainer.state_dict(), "elapsed": elapsed})
            saved = now
    trainer.settle()
    info = TrainingInfo(
        command=f"python benchmarks/base_model.py train --minutes {minutes:g} --seed {seed}",
        data=f"{FAMILIES} drawn families",
        data_fingerprint=f"families 0 to {FAMILIES - 1}, {SPECIMENS} specimens, two views of {VIEW} pixels",
        normals=len(images),
        steps=trainer.step_count,
        seconds=round(elapsed, 1),
        seed=seed,
        device=device.type,
        created_at=datetime.now(UTC),
    )
    networks = {
        name: tensor
        for name, tensor in stored_weights(detector.state_dict()).items()
        if name.startswith(("denoiser.", "segmentation."))
    }
    config = preset("edge", SIZE).detector.model_dump(mode="json")
    save_model(out, networks, ModelMetadata(config=config, training=info))
    path.unlink(missing_ok=True)


def sheet(out: Path) -> None:
    """Two specimens each of the first 60 families as one picture."""
    pairs = [np.hstack([Family(seed, 128).draw(k).image for k in range(2)]) for seed in range(60)]
    cv2.imwrite(str(out), np.vstack([np.hstack(pairs[k : k + 6]) for k in range(0, 60, 6)])[..., ::-1])


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("what", choices=["train", "sheet"])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "train":
        train(arguments.minutes, arguments.out or MODEL, arguments.seed)
    else:
        sheet(arguments.out or Path("families.png"))


if __name__ == "__main__":
    main()

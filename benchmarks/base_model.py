"""Makes the base model that new products start from, on families of parts that nobody makes.

python benchmarks/base_model.py train
python benchmarks/base_model.py sheet --out families.png

No photograph enters it. Pictures and their anomalies are drawn beforehand, by all cores of the CPU; then the
`edge` preset is trained on all of them at once. The defaults are those of the shipped model, made on one H100
with 16 cores; on a CPU take `--families 600 --versions 2 --batch 8 --workers 2`. A stopped training goes on
where it was when the command is given again.
"""

import argparse
import mmap
import multiprocessing
import time
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata, TrainingInfo, save_model
from inspector_core.detectors.presets import preset
from inspector_core.families.family import Family
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.checkpoint import load_checkpoint, save_checkpoint
from inspector_core.training.finish import stored_weights
from inspector_core.training.trainer import Trainer

MODEL = Path(__file__).parent.parent / "resources" / "models" / "base-edge.safetensors"
SIZE = 256
MARGIN = 9
"""Anomalies may reach this many pixels beyond a part's edge."""
AT_ONCE = 16
"""Anomalies that a process makes in one go."""
RATES = {8: (5e-4, 1e-3), 64: (1e-3, 2e-3)}
"""Peak rates of the denoiser and the segmentation by batch size."""
REPORT_EVERY, CHECKPOINT_EVERY_S = 100, 300.0
console = Console(stderr=True)


class Pool:
    """Pictures and anomalous versions of them, drawn beforehand, as `Trainer` takes them.

    The arrays lie in memory that child processes share.

    Attributes:
        images: RGB uint8 [N, S, S, 3].
        anomalies: uint8 [N, V, S, S, 3], V versions of each image, with masks bool [N, V, S, S].
    """

    def __init__(self, families: int, specimens: int, versions: int) -> None:
        count = families * specimens
        self.families, self.specimens = families, specimens
        self.images = _shared((count, SIZE, SIZE, 3))
        self.anomalies = _shared((count, versions, SIZE, SIZE, 3))
        self.masks = _shared((count, versions, SIZE, SIZE))
        self._on_device: tuple[Tensor, Tensor] | None = None

    def draw(self, workers: int, seed: int) -> None:
        """Fill the arrays; with another number of processes other anomalies come out."""
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=self._draw_share, args=(k, workers, seed)) for k in range(workers)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            if child.exitcode:
                raise SystemExit("a process that draws has failed")

    def to(self, device: torch.device) -> None:
        """Move the anomalies to where they are trained on."""
        anomalies, masks = (
            torch.from_numpy(part.reshape(-1, *part.shape[2:])).to(device)
            for part in (self.anomalies, self.masks)
        )
        self._on_device = anomalies, masks

    def sample(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One of the versions of each image at `indices` [B]: [B, 3, S, S], 0..1, and mask [B, 1, S, S]."""
        assert self._on_device is not None
        anomalies, masks = self._on_device
        versions = self.masks.shape[1]
        drawn = torch.randint(versions, (len(indices),), generator=generator)
        rows = indices.to(anomalies.device) * versions + drawn.to(anomalies.device)
        return anomalies[rows].permute(0, 3, 1, 2).float() / 255, masks[rows][:, None].float()

    def _draw_share(self, worker: int, workers: int, seed: int) -> None:
        torch.set_num_threads(1)
        around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (MARGIN, MARGIN))
        by_sort: dict[tuple[bool, bool], tuple[list[int], list[NDArray[np.bool_]]]] = {}
        for number in range(worker, self.families, workers):
            family = Family(number, SIZE)
            for sample in range(self.specimens):
                image, part = family.draw(sample)
                row = number * self.specimens + sample
                self.images[row] = image
                rows, parts = by_sort.setdefault((family.texture, family.camera.grey), ([], []))
                rows.append(row)
                parts.append(cv2.dilate(part.astype(np.uint8), around) > 0)
        generator = torch.Generator().manual_seed(1000 * seed + worker)
        for (texture, _), (rows, parts) in by_sort.items():
            self._spoil(np.array(rows), np.stack(parts), texture, generator)

    def _spoil(
        self, rows: NDArray[np.int64], parts: NDArray[np.bool_], texture: bool, generator: torch.Generator
    ) -> None:
        """Versions of images of one sort.

        A texture is not spoilt by moving its pieces, and a grey picture must not be betrayed by colour.
        """
        chosen = torch.from_numpy(self.images[rows]).permute(0, 3, 1, 2).contiguous()
        maker = Synthesizer(chosen, torch.from_numpy(parts)[:, None], SynthesisConfig(texture=texture))
        for version in range(self.masks.shape[1]):
            for start in range(0, len(rows), AT_ONCE):
                here = torch.arange(start, min(start + AT_ONCE, len(rows)))
                image, mask = maker.sample(here, generator)
                pixels = (image * 255).round().byte().permute(0, 2, 3, 1).numpy()
                self.anomalies[rows[here.numpy()], version] = pixels
                self.masks[rows[here.numpy()], version] = mask[:, 0].byte().numpy()


def _shared(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.frombuffer(mmap.mmap(-1, int(np.prod(shape))), np.uint8).reshape(shape)


def train(arguments: argparse.Namespace, out: Path) -> None:
    """Train the `edge` preset on all families at once, and save its networks."""
    pool = Pool(arguments.families, arguments.specimens, arguments.versions)
    began = time.monotonic()
    pool.draw(arguments.workers, arguments.seed)
    console.print(f"drawn in {time.monotonic() - began:.0f} s: {len(pool.images)} pictures")
    chosen = preset("edge", SIZE)
    rates = RATES[min(RATES, key=lambda batch: abs(batch - arguments.batch))]
    settings = chosen.training.model_copy(
        update={
            "batch": arguments.batch,
            "replay_batch": arguments.batch,
            "replay_crop": 0.75,
            "replay_bank": 1024,
            "denoiser_lr": rates[0],
            "segmentation_lr": rates[1],
        }
    )
    torch.manual_seed(arguments.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pool.to(device)
    detector = DiffusionAD(chosen.detector).to(device)
    trainer = Trainer(detector, pool.images, pool, settings, arguments.seed)
    command = (
        f"python benchmarks/base_model.py train --minutes {arguments.minutes:g} --seed {arguments.seed}"
        f" --families {arguments.families} --specimens {arguments.specimens} --versions {arguments.versions}"
        f" --batch {arguments.batch} --workers {arguments.workers}"
    )
    path, elapsed = out.with_name(f"{out.name}.checkpoint"), 0.0
    if (state := load_checkpoint(path, command)) is not None:
        elapsed = float(state.pop("elapsed"))  # type: ignore[arg-type]
        trainer.load_state_dict(state)
        console.print(f"resumed at step {trainer.step_count}")
    saved, losses = time.monotonic(), []
    while elapsed < arguments.minutes * 60:
        began = time.monotonic()
        losses.append(trainer.step(elapsed / (arguments.minutes * 60)))
        now = time.monotonic()
        elapsed += now - began
        if trainer.step_count % REPORT_EVERY == 0:
            means = {name: round(float(np.mean([step[name] for step in losses])), 4) for name in losses[0]}
            console.print(trainer.step_count, f"{elapsed / 60:.1f} min", means)
            losses = []
        if now - saved >= CHECKPOINT_EVERY_S:
            save_checkpoint(path, command, {**trainer.state_dict(), "elapsed": elapsed})
            saved = now
    trainer.settle()
    info = TrainingInfo(
        command=command,
        data=f"{arguments.families} drawn families",
        data_fingerprint=f"families 0 to {arguments.families - 1}, {arguments.specimens} specimens",
        normals=len(pool.images),
        steps=trainer.step_count,
        seconds=round(elapsed, 1),
        seed=arguments.seed,
        device=device.type,
        created_at=datetime.now(UTC),
    )
    networks = {
        name: tensor
        for name, tensor in stored_weights(detector.state_dict()).items()
        if name.startswith(("denoiser.", "segmentation."))
    }
    save_model(out, networks, ModelMetadata(config=chosen.detector.model_dump(mode="json"), training=info))
    path.unlink(missing_ok=True)


def sheet(out: Path) -> None:
    """Two specimens each of the first 60 families as one picture."""
    pairs = [np.hstack([Family(seed, 128).draw(k).image for k in range(2)]) for seed in range(60)]
    cv2.imwrite(str(out), np.vstack([np.hstack(pairs[k : k + 6]) for k in range(0, 60, 6)])[..., ::-1])


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("what", choices=["train", "sheet"])
    parser.add_argument("--minutes", type=float, default=4.4)
    parser.add_argument("--families", type=int, default=1600)
    parser.add_argument("--specimens", type=int, default=8)
    parser.add_argument("--versions", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=13)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "train":
        train(arguments, arguments.out or MODEL)
    else:
        sheet(arguments.out or Path("families.png"))


if __name__ == "__main__":
    main()

"""Small defects on large parts: the whole picture resized, against tiles, on the same drawn parts.

python benchmarks/tiling.py --minutes 8

Draws parts of 2048 x 2048 pixels; the defective ones bear one scratch, 6 pixels wide and 40 long, where the
part is. Trains the `edge` preset on pictures resized to 256, then on 8 x 8 tiles of 256, equally long. Times
are the line's, which reconstructs only what is suspicious.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from inspector_core.demo import Split, draw_part, part_seed
from inspector_core.demo.geometry import FLAT, OUTER
from inspector_core.detectors.tiling import Tiling
from inspector_core.engines.engine import NO_PICTURES
from inspector_core.engines.factory import open_engine
from inspector_core.evaluation.evaluate import evaluate
from inspector_core.images import write_png
from inspector_core.training.request import TrainingRequest
from inspector_core.training.run import run_training

SIZE, WIDTH, LENGTH = 2048, 6, 40
CONTRAST = 45
"""Grey values by which the scratch is brighter than what it crosses."""
TRAIN, GOOD, DEFECTIVE = 72, 30, 30
console = Console(stderr=True)


def scratched(
    image: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The part with a scratch somewhere on its ring, and the scratch's mask."""
    angle, radius = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.85) * min(OUTER, FLAT)
    centre = SIZE * (0.5 + radius * np.array([np.cos(angle), np.sin(angle)]))
    heading = rng.uniform(0, np.pi)
    half = (LENGTH - WIDTH) / 2 * np.array([np.cos(heading), np.sin(heading)])
    mask = np.zeros(image.shape[:2], np.uint8)
    ends = [tuple(int(v) for v in (centre + way * half).round()) for way in (-1, 1)]
    cv2.line(mask, ends[0], ends[1], 255, WIDTH, cv2.LINE_AA)
    share = mask[..., None].astype(np.float32) / 255
    return np.clip(image + share * CONTRAST, 0, 255).astype(np.uint8), mask


def draw(folder: Path) -> None:
    """The data set, in MVTec layout; drawn once."""
    if (folder / "complete").exists():
        return
    for k in range(TRAIN):
        part = draw_part(part_seed(7, Split.TRAIN, k), None, SIZE)
        write_png(folder / "train" / "good" / f"{k:03d}.png", part.image)
    for k in range(GOOD + DEFECTIVE):
        image = draw_part(part_seed(7, Split.TEST, k), None, SIZE).image
        if k < GOOD:
            write_png(folder / "test" / "good" / f"{k:03d}.png", image)
            continue
        image, mask = scratched(image, np.random.default_rng((7, k)))
        write_png(folder / "test" / "scratch" / f"{k:03d}.png", image)
        write_png(
            folder / "ground_truth" / "scratch" / f"{k:03d}_mask.png", (mask > 127).astype(np.uint8) * 255
        )
    (folder / "complete").touch()


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--data", type=Path, default=Path("build") / "tiling")
    parser.add_argument("--from-base", action="store_true")
    arguments = parser.parse_args()
    console.print("drawing the parts")
    draw(arguments.data / "parts")
    result = {}
    for name, tiling in (("resized", None), ("tiled", Tiling(rows=8, columns=8))):
        out = arguments.data / f"{name}.safetensors"
        request = TrainingRequest(
            data=arguments.data / "parts",
            out=out,
            preset="edge",
            minutes=arguments.minutes,
            tiling=tiling,
            start_from="base" if arguments.from_base else None,
        )
        console.print(f"training {name}")
        run_training(request)
        began = time.monotonic()
        figures = evaluate(open_engine(out, picture_from=NO_PICTURES), arguments.data / "parts").as_json()
        keys = ("image_auroc", "pixel_auroc", "pro", "ap", "ms_per_image")
        result[name] = {key: figures[key] for key in keys} | {"seconds": time.monotonic() - began}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

"""Parts that lie turned anyhow: brought into one pose, and as they lie.

python benchmarks/turned_parts.py --data CATEGORY --minutes 1 --most 60

Turns each image of a category about its middle by an angle of its own, masks alike, and trains on the turned
copy twice, equally long, from the base model. `--most` limits the test images of each kind. Prints JSON.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from few_normals import KEYS, subset
from numpy.typing import NDArray
from rich.console import Console

from inspector_core.engines.factory import open_engine
from inspector_core.evaluation.evaluate import evaluate
from inspector_core.images import read_rgb, write_png
from inspector_core.training.request import TrainingRequest
from inspector_core.training.run import run_training

console = Console(stderr=True)


def turned(image: NDArray[np.uint8], angle: float, how: int) -> NDArray[np.uint8]:
    """About the middle; what comes into view mirrors the image."""
    height, width = image.shape[:2]
    pose = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    moved = cv2.warpAffine(image, pose, (width, height), flags=how, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.uint8)


def turn_all(category: Path, out: Path) -> Path:
    """A copy of a category, each image turned; a mask turns with its image."""
    rng = np.random.default_rng(0)
    for folder in (category / "train" / "good", *sorted((category / "test").iterdir())):
        for path in sorted(folder.iterdir()):
            angle = rng.uniform(-180, 180)
            to = out / folder.relative_to(category) / f"{path.stem}.png"
            write_png(to, turned(read_rgb(path), angle, cv2.INTER_CUBIC))
            mask = category / "ground_truth" / folder.name / f"{path.stem}_mask.png"
            if mask.exists():
                bare = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
                write_png(
                    out / mask.relative_to(category),
                    turned(np.asarray(bare, np.uint8), angle, cv2.INTER_NEAREST),
                )
    return out


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--most", type=int, default=60)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"data": arguments.data.name, "minutes": arguments.minutes}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        normals = sorted((arguments.data / "train" / "good").iterdir())
        chosen = subset(arguments.data, normals, arguments.most, folder / "chosen")
        data = turn_all(chosen, folder / arguments.data.name)
        choices: tuple[Literal["off", "auto"], ...] = ("off", "auto")
        for registration in choices:
            model = folder / f"{registration}.safetensors"
            request = TrainingRequest(
                data=data,
                out=model,
                preset="edge",
                size=arguments.size,
                minutes=arguments.minutes,
                start_from="base",
                registration=registration,
            )
            registered = run_training(request).registered
            figures = evaluate(open_engine(model), data).as_json()
            row = {"registered": registered, **{key: figures[key] for key in KEYS}}
            console.print(registration, row)
            result[registration] = row
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

"""What few photographs of good parts are worth: from the base model and from scratch, equally long.

python benchmarks/few_normals.py --data CATEGORY --counts 20 50 100 --minutes 2

The normals are drawn at random from the category's, the same ones for each start. `--most` limits the test
images of each kind. Prints JSON, a row for each run.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from inspector_core.engines.engine import NO_PICTURES
from inspector_core.engines.factory import open_engine
from inspector_core.evaluation.evaluate import evaluate
from inspector_core.training.request import TrainingRequest
from inspector_core.training.run import run_training

KEYS = ("image_auroc", "pixel_auroc", "pro", "ap", "overkill", "escape")
console = Console(stderr=True)


def subset(category: Path, normals: list[Path], most: int, out: Path) -> Path:
    """A category of links: these normals, and at most `most` test images of each kind with their masks."""
    good = out / "train" / "good"
    good.mkdir(parents=True)
    for path in normals:
        (good / path.name).symlink_to(path.resolve())
    for kind in sorted((category / "test").iterdir()):
        tested = out / "test" / kind.name
        tested.mkdir(parents=True)
        paths = sorted(kind.iterdir())
        for k in np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int):
            path = paths[k]
            (tested / path.name).symlink_to(path.resolve())
            mask = category / "ground_truth" / kind.name / f"{path.stem}_mask.png"
            if mask.exists():
                masks = out / "ground_truth" / kind.name
                masks.mkdir(parents=True, exist_ok=True)
                (masks / mask.name).symlink_to(mask.resolve())
    return out


def measure(data: Path, model: Path, minutes: float, seed: int, base: bool) -> dict[str, Any]:
    """Train and evaluate once."""
    run_training(
        TrainingRequest(
            data=data,
            out=model,
            preset="edge",
            minutes=minutes,
            seed=seed,
            start_from="base" if base else None,
        )
    )
    figures = evaluate(open_engine(model, picture_from=NO_PICTURES), data).as_json()
    return {key: figures[key] for key in KEYS}


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 50, 100])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base-only", action="store_true", help="leave training from scratch out")
    arguments = parser.parse_args()
    normals = sorted((arguments.data / "train" / "good").iterdir())
    order = np.random.default_rng(arguments.seed).permutation(len(normals))
    rows = []
    for count in arguments.counts:
        with tempfile.TemporaryDirectory() as folder:
            chosen = [normals[k] for k in order[:count]]
            data = subset(arguments.data, chosen, arguments.most, Path(folder) / arguments.data.name)
            for base in (True,) if arguments.base_only else (True, False):
                model = Path(folder) / f"{base}.safetensors"
                figures = measure(data, model, arguments.minutes, arguments.seed, base)
                rows.append({"normals": len(chosen), "from": "base" if base else "scratch", **figures})
                console.print(rows[-1])
    print(json.dumps({"data": arguments.data.name, "minutes": arguments.minutes, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()

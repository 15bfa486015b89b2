"""This week's false rejects added to a product: how many good and bad parts are rejected before and after.

python benchmarks/false_rejects.py --data CATEGORY --normals 100 --minutes 2 [--rate 0.1]

A product is trained on some of a category's normals. Half of its good test images are "this week": those
that it rejects are confirmed as good and added, and it is trained further (`norma train --add`). The other
half and all defective test images were never seen by either model. Both models' thresholds are calibrated for
the same rate on the same photographs; "at_escapes_of_before" is what the second one would reject at the
threshold that lets as many defects pass as the first one does. Prints JSON.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from few_normals import subset
from rich.console import Console

from inspector_core.engines.engine import NO_PICTURES
from inspector_core.engines.factory import open_engine
from inspector_core.evaluation.dataset import GOOD, read_category
from inspector_core.training.request import TrainingRequest
from inspector_core.training.run import run_training

console = Console(stderr=True)


def scores(model: Path, data: Path) -> tuple[float, dict[str, dict[Path, float]]]:
    """The model's threshold, and the score of each test image by kind."""
    engine = open_engine(model, picture_from=NO_PICTURES)
    assert engine.model.calibration is not None
    found: dict[str, dict[Path, float]] = {}
    for part in read_category(data).parts:
        found.setdefault(part.defect, {})[part.path] = engine.infer([part.image()])[0].score
    return engine.model.calibration.threshold, found


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--normals", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=0.1, help="false-reject rate to calibrate for")
    arguments = parser.parse_args()
    normals = sorted((arguments.data / "train" / "good").iterdir())
    order = np.random.default_rng(0).permutation(len(normals))[: arguments.normals]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = subset(arguments.data, [normals[k] for k in order], arguments.most, folder / "category")
        product, improved = folder / "product.safetensors", folder / "improved.safetensors"
        added = folder / "added"
        common: dict[str, Any] = {"data": data, "preset": "edge", "minutes": arguments.minutes}
        common["reject_rate"] = arguments.rate
        run_training(TrainingRequest(out=product, start_from="base", **common))
        threshold, before = scores(product, data)
        good = sorted(before[GOOD])
        week, later = good[::2], good[1::2]
        rejected = [path for path in week if before[GOOD][path] >= threshold]
        added.mkdir()
        for path in rejected:
            shutil.copy(path, added / path.name)
        if not rejected:
            raise SystemExit("nothing was rejected: try with fewer normals")
        run_training(TrainingRequest(out=improved, start_from=product, added=added, **common))
        new_threshold, after = scores(improved, data)
        bad = [path for kind, of in before.items() if kind != GOOD for path in of]

        def row(limit: float, found: dict[str, dict[Path, float]]) -> dict[str, float]:
            of = {path: score for kind in found.values() for path, score in kind.items()}
            return {
                "threshold": limit,
                "rejected_of_added": sum(of[path] >= limit for path in rejected),
                "rejected_later": sum(of[path] >= limit for path in later),
                "escaped": sum(of[path] < limit for path in bad),
            }

        result = {"before": row(threshold, before), "after": row(new_threshold, after)}
        escaped = int(result["before"]["escaped"])
        of_bad = sorted(score for kind, of in after.items() if kind != GOOD for score in of.values())
        equal = of_bad[min(escaped, len(of_bad) - 1)]
        result["at_escapes_of_before"] = row(equal, after)
        counts = {"added": len(rejected), "later": len(later), "defective": len(bad)}
        print(json.dumps({"data": arguments.data.name, **counts, **result}, indent=1))


if __name__ == "__main__":
    main()

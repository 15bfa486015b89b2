"""Makes the shipped demo model, and measures it on demo parts that it has never seen.

python benchmarks/demo_model.py train --minutes 40
python benchmarks/demo_model.py train --steps 1 --from resources/models/demo-edge.safetensors
python benchmarks/demo_model.py evaluate

The second keeps the weights, within one step, and fits anew what is measured after training: feature
evidence and thresholds.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from inspector_core.demo.dataset import write_dataset
from inspector_core.detectors.model_file import load_model
from inspector_core.engines.factory import open_engine
from inspector_core.evaluation.evaluate import evaluate
from inspector_core.training.request import Progress, TrainingRequest
from inspector_core.training.run import run_training

MODEL = Path(__file__).parent.parent / "resources" / "models" / "demo-edge.safetensors"
TRAIN_PARTS = 1500
SIZE = 192
TEST_SEED = 1
console = Console(stderr=True)


def train(
    minutes: float | None, steps: int | None, out: Path, data: Path, seed: int, start_from: Path | None
) -> None:
    """Draw good parts and train the `edge` preset on them."""
    console.print(f"drawing {TRAIN_PARTS} good parts in {data}")
    write_dataset(data, train=TRAIN_PARTS, good=0, per_defect=0, seed=0)
    length = f"--minutes {minutes:g}" if steps is None else f"--steps {steps}"
    command = f"python benchmarks/demo_model.py train {length} --seed {seed}"
    if start_from is not None:
        command = f"{load_model(start_from)[0].training.command}; {command} --from {start_from.name}"
    request = TrainingRequest(
        data=data,
        out=out,
        preset="edge",
        size=SIZE,
        minutes=minutes if steps is None else None,
        steps=steps,
        seed=seed,
        start_from=start_from,
        command=command,
        samples=data.parent / "samples.png",
    )

    shown = -1

    def report(progress: Progress) -> None:
        nonlocal shown
        percent = int(progress.fraction * 100)
        if percent != shown or progress.phase != "train":
            shown = percent
            losses = {name: round(value, 4) for name, value in progress.losses.items()}
            console.print(progress.phase, f"{percent} %", progress.step, losses, progress.validation)

    run_training(request, report)


def measure(model: Path, data: Path) -> None:
    """Print the figures over 250 good and 250 defective parts that share no seed with the training parts."""
    write_dataset(data, train=0, good=250, per_defect=50, seed=TEST_SEED)
    report = evaluate(open_engine(model), data)
    json.dump(report.as_json(), sys.stdout, indent=2)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("what", choices=["train", "evaluate"])
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--steps", type=int, help="in place of --minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="start_from", type=Path)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "norma-demo-model")
    arguments = parser.parse_args()
    if arguments.what == "train":
        data = arguments.data / "train-set"
        length = (arguments.minutes, arguments.steps)
        train(*length, arguments.model, data, arguments.seed, arguments.start_from)
    else:
        measure(arguments.model, arguments.data / "test-set")


if __name__ == "__main__":
    main()
